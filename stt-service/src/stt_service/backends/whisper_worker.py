"""The process that runs faster-whisper; started by `backends.faster_whisper`.

A process of its own, for a GPU that runs out of memory can take its process with it, and feature
extraction holds the interpreter lock for tens of milliseconds.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stt_service.workers.frames import HELLO, NOTE, Inbox

TRANSCRIBE = 1
_RATE = 16_000
_SURELY_SILENT = 0.9
_GPU_LOST = 70


@dataclass(frozen=True, slots=True)
class Load:
    """What to load, and how; the worker's one argument, as JSON."""

    folder: str
    device: str
    compute_type: str
    threads: int
    parallel: int
    no_speech_threshold: float

    def argument(self) -> str:
        """For the command line."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Job:
    """How to transcribe one recording; its samples follow in the frame."""

    language: str | None = None
    among: tuple[str, ...] = ()
    """Where the language is guessed, the ones that it may be; empty: any."""
    beam: int = 5
    best: bool = True
    """False: a quick look that may be wrong."""
    vad: bool = False
    """Whether to leave out what is no speech. An utterance has been through that already."""
    words: bool = False
    prompt: str = ""
    hotwords: str = ""

    def packed(self, pcm: bytes) -> bytes:
        """The frame's payload."""
        head = json.dumps(asdict(self), ensure_ascii=False).encode()
        return len(head).to_bytes(4, "little") + head + pcm


def unpack(payload: bytes) -> tuple[Job, bytes]:
    """A job and its samples."""
    end = 4 + int.from_bytes(payload[:4], "little")
    return Job(**json.loads(payload[4:end])), payload[end:]


class Whisper:
    """The loaded model."""

    def __init__(self, load: Load) -> None:
        from faster_whisper import WhisperModel

        kind, _, index = load.device.partition(":")
        self._no_speech = load.no_speech_threshold
        self._model = WhisperModel(
            load.folder,
            device=kind,
            device_index=int(index or 0),
            compute_type=load.compute_type,
            cpu_threads=load.threads,
            num_workers=load.parallel,
            local_files_only=True,
        )

    @property
    def languages(self) -> list[str]:
        """ISO 639-1 codes that the model knows."""
        return list(self._model.supported_languages)

    def warm(self) -> None:
        """Runs once, so that the first utterance does not pay for kernels and caches."""
        noise = 0.01 * np.random.default_rng(0).standard_normal(_RATE, np.float32)
        self._run(noise, Job(language="en", beam=1, best=False), "en")

    def transcribe(self, job: Job, pcm: bytes) -> dict[str, Any]:
        """The words of a recording, as the parent reads them."""
        audio = np.frombuffer(pcm, np.int16).astype(np.float32) / np.float32(32768)
        segments, info = self._run(audio, job, job.language)
        if segments and job.among and info.language not in job.among:
            guesses = dict(info.all_language_probs or [])
            likeliest = max(job.among, key=lambda code: guesses.get(code, 0.0))
            segments, info = self._run(audio, job, likeliest)
        return {
            "language": info.language if segments else None,
            "sure": info.language_probability if segments else 0.0,
            "segments": [_plain(segment) for segment in segments],
        }

    def _run(
        self, audio: NDArray[np.float32], job: Job, language: str | None
    ) -> tuple[list[Any], Any]:
        found, info = self._model.transcribe(
            audio,
            language=language,
            beam_size=job.beam,
            # Sampling hotter and hotter is for recordings; a live look has no time for it.
            temperature=[0.0, 0.2, 0.4] if job.best else 0.0,
            vad_filter=job.vad,
            word_timestamps=job.words,
            without_timestamps=not job.words,
            initial_prompt=job.prompt or None,
            hotwords=job.hotwords or None,
            no_speech_threshold=self._no_speech,
            # A wrong sentence would make the next ones wrong.
            condition_on_previous_text=False,
        )
        return [one for one in found if self._said(one)], info

    def _said(self, segment: Any) -> bool:
        """Whether somebody said it: Whisper writes sentences for silence."""
        unsure = segment.avg_logprob < -1.0
        if segment.no_speech_prob > (self._no_speech if unsure else _SURELY_SILENT):
            return False
        return bool(segment.text.strip())


def _plain(segment: Any) -> dict[str, Any]:
    return {
        "text": segment.text,
        "start": segment.start,
        "end": segment.end,
        "no_speech_prob": segment.no_speech_prob,
        "avg_logprob": segment.avg_logprob,
        "words": [[word.word, word.start, word.end] for word in segment.words or []],
    }


def lost(error: Exception) -> bool:
    """Whether the GPU is gone: its context goes with it, and no later call in this process works.

    Full memory is another thing: what was too much is given up, and the rest goes on.
    """
    text = str(error).lower()
    return "cuda" in text and "out of memory" not in text


def explain(error: Exception, device: str) -> str:
    """What went wrong and what to do, in a sentence."""
    text = str(error).lower()
    if "out of memory" in text or isinstance(error, MemoryError):
        return (
            f"The memory of {device} is full: end what else uses it, set a smaller STT_MODEL or "
            "STT_COMPUTE_TYPE=int8, or set DEVICE=cpu."
        )
    if "cuda" in text or "cudnn" in text or "cublas" in text:
        return f"{device} can't be used ({error}): run `avatar doctor`, or set DEVICE=cpu."
    return f"faster-whisper failed ({type(error).__name__}: {error}): run `avatar models verify`."


def main() -> None:
    """Loads, then transcribes until the pipe closes."""
    load = Load(**json.loads(sys.argv[1]))
    os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TRANSFORMERS_OFFLINE="1")
    inbox = Inbox()
    inbox.start()
    try:
        inbox.answer(NOTE, {"progress": 0.1})
        whisper = Whisper(load)
        inbox.answer(NOTE, {"progress": 0.8})
        whisper.warm()
    except Exception as error:  # noqa: BLE001 - whatever it is, the operator is told
        inbox.answer(HELLO, {"error": explain(error, load.device)})
        return
    inbox.answer(HELLO, {"languages": whisper.languages})

    def work(ask: int, payload: bytes) -> None:
        try:
            answer = whisper.transcribe(*unpack(payload))
        except Exception as error:  # noqa: BLE001 - the utterance fails, the process goes on
            inbox.answer(ask, {"error": explain(error, load.device)})
            if lost(error):
                # A fresh process finds what is left.
                os._exit(_GPU_LOST)
            return
        inbox.answer(ask, answer)

    with ThreadPoolExecutor(load.parallel) as threads:
        while True:
            _, ask, payload = inbox.operations.get()
            threads.submit(work, ask, payload)


if __name__ == "__main__":
    main()
