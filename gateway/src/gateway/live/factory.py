"""Builds sessions: what they share, and what each has of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from avatar_contract.audio import AudioFormat
from avatar_contract.records import ClaimedSession
from avatar_contract.terms import Engines as EnginesInfo
from avatar_contract.terms import Limits
from gateway.edge.decode import Decoder, DecodeWorkers, make_decoder
from gateway.edge.decode.base import DecodeLimits
from gateway.edge.limits import UtteranceLimits, UtteranceMeter
from gateway.live.keeper import Keeper
from gateway.live.session import LiveSession
from gateway.live.tokens import hash_token
from gateway.session import outputs as out
from gateway.session.echo import is_echo
from gateway.session.memory import Memory
from gateway.session.ports import Engines
from gateway.session.resuming import restore
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
    thinking_opened: bool = False
    token_budget: int = 3000
    """Tokens of instructions, memory and question."""
    token_life_s: float = 24 * 3600
    """How long after its last use a resume token still resumes a session."""


@dataclass(frozen=True, slots=True)
class Scripts:
    """OpenCC's converters; loading one takes 20 ms, so there is one of each."""

    to_traditional: Converter
    to_simplified: Converter

    def stream(self, locale: str) -> ScriptStream:
        """A converter for one reply."""
        return ScriptStream(self.to_traditional, self.to_simplified)


class SessionFactory:
    """Opens sessions."""

    def __init__(
        self,
        engines: Engines,
        settings: SessionSettings,
        spool: Keeper,
        workers: DecodeWorkers,
        scripts: Scripts,
        engines_info: Callable[[], EnginesInfo],
        busy: Callable[[], bool],
        figures: Callable[..., None],
        notices: Callable[[], list[out.NoticeGiven]],
        loading: Callable[[], float | None] = lambda: None,
    ) -> None:
        self.engines = engines
        self.settings = settings
        self.spool = spool
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

    def open(self, session_id: UUID, token: str | None = None) -> LiveSession:
        """A session that is not started yet; `token` resumes it."""
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
            thinking_opened=self.settings.thinking_opened,
            limits=self.settings.limits,
            policy=self.settings.policy,
            token_hash=hash_token(token) if token else None,
            token_life=timedelta(seconds=self.settings.token_life_s),
        )
        return LiveSession(conversation, self, token)

    def restore(self, claimed: ClaimedSession, token: str) -> LiveSession:
        """The session that another gateway held, or this one before it was restarted."""
        session = self.open(claimed.session_id, token)
        restore(session.conversation, claimed)
        newest = claimed.turns[-1] if claimed.turns else None
        session.reopened = newest if newest is not None and newest.state == "open" else None
        return session

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
