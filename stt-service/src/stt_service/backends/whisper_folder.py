"""Is this folder a Whisper that faster-whisper can load? Told before a process starts for it."""

import json
import struct
from pathlib import Path
from typing import BinaryIO

from avatar_contract.errors import SttUnavailable

_NEEDED = ("model.bin", "config.json", "tokenizer.json")
_VOCABULARY = ("vocabulary.json", "vocabulary.txt")
_KNOWN = ("base", "small", "large-v3-turbo")
"""Of the catalogue of `avatar models`."""
_SPECIFICATION = "WhisperSpec"
_KNOWN_VERSIONS = range(2, 7)


def locate(model: str, models_dir: Path) -> Path:
    """The folder of `model`: a path, or a name below `models_dir`."""
    given = Path(model).expanduser()
    return given if given.is_dir() else models_dir / model


def check(folder: Path, model: str) -> None:
    """Looks at every file that loading needs.

    Raises:
        SttUnavailable: what is wrong, and the command that mends it.
    """
    mend = f"run `avatar models download {model}`"
    if model not in _KNOWN:
        mend = f"set STT_MODEL to one that AVATAR brings ({', '.join(_KNOWN)}), or mend the folder"
    if not folder.is_dir():
        raise SttUnavailable(f"The model {model!r} is not in {folder}: {mend}.")
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in _VOCABULARY):
        missing.append(_VOCABULARY[0])
    if missing:
        raise SttUnavailable(f"{folder} lacks {', '.join(missing)}: {mend}.")
    for name in ("config.json", "tokenizer.json"):
        _check_json(folder / name, mend)
    with (folder / "model.bin").open("rb") as weights:
        _check_weights(weights, folder / "model.bin", mend)


def _check_json(path: Path, mend: str) -> None:
    try:
        json.loads(path.read_text("utf-8"))
    except ValueError as cause:
        raise SttUnavailable(f"{path} is broken: {mend}.") from cause


def _check_weights(weights: BinaryIO, path: Path, mend: str) -> None:
    """Walks CTranslate2's format without reading the numbers.

    Source: ctranslate2/specs/model_spec.py, `_serialize`.
    """
    size = path.stat().st_size
    try:
        version = _number(weights, "<I")
        name = _text(weights)
        _number(weights, "<I")
        if version not in _KNOWN_VERSIONS or name != _SPECIFICATION:
            found = name if version in _KNOWN_VERSIONS and name else "something else"
            raise SttUnavailable(
                f"{path} is no Whisper for faster-whisper but {found}: set STT_MODEL to another, "
                f"or {mend}."
            )
        for _ in range(_number(weights, "<I")):
            _text(weights)
            weights.seek(4 * _number(weights, "<B"), 1)
            _number(weights, "<B")
            weights.seek(_number(weights, "<I"), 1)
        for _ in range(_number(weights, "<I")):  # aliases: two names each
            _text(weights)
            _text(weights)
    except (struct.error, UnicodeDecodeError) as cause:
        raise SttUnavailable(f"{path} is cut off or broken: {mend}.") from cause
    if weights.tell() > size:
        raise SttUnavailable(f"{path} is cut off at {size} bytes: {mend}.")


def _number(stream: BinaryIO, form: str) -> int:
    value: int = struct.unpack(form, stream.read(struct.calcsize(form)))[0]
    return value


def _text(stream: BinaryIO) -> str:
    length = _number(stream, "<H")
    text = stream.read(length)
    if len(text) < length:
        raise struct.error("the file ends in a name")
    return text.rstrip(b"\0").decode()
