"""Any server that speaks OpenAI's ``/v1/audio/speech``, in a private network.

Source: OpenAI API reference, "Create speech"; `pcm` there is 24 kHz 16-bit mono.
"""

from collections.abc import AsyncGenerator

import httpx
import numpy as np
import soxr

from avatar_contract.errors import BadMessage, TtsUnavailable
from avatar_contract.health import ModelHealth
from avatar_contract.service import outbound, trace
from avatar_contract.speech import SpokenNotice, Voice, pcm_rate
from avatar_contract.terms import EngineInfo, NoticeCode
from tts_service.backends.base import Backend, BackendHealth, VoiceAnswer
from tts_service.engine import SPEECH_RATE
from tts_service.settings import TtsSettings
from tts_service.utterance import Utterance
from tts_service.voices import VoiceSample


def build(settings: TtsSettings) -> Backend:
    """The engine for this service. Raises Forbidden when its address is public."""
    return OpenAiBackend(settings)


class OpenAiBackend:
    """One HTTP client with warm connections."""

    def __init__(self, settings: TtsSettings) -> None:
        self._settings = settings
        self._url = settings.openai_url.rstrip("/")
        outbound.check_private(self._url, allow_public=settings.allow_public_engines)
        self._public = outbound.is_public(self._url)
        self.own_voices: tuple[Voice, ...] = ()
        self.info = EngineInfo(
            name=settings.openai_model,
            kind="remote",
            languages=["en", "zh"],
            notice="A public address: text leaves the premises." if self._public else None,
        )
        key = settings.openai_key
        headers = {"authorization": f"Bearer {key.get_secret_value()}"} if key else {}
        self._client = httpx.AsyncClient(
            headers=headers, timeout=httpx.Timeout(settings.openai_timeout_s, connect=3.0)
        )
        self._busy = 0
        self._failure: str | None = None

    async def start(self) -> None:
        """Nothing to load: the server is somebody else's."""

    async def close(self) -> None:
        await self._client.aclose()

    def health(self) -> BackendHealth:
        model = ModelHealth(name=self.info.name, device="remote", detail=self._failure)
        return BackendHealth(model, {"busy": float(self._busy)})

    def label(self, utterance: Utterance, voice: VoiceSample | None) -> str:
        return self._settings.openai_voice

    def notice(self, utterance: Utterance, voice: VoiceSample | None) -> SpokenNotice | None:
        if self._public:
            return SpokenNotice(
                code=NoticeCode.PUBLIC_ENGINE, message="The text is sent to a public address."
            )
        if voice is None:
            return None
        return SpokenNotice(
            code=NoticeCode.VOICE_FELL_BACK,
            message="The OpenAI API carries no voice profiles; the server's own voice speaks.",
        )

    async def speak(
        self, utterance: Utterance, voice: VoiceSample | None
    ) -> AsyncGenerator[bytes, None]:
        self._busy += 1
        try:
            async with self._client.stream(
                "POST",
                f"{self._url}/audio/speech",
                json=self._asked(utterance),
                headers=trace.headers(),
            ) as answer:
                if answer.status_code != 200:
                    raise TtsUnavailable(
                        f"The speech server at {self._url} answered {answer.status_code}."
                    )
                async for pcm in _house_pcm(answer):
                    yield pcm
            self._failure = None
        except httpx.HTTPError as error:
            self._failure = f"{self._url} can't be reached ({type(error).__name__})."
            raise TtsUnavailable(self._failure, retry_after_s=2) from error
        finally:
            self._busy -= 1

    async def add_voice(self, voice: VoiceSample) -> VoiceAnswer:
        return VoiceAnswer()

    def drop_voice(self, voice_id: str) -> None:
        """It never got one."""

    async def phonemes(self, utterance: Utterance) -> list[str]:
        raise BadMessage("A server behind the OpenAI API does not tell its phonemes.")

    def _asked(self, utterance: Utterance) -> dict[str, object]:
        return {
            "model": self._settings.openai_model,
            "voice": self._settings.openai_voice,
            "input": " ".join(run.text for run in utterance.runs),
            "response_format": "pcm",
            "speed": utterance.speed,
        }


async def _house_pcm(answer: httpx.Response) -> AsyncGenerator[bytes, None]:
    """The answer's samples at the house rate; a sample may be cut in two by the network."""
    rate = pcm_rate(answer.headers.get("content-type", ""))
    resample = soxr.ResampleStream(rate, SPEECH_RATE, 1, dtype="int16", quality="MQ")
    rest = b""
    async for chunk in answer.aiter_raw():
        data = rest + chunk
        whole = len(data) - len(data) % 2
        rest = data[whole:]
        if rate == SPEECH_RATE:
            yield data[:whole]
        else:
            yield resample.resample_chunk(np.frombuffer(data[:whole], np.int16)).tobytes()
    if rate != SPEECH_RATE:
        yield resample.resample_chunk(np.zeros(0, np.int16), last=True).tobytes()
