"""An answer as server-sent events, in OpenAI's words (``stream_format: sse``).

::

    data: {"type": "speech.audio.delta", "audio": "…"}    as the sound is made
    data: {"type": "speech.audio.done", "usage": {…}}     once, when all of it was sent
    event: error                                          instead, when the engine failed on the way
"""

import json
import math
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import aclosing

from avatar_contract.audio import pcm_ms
from avatar_contract.errors import AvatarError
from avatar_contract.service import get_logger
from avatar_contract.speech import (
    AUDIO_TOKEN_MS,
    SpeechAudioDelta,
    SpeechAudioDone,
    SpeechUsage,
)
from tts_service.engine import SPEECH_RATE

log = get_logger(__name__)

EVENTS = "text/event-stream"


class SpeechEvents:
    """Wraps one answer, and counts its sound on the way in."""

    def __init__(self, text: str) -> None:
        self._characters = len(text)
        self._pcm_bytes = 0

    async def counted(self, sound: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """`sound`, mono ``pcm_s16le`` at the house's rate, as it is."""
        async with aclosing(sound):
            async for pcm in sound:
                self._pcm_bytes += len(pcm)
                yield pcm

    async def written(self, encoded: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """The events of `encoded`, one each. A failure before the first one is raised."""
        began = False
        async with aclosing(encoded):
            try:
                async for data in encoded:
                    began = True
                    delta = SpeechAudioDelta(audio=b64encode(data).decode())
                    yield _event(delta.model_dump_json())
            except AvatarError as error:
                if not began:
                    raise
                log.warning("answer.cut", code=error.code, detail=error.message)
                yield b"event: error\n" + _event(_error(error))
                return
        yield _event(SpeechAudioDone(usage=self._usage()).model_dump_json())

    def _usage(self) -> SpeechUsage:
        heard = math.ceil(pcm_ms(self._pcm_bytes, SPEECH_RATE) / AUDIO_TOKEN_MS)
        total = self._characters + heard
        return SpeechUsage(input_tokens=self._characters, output_tokens=heard, total_tokens=total)


def _error(error: AvatarError) -> str:
    """OpenAI's form of an error, which its clients raise."""
    detail = {"message": error.message, "type": "server_error", "param": None, "code": error.code}
    return json.dumps({"error": detail})


def _event(data: str) -> bytes:
    return f"data: {data}\n\n".encode()
