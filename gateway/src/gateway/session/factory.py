"""Builds sessions: what they share, and what each has of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from avatar_contract.audio import AudioFormat
from avatar_contract.wire import Engines as EnginesInfo
from avatar_contract.wire import Limits
from gateway.backends.protocols import Engines
from gateway.edge.admission import Admission
from gateway.edge.decode import Decoder, DecodeWorkers, make_decoder
from gateway.edge.decode.base import DecodeLimits
from gateway.edge.limits import UtteranceLimits, UtteranceMeter
from gateway.session import effects as do
from gateway.session import outputs as out
from gateway.session.echo import is_echo
from gateway.session.intake import Intake
from gateway.session.memory import Memory
from gateway.session.runner import SessionRunner
from gateway.session.speculation import SpeculationPolicy
from gateway.session.state import Conversation, Policy, Tools
from gateway.text.script import Converter, ScriptStream


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What all sessions have in common."""

    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)
    instructions: str = ""
    vocabulary: str = ""
    token_budget: int = 3000
    """Tokens of instructions, memory and question."""


@dataclass(frozen=True, slots=True)
class Scripts:
    """OpenCC's converters; loading one takes 20 ms, so there is one of each."""

    to_traditional: Converter
    to_simplified: Converter

    def stream(self, locale: str) -> ScriptStream:
        """A converter for one reply."""
        return ScriptStream(self.to_traditional, self.to_simplified)


class LiveSession:
    """One session while its socket is open."""

    def __init__(
        self, conversation: Conversation, engines: Engines, shared: SessionFactory
    ) -> None:
        self.conversation = conversation
        self._figures = shared.figures
        self._tell: Callable[[out.Output], None] = lambda _: None
        self._runner = SessionRunner(conversation, engines, self.tell, self._microphone)
        self.post = self._runner.post
        self.intake = Intake(
            conversation,
            self._runner.post,
            self._runner.send_audio,
            lambda audio: shared.decoder(audio, hands_free=conversation.free_mode),
            shared.meter(),
        )

    def connect(self, tell: Callable[[out.Output], None]) -> None:
        """Where what the session says goes."""
        self._tell = tell

    def tell(self, output: out.Output) -> None:
        """Says `output`."""
        if isinstance(output, out.TurnEnded):
            self._figures(output.timings, interrupted=output.interrupted)
        self._tell(output)

    def start(self) -> None:
        """Connects the engines."""
        self._runner.start()

    async def close(self) -> None:
        """Ends everything; the turn that was open is stored."""
        self.intake.close()
        await self._runner.close()

    def _microphone(self, effect: do.TakeMicrophone) -> None:
        self.intake.set_open(is_open=effect.open, fresh=effect.fresh)


class SessionFactory:
    """Opens sessions."""

    def __init__(
        self,
        engines: Engines,
        settings: SessionSettings,
        admission: Admission,
        workers: DecodeWorkers,
        scripts: Scripts,
        engines_info: Callable[[], EnginesInfo],
        busy: Callable[[], bool],
        figures: Callable[..., None],
        notices: list[out.NoticeGiven],
        loading: Callable[[], float | None] = lambda: None,
    ) -> None:
        self.engines = engines
        self.settings = settings
        self.admission = admission
        self.engines_info = engines_info
        self._workers = workers
        self._scripts = scripts
        self._busy = busy
        self.figures = figures
        """Takes the timings of each turn."""
        self.loading = loading
        """How far the engines are loaded, 0 to 1; None when they are ready."""
        self.notices = notices
        """What every client is told when it connects."""

    @staticmethod
    def new_id() -> UUID:
        return uuid4()

    def open(self, session_id: UUID) -> LiveSession:
        """A session that is not started yet."""
        loop = asyncio.get_running_loop()
        tools = Tools(
            clock=lambda: loop.time() * 1000,
            wall=lambda: datetime.now(UTC),
            new_id=uuid4,
            new_script=self._scripts.stream,
            speculation=SpeculationPolicy(self._busy),
            is_echo=is_echo,
        )
        conversation = Conversation(
            session_id=session_id,
            tools=tools,
            memory=Memory(self.settings.token_budget),
            instructions=self.settings.instructions,
            vocabulary=self.settings.vocabulary,
            limits=self.settings.limits,
            policy=self.settings.policy,
        )
        return LiveSession(conversation, self.engines, self)

    def decoder(self, audio: AudioFormat, *, hands_free: bool) -> Decoder:
        """A decoder for an utterance, or for a whole hands-free socket."""
        seconds = None if hands_free else self.settings.limits.max_binary_s
        return make_decoder(audio, DecodeLimits(max_audio_s=seconds), self._workers)

    def meter(self) -> UtteranceMeter:
        """Counts a session's utterances."""
        limits = self.settings.limits
        bounds = UtteranceLimits(
            max_bytes=limits.max_payload_bytes,
            max_chunks=limits.max_chunks,
            idle_s=limits.chunk_timeout_s,
            max_binary_s=limits.max_binary_s,
        )
        return UtteranceMeter(bounds, asyncio.get_running_loop().time)
