"""Pipecat, tuned, on AVATAR's own engine processes by their OpenAI routes.

``python pipecat_real.py PORT STT_URL LLM_URL TTS_URL``, in the environment of pipecat.lock; the
addresses end with ``/v1``.
"""

import sys
from typing import Any

from conversation import serve
from openai import DefaultAsyncHttpxClient
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService


def main() -> None:
    """Serves until ended."""
    port = int(sys.argv[1])
    stt_url, llm_url, tts_url = sys.argv[2:5]
    http: list[Any] = []

    async def opened() -> None:
        http.append(DefaultAsyncHttpxClient(trust_env=False))

    def services() -> tuple[Any, Any, Any]:
        stt = OpenAISTTService(
            api_key="none",
            base_url=stt_url,
            settings=OpenAISTTService.Settings(model="whisper-1", language="en"),
            ttfs_p99_latency=0.35,
            trailing_silence_secs=0,
        )
        llm = OpenAILLMService(
            api_key="none", base_url=llm_url, settings=OpenAILLMService.Settings(model="demo")
        )
        tts = OpenAITTSService(api_key="none", base_url=tts_url, http_client=http[0])
        return stt, llm, tts

    serve(port, services, opened)


if __name__ == "__main__":
    main()
