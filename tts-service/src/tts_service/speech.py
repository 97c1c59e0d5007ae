"""From a request to sound: text made speakable, a voice found, an engine run, bytes encoded."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncGenerator
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass

from avatar_contract.audio import pcm_ms
from avatar_contract.errors import NotFound, PayloadTooLarge
from avatar_contract.service import Metrics, get_logger
from avatar_contract.speech import SpeechRequest, SpokenNotice, VoicePut
from avatar_contract.terms import NoticeCode
from tts_service.backends.base import Backend
from tts_service.encode import Encoder, PcmEncoder, encoder
from tts_service.engine import SPEECH_RATE
from tts_service.events import EVENTS, SpeechEvents
from tts_service.openings import Opening, Openings, opening
from tts_service.reference import checked
from tts_service.settings import TtsSettings
from tts_service.speakable import Speakable, speakable
from tts_service.utterance import Utterance
from tts_service.voices import VoiceSample, VoiceStore, etag_of

log = get_logger(__name__)

_PAUSE_PCM = bytes(SPEECH_RATE // 5 * 2)
_SKIPPED = SpokenNotice(
    code=NoticeCode.TEXT_SKIPPED,
    message="Parts of the text are in scripts that this engine can't speak, and were left out.",
)


@dataclass(frozen=True)
class Speech:
    """An answer about to begin."""

    media_type: str
    label: str
    notice: SpokenNotice | None
    chunks: AsyncGenerator[bytes, None]


class SpeechMetrics:
    """What Prometheus gets."""

    def __init__(self, metrics: Metrics) -> None:
        self._service = metrics.service
        self.first = metrics.histogram(
            "avatar_tts_first_audio_seconds", "Request to the first sound", ["mode"]
        )
        self.audio = metrics.counter("avatar_tts_audio_seconds", "Seconds of sound made", ["mode"])
        self.openings = metrics.counter(
            "avatar_tts_openings", "First clauses of replies, by whether they were kept", ["result"]
        )

    def count(self, mode: str, first_s: float, audio_s: float) -> None:
        """One utterance."""
        self.first.labels(self._service, mode).observe(first_s)
        self.audio.labels(self._service, mode).inc(audio_s)

    def count_opening(self, *, hit: bool) -> None:
        """One opening that may be kept."""
        self.openings.labels(self._service, "hit" if hit else "miss").inc()


class Speaker:
    """The service's heart."""

    def __init__(
        self,
        backend: Backend,
        voices: VoiceStore,
        settings: TtsSettings,
        metrics: SpeechMetrics,
        encoders: Executor,
    ) -> None:
        self.backend = backend
        self.voices = voices
        self._openings = Openings(settings.max_opening_bytes)
        self._settings = settings
        self._metrics = metrics
        self._encoders = encoders
        self.max_reference_bytes = settings.max_reference_bytes

    def begin(self, request: SpeechRequest) -> Speech:
        """Checks `request`; the sound is made as the answer's chunks are taken.

        Raises:
            BadMessage: nothing to speak.
            PayloadTooLarge: more text than a request may hold.
            UnsupportedLanguage: a language that the engine can't do.
            VoiceNotLoaded: the named voice is not here.
        """
        voice = self.voices.find(request.voice)
        ready = self.speakable(request.input, request.language)
        own = {each.id for each in self.backend.own_voices}
        named = request.voice if request.voice in own else None
        utterance = Utterance(ready.runs, request.speed, request.mode, named)
        coding = encoder(request.response_format)
        key = opening(request.input, utterance, voice) if request.opening else None
        sound = self._spoken(utterance, voice) if key is None else self._opened(key, voice)
        notice = self.backend.notice(utterance, voice) or (_SKIPPED if ready.skipped else None)
        if request.stream_format == "sse":
            events = SpeechEvents(request.input)
            media_type = EVENTS
            chunks = events.written(self._encoded(coding, events.counted(sound)))
        else:
            media_type = coding.media_type
            chunks = self._encoded(coding, sound)
        return Speech(
            media_type=media_type,
            label=self.backend.label(utterance, voice) if ready.runs else "none",
            notice=notice,
            chunks=chunks,
        )

    def speakable(self, text: str, language: str | None) -> Speakable:
        """`text` in words, by language."""
        limit = self._settings.max_input_chars
        if len(text) > limit:
            raise PayloadTooLarge(
                f"The text has {len(text)} characters; {limit} is the most. Send it in pieces."
            )
        can = self.backend.info.languages
        default = self._settings.language
        if default not in can:
            default = "en" if "en" in can else "zh"
        return speakable(text, language, default=default, can=frozenset(can))

    async def put_voice(self, voice_id: str, data: bytes, text: str) -> VoicePut:
        """Takes a reference; a repeated one changes nothing, and is not prepared again.

        Raises:
            BadAudio, NoSpeech: what is wrong with the recording, and what to record.
        """
        loop = asyncio.get_running_loop()
        wav = await loop.run_in_executor(self._encoders, checked, data)
        voice = VoiceSample(voice_id, etag_of(wav, text), wav, text)
        known = self.voices.known(voice)
        if known is not None:
            return VoicePut(etag=known.etag, embedding=known.embedding)
        answer = await self.backend.add_voice(voice)
        voice = dataclasses.replace(voice, facts=answer.facts, embedding=answer.embedding)
        pushed_out = self.voices.put(voice)
        for old in pushed_out:
            self.backend.drop_voice(old)
        for old in (voice_id, *pushed_out):
            self._openings.forget(old)
        return VoicePut(etag=voice.etag, embedding=answer.embedding)

    def drop_voice(self, voice_id: str) -> None:
        """Forgets a voice, here and in the engine. Raises NotFound."""
        if not self.voices.drop(voice_id):
            raise NotFound("There is no such voice here.")
        self._openings.forget(voice_id)
        self.backend.drop_voice(voice_id)

    async def _encoded(
        self, coding: Encoder, sound: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        if isinstance(coding, PcmEncoder):
            async with aclosing(sound):
                async for pcm in sound:
                    yield pcm
            return
        loop = asyncio.get_running_loop()
        async with aclosing(sound):
            async for pcm in sound:
                data = await loop.run_in_executor(self._encoders, coding.feed, pcm)
                if data:
                    yield data
        if rest := await loop.run_in_executor(self._encoders, coding.finish):
            yield rest

    async def _opened(self, key: Opening, voice: VoiceSample | None) -> AsyncGenerator[bytes, None]:
        """An opening: as it is kept, else as it is made, which is kept from the second time on."""
        began = time.perf_counter()
        kept = self._openings.find(key)
        self._metrics.count_opening(hit=kept is not None)
        if kept is not None:
            audio_s = pcm_ms(len(kept), SPEECH_RATE) / 1000
            self._metrics.count(key.utterance.mode, time.perf_counter() - began, audio_s)
            yield kept
            return
        wanted = self._openings.wants(key)
        parts: list[bytes] = []
        async with aclosing(self._spoken(key.utterance, voice)) as sound:
            async for pcm in sound:
                if wanted:
                    parts.append(pcm)
                yield pcm
        # A profile that was deleted meanwhile leaves no sound behind.
        if wanted and (voice is None or self.voices.known(voice)):
            self._openings.keep(key, b"".join(parts))

    async def _spoken(
        self, utterance: Utterance, voice: VoiceSample | None
    ) -> AsyncGenerator[bytes, None]:
        if not utterance.runs:
            yield _PAUSE_PCM
            return
        began = time.perf_counter()
        first_s: float | None = None
        sent = 0
        async with aclosing(self.backend.speak(utterance, voice)) as sound:
            async for pcm in sound:
                if first_s is None:
                    first_s = time.perf_counter() - began
                sent += len(pcm)
                yield pcm
        audio_s = pcm_ms(sent, SPEECH_RATE) / 1000
        self._metrics.count(utterance.mode, first_s or 0.0, audio_s)
        log.info(
            "speech.made",
            mode=utterance.mode,
            duration_ms=round((time.perf_counter() - began) * 1000, 1),
            first_ms=round((first_s or 0.0) * 1000, 1),
            audio_ms=round(audio_s * 1000),
        )
