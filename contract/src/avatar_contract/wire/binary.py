"""The header of a binary audio frame down: 12 bytes, little-endian, then ``pcm_s16le``.

::

    0        1        2        4               8               12
    | u8     | u8     | u16    | u32           | u32           |
    | version| kind   | flags  | turn_number   | seq           | PCM …

Test vectors are in ``avatar_contract/vectors/binary_frames.json``.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from avatar_contract.errors import BadMessage

HEADER = struct.Struct("<BBHII")
VERSION = 1
KIND_AUDIO = 1


class AudioFrame(NamedTuple):
    """A piece of an answer's sound."""

    turn_number: int
    """Place of the turn in the conversation."""
    seq: int
    """Number among all messages and frames of the session."""
    pcm: bytes
    """Mono ``pcm_s16le`` at the rate of the clause's `audio_response`."""
    flags: int = 0
    """Reserved; 0."""


def pack_audio(frame: AudioFrame) -> bytes:
    """Header and PCM."""
    header = HEADER.pack(VERSION, KIND_AUDIO, frame.flags, frame.turn_number, frame.seq)
    return header + frame.pcm


def unpack_audio(data: bytes) -> AudioFrame:
    """The frame in `data`.

    Raises:
        BadMessage: too short, or of another version or kind.
    """
    if len(data) < HEADER.size:
        raise BadMessage(f"A binary frame has a {HEADER.size}-byte header; this has {len(data)}.")
    version, kind, flags, turn_number, seq = HEADER.unpack_from(data)
    if version != VERSION or kind != KIND_AUDIO:
        raise BadMessage(f"Binary frame of version {version}, kind {kind} is not known.")
    return AudioFrame(turn_number, seq, data[HEADER.size :], flags)
