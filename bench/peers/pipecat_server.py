"""Pipecat, tuned, on the same stand-in engines.

``python pipecat_server.py PORT RECOGNISER_PORT ENGINES_PORT``, in the environment of pipecat.lock.
"""

import sys
from collections.abc import AsyncGenerator
from typing import Any

from avatar_bench.standins.link import RecogniserLink
from conversation import serve
from openai import DefaultAsyncHttpxClient
from pipecat.frames.frames import Frame, TranscriptionFrame
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.utils.time import time_now_iso8601


class StandInStt(SegmentedSTTService):
    """The stand-in recogniser, as a local model."""

    def __init__(self, link: RecogniserLink) -> None:
        super().__init__(
            trailing_silence_secs=0,
            ttfs_p99_latency=0.35,
            settings=STTSettings(model="stand-in", language=None),
        )
        self._link = link

    @property
    def wants_wav_segments(self) -> bool:
        return False

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        number = self._link.open()
        self._link.feed(number, audio)
        said = await self._link.look(number)
        self._link.forget(number)
        if said["text"]:
            yield TranscriptionFrame(said["text"], "", time_now_iso8601())


def main() -> None:
    """Serves until ended."""
    port, recogniser_port, engines_port = (int(word) for word in sys.argv[1:4])
    engines = f"http://127.0.0.1:{engines_port}/v1"
    link = RecogniserLink(recogniser_port)
    http: list[Any] = []

    async def opened() -> None:
        await link.connect()
        http.append(DefaultAsyncHttpxClient(trust_env=False))

    def services() -> tuple[Any, Any, Any]:
        llm = OpenAILLMService(
            api_key="none",
            base_url=engines,
            settings=OpenAILLMService.Settings(model="stand-in"),
        )
        tts = OpenAITTSService(api_key="none", base_url=engines, http_client=http[0])
        return StandInStt(link), llm, tts

    serve(port, services, opened)


if __name__ == "__main__":
    main()
