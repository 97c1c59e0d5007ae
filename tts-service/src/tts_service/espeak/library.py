"""espeak-ng by ctypes. Not thread-safe: one thread of one process, which is a worker's.

Source: espeak-ng 1.52, ``src/include/espeak-ng/speak_lib.h``.
"""

import ctypes
from collections.abc import Callable
from typing import ClassVar

import espeakng_loader

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_PHONEMES_IPA = 2
_PARAMETER_RATE = 1
_CLAUSE_MS = 60

NORMAL_WPM = 175
"""Words a minute at speed 1."""
MIN_WPM, MAX_WPM = 80, 700
"""What espeak-ng can do itself; below its pauses and vowels no longer grow."""

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class EspeakError(Exception):
    """The library refused; the message says what."""


class Espeak:
    """The library, initialised."""

    _taken: ClassVar[bool] = False

    def __init__(self, data_path: str | None = None) -> None:
        if Espeak._taken:
            raise EspeakError("espeak-ng is initialised once a process")
        Espeak._taken = True
        self._lib = ctypes.CDLL(espeakng_loader.get_library_path())
        self._lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._lib.espeak_TextToPhonemes.argtypes = [
            ctypes.POINTER(ctypes.c_char_p),
            ctypes.c_int,
            ctypes.c_int,
        ]
        path = (data_path or espeakng_loader.get_data_path()).encode()
        self.rate = int(
            self._lib.espeak_Initialize(
                _AUDIO_OUTPUT_SYNCHRONOUS, _CLAUSE_MS, path, _INITIALIZE_DONT_EXIT
            )
        )
        if self.rate <= 0:
            raise EspeakError("espeak-ng could not read its data")
        self._put: Callable[[bytes], bool] = lambda _: False
        self._going = False
        self._callback = _Callback(self._called)
        self._lib.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, voice: str, wpm: int, put: Callable[[bytes], bool]) -> bool:
        """Speaks `text`; `put` gets mono ``pcm_s16le`` at `rate` Hz as it is made.

        Answers False when `put` answered False, which stops it at once.
        """
        self._choose(voice)
        self._lib.espeak_SetParameter(_PARAMETER_RATE, wpm, 0)
        self._going = True
        self._put = put
        data = text.encode() + b"\0"
        status = self._lib.espeak_Synth(data, len(data), 0, 0, 0, _CHARS_UTF8, None, None)
        if status != 0:
            raise EspeakError(f"espeak-ng refused to speak (status {status})")
        return self._going

    def phonemes(self, text: str, voice: str) -> str:
        """The phonemes of `text` in IPA; a switch of language shows as ``(en)``."""
        self._choose(voice)
        rest = ctypes.c_char_p(text.encode())
        clauses = []
        while rest.value:
            clause = self._lib.espeak_TextToPhonemes(ctypes.byref(rest), _CHARS_UTF8, _PHONEMES_IPA)
            clauses.append(clause.decode())
        return " ".join(part for part in clauses if part)

    def _choose(self, voice: str) -> None:
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise EspeakError(f"espeak-ng has no voice {voice}")

    def _called(self, samples: int | None, count: int, _: int | None) -> int:
        if samples and count > 0:
            self._going = self._put(ctypes.string_at(samples, count * 2))
        return 0 if self._going else 1
