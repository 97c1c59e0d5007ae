"""Pipecat, tuned, on the same stand-in engines: 0.2 s stop, no further delay.

``python pipecat_server.py PORT RECOGNISER_PORT ENGINES_PORT``, in the environment of pipecat.lock.
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
from collections.abc import AsyncGenerator
from typing import Any

import uvicorn
from avatar_bench.standins.link import RecogniserLink
from fastapi import FastAPI, WebSocket
from loguru import logger
from openai import DefaultAsyncHttpxClient
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    TranscriptionFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import (
    UserTurnStrategies,
    default_user_turn_start_strategies,
)
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

STOP_S = 0.2


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


class Server:
    """What the sessions share."""

    def __init__(self, recogniser_port: int, engines_port: int) -> None:
        self._engines = f"http://127.0.0.1:{engines_port}/v1"
        self._link = RecogniserLink(recogniser_port)
        self._http: Any = None

    async def open(self) -> None:
        await self._link.connect()
        self._http = DefaultAsyncHttpxClient(trust_env=False)

    async def serve(self, socket: WebSocket) -> None:
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
        llm = OpenAILLMService(
            api_key="none",
            base_url=self._engines,
            settings=OpenAILLMService.Settings(model="stand-in"),
        )
        tts = OpenAITTSService(api_key="none", base_url=self._engines, http_client=self._http)
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
            [
                transport.input(),
                StandInStt(self._link),
                pair.user(),
                llm,
                tts,
                transport.output(),
                pair.assistant(),
            ]
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


def main() -> None:
    """Serves until ended."""
    port, recogniser_port, engines_port = (int(word) for word in sys.argv[1:4])
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    app, server = FastAPI(), Server(recogniser_port, engines_port)

    @app.websocket("/ws")
    async def conversation(socket: WebSocket) -> None:
        await server.serve(socket)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    async def run() -> None:
        await server.open()
        config = uvicorn.Config(
            app, host="127.0.0.1", port=port, log_level="warning", ws_per_message_deflate=False
        )
        serving = asyncio.ensure_future(uvicorn.Server(config).serve())
        parent = os.getppid()
        while os.getppid() == parent and not serving.done():
            # A measurement that was killed leaves nothing behind.
            await asyncio.wait([serving], timeout=1)

    asyncio.run(run())


if __name__ == "__main__":
    main()
