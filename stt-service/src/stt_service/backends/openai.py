"""Any server that speaks OpenAI's ``/v1/audio/transcriptions``, in a private network.

Source: https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

import asyncio
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from avatar_contract.audio import HOUSE_RATE, wav_bytes
from avatar_contract.errors import AvatarError, SttUnavailable, UnsupportedLanguage
from avatar_contract.health import ModelHealth
from avatar_contract.service import outbound, trace
from avatar_contract.terms import EngineInfo
from stt_service.backends.base import Hints, Stretch, TimedWord, Transcript
from stt_service.backends.rolling import RollingDictation

_RETRY_S = 2.0


@dataclass(frozen=True, slots=True)
class OpenAiOptions:
    """How to reach the server."""

    url: str
    model: str
    api_key: SecretStr | None = None
    languages: tuple[str, ...] = ("zh", "en")
    concurrency: int = 8
    timeout_s: float = 30.0
    allow_public: bool = False


class _Word(BaseModel):
    word: str
    start: float
    end: float


class _Segment(BaseModel):
    text: str
    start: float
    end: float
    no_speech_prob: float | None = None
    avg_logprob: float | None = None


class _Answer(BaseModel):
    text: str
    language: str | None = None
    segments: list[_Segment] | None = None
    words: list[_Word] | None = None


class OpenAiRecogniser:
    """A remote engine. Bounded calls at once, and as many again that may wait."""

    def __init__(self, options: OpenAiOptions) -> None:
        self._options = options
        self._room = asyncio.Semaphore(options.concurrency)
        self._calls = 0
        self._dictations = 0
        self._state = ModelHealth(name=options.model, state="loading", device="remote")
        self._client: httpx.AsyncClient | None = None

    def info(self) -> EngineInfo:
        options = self._options
        public = outbound.is_public(options.url) if options.allow_public else False
        return EngineInfo(
            name=options.model,
            kind="remote",
            languages=list(options.languages),
            notice="Speech leaves the premises: this engine is outside." if public else None,
        )

    def health(self) -> ModelHealth:
        return self._state

    def load(self) -> dict[str, float]:
        return {"calls": self._calls, "utterances": self._dictations}

    def check_language(self, language: str) -> None:
        known = self._options.languages
        if language != "auto" and language.partition("-")[0] not in known:
            raise UnsupportedLanguage(
                f"{self._options.model} knows {', '.join(known)}, not {language!r}. "
                "If it does know it, add it to STT_OPENAI_LANGUAGES."
            )

    async def start(self) -> None:
        options = self._options
        try:
            await asyncio.to_thread(
                outbound.check_private, options.url, allow_public=options.allow_public
            )
        except AvatarError as refused:
            self._state = self._state.model_copy(
                update={"state": "failed", "detail": refused.message}
            )
            raise
        headers = {}
        if options.api_key is not None:
            headers["Authorization"] = f"Bearer {options.api_key.get_secret_value()}"
        self._client = httpx.AsyncClient(
            base_url=options.url.rstrip("/") + "/",
            timeout=options.timeout_s,
            headers=headers,
            limits=httpx.Limits(max_keepalive_connections=options.concurrency),
            trust_env=False,
        )
        self._state = self._state.model_copy(update={"state": "ready", "progress": 1.0})

    async def listen(self, hints: Hints) -> RollingDictation:
        self.check_language(hints.language)
        self._dictations += 1

        async def transcribe(pcm: bytes, best: bool) -> Transcript | None:
            if not best and self._room.locked():
                return None
            return await self._call(pcm, hints, "json")

        return RollingDictation(transcribe, self._forget, at_once=self._options.concurrency)

    async def transcribe(self, pcm: bytes, hints: Hints) -> Transcript:
        self.check_language(hints.language)
        return await self._call(pcm, hints, "verbose_json")

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def _forget(self) -> None:
        self._dictations -= 1

    async def _call(self, pcm: bytes, hints: Hints, form: str) -> Transcript:
        if self._calls >= 2 * self._options.concurrency:
            raise SttUnavailable(
                "The recogniser has more to do than it can: try again in a moment.",
                retry_after_s=_RETRY_S,
            )
        self._calls += 1
        try:
            async with self._room:
                answer = await self._post(pcm, hints, form)
        finally:
            self._calls -= 1
        return _transcript(answer, len(pcm) / 32)

    async def _post(self, pcm: bytes, hints: Hints, form: str) -> _Answer:
        if self._client is None:
            raise SttUnavailable("The recogniser has not started.")
        fields = {"model": self._options.model, "response_format": form}
        if hints.language != "auto":
            fields["language"] = hints.language
        if hints.prompt:
            fields["prompt"] = hints.prompt
        wav = wav_bytes(pcm, HOUSE_RATE)
        try:
            response = await self._client.post(
                "audio/transcriptions",
                data=fields,
                headers=trace.headers(),
                files={"file": ("speech.wav", wav, "audio/wav")},
            )
            response.raise_for_status()
            return _Answer.model_validate_json(response.content)
        except httpx.HTTPStatusError as cause:
            raise SttUnavailable(
                f"The recogniser at {self._options.url} answered {cause.response.status_code}: "
                "see its log, and check STT_OPENAI_MODEL and STT_OPENAI_API_KEY."
            ) from cause
        except (httpx.HTTPError, ValidationError) as cause:
            raise SttUnavailable(
                f"The recogniser at {self._options.url} can't be used "
                f"({type(cause).__name__}): check that it runs, and STT_OPENAI_URL."
            ) from cause


def _transcript(answer: _Answer, duration_ms: float) -> Transcript:
    text = answer.text.strip()
    words = [TimedWord(w.word, w.start * 1000, w.end * 1000) for w in answer.words or []]
    if not text:
        return Transcript("", answer.language)
    if not answer.segments:
        return Transcript(text, answer.language, (Stretch(text, 0.0, duration_ms, tuple(words)),))
    stretches = tuple(
        Stretch(
            one.text.strip(),
            one.start * 1000,
            one.end * 1000,
            tuple(w for w in words if one.start * 1000 <= w.start_ms < one.end * 1000),
            one.no_speech_prob,
            one.avg_logprob,
        )
        for one in answer.segments
    )
    return Transcript(text, answer.language, stretches)
