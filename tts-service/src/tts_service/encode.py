"""PCM into what was asked for, as it comes: pcm, wav, opus (Ogg), mp3, aac (ADTS) and flac."""

import struct
from typing import Protocol

import av
import numpy as np

from avatar_contract.speech import SpeechFormat, pcm_media_type
from tts_service.engine import SPEECH_RATE

_UNKNOWN_SIZE = b"\xff" * 4
_OGG_PAGE_US = "20000"
_AT_ONCE = {"flush_packets": "1"}


class Encoder(Protocol):
    """Turns mono ``pcm_s16le`` at 24 kHz into one stream of bytes. Not for the event loop."""

    media_type: str

    def feed(self, pcm: bytes) -> bytes:
        """What is ready after `pcm`."""

    def finish(self) -> bytes:
        """The rest."""


class PcmEncoder:
    """As it is."""

    media_type = pcm_media_type(SPEECH_RATE)

    def feed(self, pcm: bytes) -> bytes:
        return pcm

    def finish(self) -> bytes:
        return b""


class WavEncoder:
    """A wav of unknown length: both sizes say "all there is", as streams of wav do."""

    media_type = "audio/wav"

    def __init__(self) -> None:
        fmt = struct.pack("<IHHIIHH", 16, 1, 1, SPEECH_RATE, SPEECH_RATE * 2, 2, 16)
        self._header = b"RIFF" + _UNKNOWN_SIZE + b"WAVEfmt " + fmt + b"data" + _UNKNOWN_SIZE

    def feed(self, pcm: bytes) -> bytes:
        header, self._header = self._header, b""
        return header + pcm

    def finish(self) -> bytes:
        return self.feed(b"")


class _Pipe:
    """A file that can only be written: what a muxer writes until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


class AvEncoder:
    """Any codec and container that FFmpeg has."""

    def __init__(
        self,
        media_type: str,
        container: str,
        codec: str,
        bit_rate: int | None,
        options: dict[str, str],
    ) -> None:
        self.media_type = media_type
        self._pipe = _Pipe()
        self._file = av.open(self._pipe, "w", format=container, container_options=options)
        stream = self._file.add_stream(codec, rate=SPEECH_RATE, layout="mono")
        assert isinstance(stream, av.AudioStream)  # noqa: S101 - the codecs here are of sound
        self._stream = stream
        if bit_rate is not None:
            self._stream.bit_rate = bit_rate
        self._at = 0

    def feed(self, pcm: bytes) -> bytes:
        if pcm:
            samples = np.frombuffer(pcm, np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = SPEECH_RATE
            frame.pts = self._at
            self._at += samples.size
            self._file.mux(self._stream.encode(frame))
        return self._pipe.take()

    def finish(self) -> bytes:
        self._file.mux(self._stream.encode(None))
        self._file.close()
        return self._pipe.take()


def encoder(audio_format: SpeechFormat) -> Encoder:
    """A fresh encoder for one answer."""
    match audio_format:
        case "pcm":
            return PcmEncoder()
        case "wav":
            return WavEncoder()
        case "opus":
            options = {"page_duration": _OGG_PAGE_US, **_AT_ONCE}
            return AvEncoder("audio/ogg", "ogg", "libopus", 48_000, options)
        case "mp3":
            # No Xing header and no tag: both would want to go back to the start of the file.
            options = {"write_xing": "0", "id3v2_version": "0", **_AT_ONCE}
            return AvEncoder("audio/mpeg", "mp3", "libmp3lame", 64_000, options)
        case "aac":
            return AvEncoder("audio/aac", "adts", "aac", 64_000, _AT_ONCE)
        case "flac":
            # A stream can't go back to its header: the length stays 0 there, which means unknown.
            return AvEncoder("audio/flac", "flac", "flac", None, _AT_ONCE)
