"""A model folder that is wrong is told before a process starts for it, with what mends it."""

import shutil
import struct
from pathlib import Path

import pytest

from avatar_contract.errors import SttUnavailable
from stt_service.backends.whisper_folder import check, locate

TINY = Path(__file__).parent.parent / "data" / "models" / "tiny-whisper"


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(TINY, tmp_path / "tiny")
    return tmp_path / "tiny"


def test_the_tiny_model_is_whole(folder):
    check(folder, "tiny")
    assert locate("tiny", folder.parent) == folder
    assert locate(str(folder), Path("/nowhere")) == folder


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json", "vocabulary.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(SttUnavailable, match=f"{name}.*set STT_MODEL to one"):
        check(folder, "tiny")


def test_no_folder(tmp_path):
    with pytest.raises(SttUnavailable, match="avatar models download small"):
        check(tmp_path / "small", "small")


@pytest.mark.parametrize("kept", [0, 3, 20, 5_000, -1])
def test_cut_off_weights_are_told(folder, kept):
    weights = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(weights[:kept])
    with pytest.raises(SttUnavailable, match="cut off"):
        check(folder, "tiny")


def test_broken_json_is_told(folder):
    (folder / "config.json").write_text("{")
    with pytest.raises(SttUnavailable, match="broken"):
        check(folder, "tiny")


@pytest.mark.parametrize("name", [b"TransformerSpec\0", b"GGUF and other stuff, no ct2"])
def test_another_architecture_is_told(folder, name):
    head = struct.pack("<IH", 6, len(name)) + name + struct.pack("<II", 1, 0)
    (folder / "model.bin").write_bytes(head)
    with pytest.raises(SttUnavailable, match="no Whisper"):
        check(folder, "tiny")
    (folder / "model.bin").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(SttUnavailable):
        check(folder, "tiny")
