"""The binary frame, against the vectors that the web client is held to as well."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from avatar_contract.errors import BadMessage
from avatar_contract.wire import AudioFrame, pack_audio, unpack_audio

VECTORS = json.loads(files("avatar_contract").joinpath("vectors/binary_frames.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda v: v["frame"])
def test_valid(vector: dict[str, str | int]) -> None:
    pcm = bytes.fromhex(str(vector["pcm"]))
    frame = AudioFrame(int(vector["turn_number"]), int(vector["seq"]), pcm, int(vector["flags"]))
    assert pack_audio(frame).hex() == vector["frame"]
    assert unpack_audio(bytes.fromhex(str(vector["frame"]))) == frame


@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda v: v["why"])
def test_invalid(vector: dict[str, str]) -> None:
    with pytest.raises(BadMessage):
        unpack_audio(bytes.fromhex(vector["frame"]))
