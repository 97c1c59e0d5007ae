"""The graph and its voices, on onnxruntime. Source: hexgrad's Kokoro-82M v1.0 (StyleTTS 2), as
kokoro-onnx exported it: token ids, a row of a voice by their number, and a pace, to 24 kHz.
"""

import ctypes
import json
import threading
import zipfile
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tts_service.engine import EngineError

Sound = npt.NDArray[np.float32]

MODEL, VOICES = "kokoro-v1.0.int8.onnx", "voices-v1.0.bin"
SLOWEST, FASTEST = 0.5, 2.0
"""The paces that the model knows."""
LONGEST = 510
"""Tokens of one run of the graph."""

_ROW = 256
_INPUTS = {"tokens", "style", "speed"}
_LOOK_S = 0.02
_FETCH = "`make run` puts it there, and `avatar models download kokoro` fetches it from its maker."


class Model:
    """Loaded; one thread calls it.

    Args:
        folder: has `MODEL` and `VOICES`.
        threads: of one run.

    Raises:
        EngineError: a file lacks or is none of Kokoro's, and what to do.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        for name in (MODEL, VOICES):
            if not (folder / name).is_file():
                raise _bad(f"{folder.name}/{name} is missing from the model folder: {_FETCH}")
        self._ids: dict[str, int] = json.loads(
            files("tts_service.kokoro").joinpath("vocabulary.json").read_text("utf-8")
        )
        self._voices = _opened_voices(folder / VOICES)
        self._session = _session(folder / MODEL, threads)
        self._styles: dict[str, Sound] = {}

    def voice_names(self) -> list[str]:
        """Every voice, such as `zf_xiaobei`."""
        return sorted(self._voices)

    def tokens(self, phonemes: str) -> list[int]:
        """Ids; what the model doesn't know is left out."""
        return [self._ids[sign] for sign in phonemes if sign in self._ids]

    def say(
        self, tokens: Sequence[int], voice: str, pace: float, stopped: Callable[[], bool]
    ) -> Sound | None:
        """At most `LONGEST` tokens as sound, 24 kHz; None when it was stopped meanwhile."""
        style = self._style(voice)
        feeds = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": style[min(len(tokens), len(style)) - 1],
            "speed": np.array([pace], np.float32),
        }
        return _run(self._session, feeds, stopped)

    def _style(self, voice: str) -> Sound:
        if voice not in self._styles:
            rows = self._voices.get(voice)
            if rows is None:
                raise EngineError("BAD_MESSAGE", f"Kokoro has no voice {voice}.")
            self._styles[voice] = rows
        return self._styles[voice]


def _opened_voices(path: Path) -> dict[str, Sound]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as packed:
            voices = {name: packed[name] for name in packed.files}
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise _bad(_damaged(path, error)) from error
    if not voices or any(rows.shape != (LONGEST, 1, _ROW) for rows in voices.values()):
        raise _bad(f"{path.name} has no voices of Kokoro v1.0: {_FETCH}")
    return voices


def _session(path: Path, threads: int) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise _bad("onnxruntime is not installed: `make run` installs it.") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # The arena keeps the most that a clause ever needed, 650 MB after a long one.
    options.enable_cpu_mem_arena = False
    # A thread that spins while it waits takes its core from the recogniser.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise _bad(_damaged(path, error)) from error
    if {given.name for given in session.get_inputs()} != _INPUTS:
        raise _bad(f"{path.name} is a model, but not Kokoro v1.0: {_FETCH}")
    return session


def _run(session: Any, feeds: dict[str, Any], stopped: Callable[[], bool]) -> Sound | None:
    """One run, which ends between two operators once nobody listens."""
    from onnxruntime import RunOptions

    options, over = RunOptions(), threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_S):
            if stopped():
                options.terminate = True
                return

    watcher = threading.Thread(target=watch, name="stop", daemon=True)
    watcher.start()
    try:
        sound: Sound = session.run(None, feeds, options)[0]
    except Exception:
        if stopped():
            return None
        raise
    finally:
        over.set()
        watcher.join()
    return None if stopped() else sound.reshape(-1)


def give_back() -> None:
    """Returns what a clause needed to the system: 130 MB of 300 (glibc alone keeps them)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _bad(text: str) -> EngineError:
    return EngineError("TTS_UNAVAILABLE", text)


def _damaged(path: Path, error: Exception) -> str:
    return (
        f"{path.name} is damaged or none of Kokoro's ({type(error).__name__}): "
        f"`avatar models verify` says which file; {_FETCH}"
    )
