"""One Pipecat conversation over a websocket, tuned, and the server around it.

One pipeline a socket, as Pipecat's own examples have it:

    websocket ─▶ segmented STT ─▶ user aggregator (Silero, VAD stop 0.2 s)
              ─▶ OpenAI LLM ─▶ OpenAI TTS ─▶ websocket

Tuned: the turn ends with the transcript of the VAD's stop (no speech timeout beyond it, no
smart-turn model), no silence is padded or sent, 20 ms of sound a packet, one HTTP client for all
sessions, raw PCM on the wire, no metrics, no RTVI, no tracing, warnings only.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import (
    UserTurnStrategies,
    default_user_turn_start_strategies,
)
from pipecat.workers.runner import WorkerRunner

STOP_S = 0.2

Services = Callable[[], tuple[Any, Any, Any]]
"""A recogniser, a model and a voice for one conversation."""


class RawSerializer(FrameSerializer):
    """PCM in, PCM out; an interruption is told, so that the client can time it."""

    async def serialize(self, frame: Frame) -> str | bytes | None:
        if isinstance(frame, OutputAudioRawFrame):
            return frame.audio
        if isinstance(frame, InterruptionFrame):
            return '{"type": "interrupted"}'
        return None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        if isinstance(data, bytes):
            return InputAudioRawFrame(audio=data, sample_rate=16_000, num_channels=1)
        return None


async def converse(socket: WebSocket, services: Services) -> None:
    """One conversation."""
    await socket.accept()
    transport = FastAPIWebsocketTransport(
        websocket=socket,
        params=FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_out_10ms_chunks=2,
            audio_out_auto_silence=False,
            audio_out_end_silence_secs=0,
            serializer=RawSerializer(),
        ),
    )
    stt, llm, tts = services()
    vad = SileroVADAnalyzer(params=VADParams(stop_secs=STOP_S))
    strategies = UserTurnStrategies(
        start=default_user_turn_start_strategies(),
        stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0)],
    )
    context = LLMContext()
    pair = LLMContextAggregatorPair(
        context,
        user_params=LLMUserAggregatorParams(vad_analyzer=vad, user_turn_strategies=strategies),
    )
    pipeline = Pipeline(
        [transport.input(), stt, pair.user(), llm, tts, transport.output(), pair.assistant()]
    )
    worker = PipelineWorker(
        pipeline,
        params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=24_000),
        idle_timeout_secs=None,
        enable_rtvi=False,
        enable_turn_tracking=False,
        check_dangling_tasks=False,
    )

    @transport.event_handler("on_client_disconnected")
    async def _gone(_transport: Any, _socket: Any) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False, check_dangling_tasks=False)
    await runner.add_workers(worker)
    await runner.run()


def serve(port: int, services: Services, opened: Callable[[], Awaitable[None]]) -> None:
    """Serves until the parent process ends; awaits `opened` first."""
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    app = FastAPI()

    @app.websocket("/ws")
    async def conversation(socket: WebSocket) -> None:
        await converse(socket, services)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    async def run() -> None:
        await opened()
        config = uvicorn.Config(
            app, host="127.0.0.1", port=port, log_level="warning", ws_per_message_deflate=False
        )
        serving = asyncio.ensure_future(uvicorn.Server(config).serve())
        parent = os.getppid()
        while os.getppid() == parent and not serving.done():
            # A measurement that was killed leaves nothing behind.
            await asyncio.wait([serving], timeout=1)

    asyncio.run(run())
