"""Plays a scene to the real endpointing and the real session core, and notes what came of it."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

import opencc

from avatar_contract.audio import AudioFormat
from avatar_contract.terms import EngineInfo
from avatar_contract.terms import Engines as EnginesInfo
from conversation import engines as fake
from conversation import virtual
from conversation.hearing import Transcriptionist
from conversation.script import Line, Scene
from conversation.sound import RATE, Microphone, Spoken
from gateway.edge.decode import DecodeWorkers
from gateway.live.factory import Scripts, SessionFactory, SessionSettings
from gateway.live.outbox import Frame
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session.ports import Engines
from gateway.text.words import normalised
from stt_service.hearing.silero import Silero
from stt_service.listening.policy import Policy

FRAME_MS = 20
_GIVE_UP_MS = 20_000.0
_SETTLED_MS = 1_500.0
"""After what was said over a reply: until then it must have had its effect."""


@dataclass
class Asked:
    """What came of a question."""

    text: str
    pauses_ms: tuple[float, ...]
    delay_ms: float | None = None
    """From its last sample to the final words."""
    premature: bool = False
    """Whether it was taken for finished before its end."""
    first_sound_ms: float | None = None
    understood: str = ""
    model_calls: int = 0
    turns: int = 0
    """Turns that it became: more than one when it was cut in two."""
    early_sounds: int = 0
    """Sound of a reply before its end, though it was not taken for finished."""


@dataclass
class Meanwhile:
    """What came of a sound made during a reply."""

    kind: str
    text: str
    paused: bool
    ended_reply: bool


@dataclass
class Outcome:
    """Of a scene."""

    asked: list[Asked] = field(default_factory=list)
    meanwhile: list[Meanwhile] = field(default_factory=list)
    stray_turns: int = 0
    """Turns that nobody asked for."""
    language: str = ""


class _Stage:
    """One scene while it is played."""

    def __init__(
        self, scene: Scene, spoken: dict[Line, Spoken], seed: int, model: Silero, policy: Policy
    ) -> None:
        self.scene = scene
        self._spoken = spoken
        self._microphone = Microphone(scene, seed)
        self._knows = Transcriptionist(scene.language, delay_ms=120)
        self._listening = fake.Listening(model, self._knows, policy)
        self._model = fake.Model()
        self._outputs: list[tuple[float, out.Output]] = []
        self.outcome = Outcome(language=scene.language)
        self._factory = SessionFactory(
            Engines(self._listening, self._model, fake.Voice(), fake.Archive()),
            SessionSettings(),
            fake.Spool(),
            DecodeWorkers(),
            Scripts(opencc.OpenCC("s2twp"), opencc.OpenCC("t2s")),
            engines_info=_no_engines,
            busy=lambda: False,
            figures=lambda *_, **__: None,
            notices=list,
        )

    async def play(self) -> Outcome:
        """The whole scene."""
        self._session = self._factory.open(UUID(int=self.scene.noise_db.__hash__() % 2**64))
        self._session.encode = self._take_output
        self._session.start()
        language = "zh" if self.scene.language == "zh" else "en"
        locale = "zh-TW" if language == "zh" else "en"
        self._session.post(
            on.Configured(
                {
                    "turn_detection": "server_vad",
                    "language": language,
                    "locale": locale,
                    "store_audio": False,
                }
            )
        )
        await self._quiet(700)
        for exchange in self.scene.exchanges:
            self._model.reply = exchange.reply
            await self._ask(exchange.question)
            await self._during(exchange.meanwhile)
        await self._session.close()
        return self.outcome

    def _take_output(self, output: out.Output) -> list[Frame]:
        self._outputs.append((self._now, output))
        return []

    async def _ask(self, line: Line) -> None:
        await self._quiet(line.at)
        sound = self._spoken[line]
        since = len(self._outputs)
        calls = len(self._model.calls)
        ended = await self._say(sound)
        asked = Asked(line.text, line.pauses_ms)
        self.outcome.asked.append(asked)
        gave_up = ended + _GIVE_UP_MS
        while self._now < gave_up and not self._answered(since, line.text):
            await self._frame()
        finals = [
            (at, o)
            for at, o in self._outputs[since:]
            if isinstance(o, out.Transcribed) and o.is_final
        ]
        sounds = [at for at, o in self._outputs[since:] if isinstance(o, out.ClauseSound)]
        asked.premature = len(finals) != 1 or finals[0][0] < ended
        asked.turns = len(finals)
        asked.understood = " / ".join(o.text for _, o in finals)
        asked.model_calls = len(self._model.calls) - calls
        if finals:
            asked.delay_ms = finals[-1][0] - ended
        if not asked.premature:
            asked.early_sounds = sum(1 for at in sounds if at < ended)
            asked.first_sound_ms = min(sounds) - ended if sounds else None

    def _answered(self, since: int, text: str) -> bool:
        """Whether the last words are final and their answer is heard."""
        finals = [
            n
            for n, (_, o) in enumerate(self._outputs[since:])
            if isinstance(o, out.Transcribed) and o.is_final
        ]
        if not finals:
            return False
        last = self._outputs[since + finals[-1]][1]
        assert isinstance(last, out.Transcribed)
        whole = normalised(text).endswith(normalised(last.text))
        return whole and any(
            isinstance(o, out.ClauseSound) for _, o in self._outputs[since + finals[-1] :]
        )

    async def _during(self, line: Line | None) -> None:
        """Listens to the reply; perhaps makes a sound meanwhile."""
        since = len(self._outputs)
        turn = self._session.conversation.turn
        if line is not None and turn is not None and turn.reply is not None:
            await self._heard_part(line.at)
            since = len(self._outputs)
            running = self._session.conversation.turn
            if running is not None:
                sound = self._spoken[line]
                if line.kind == "interruption":
                    self._model.reply = self.scene.exchanges[0].reply
                await self._say(sound)
                await self._quiet(_SETTLED_MS)
                self._note(line, since, running.turn_id)
        gave_up = self._now + 60_000
        while self._session.conversation.turn is not None and self._now < gave_up:
            await self._frame()

    async def _heard_part(self, part: float) -> None:
        while True:
            turn = self._session.conversation.turn
            if turn is None or turn.reply is None:
                return
            reply = turn.reply
            # The reply's length is known by its letters.
            letters = len(reply.text) if reply.generated else 10**6
            whole_ms = letters * (65 if self.scene.language == "en" else 200)
            if reply.clock.started and reply.clock.position(self._now) >= part * whole_ms:
                return
            await self._frame()

    def _note(self, line: Line, since: int, turn_id: UUID) -> None:
        later = [o for _, o in self._outputs[since:]]
        actions = [o.action for o in later if isinstance(o, out.PlaybackCommand)]
        cut = any(
            isinstance(o, out.TurnEnded) and o.turn.turn_id == turn_id and o.interrupted
            for o in later
        )
        self.outcome.meanwhile.append(Meanwhile(line.kind, line.text, "pause" in actions, cut))
        if line.kind != "interruption":
            self.outcome.stray_turns += sum(isinstance(o, out.TurnAccepted) for o in later)

    async def _say(self, sound: Spoken) -> float:
        """Says it; returns when its last sample was spoken."""
        start = self._microphone.at
        began = self._now
        self._knows.words += [(word, start + end) for word, end in sound.words]
        self._microphone.say(sound.samples)
        ended = began + len(sound.samples) / RATE * 1000
        while self._now < ended:
            await self._frame()
        return ended

    async def _quiet(self, ms: float) -> None:
        until = self._now + ms
        while self._now < until:
            await self._frame()

    async def _frame(self) -> None:
        """A microphone has a frame when its last sample was spoken."""
        pcm = self._microphone.frame(FRAME_MS * RATE // 1000)
        await asyncio.sleep(FRAME_MS / 1000)
        await self._session.hear(pcm, AudioFormat(), utterance_id=None, binary=True)

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time() * 1000


def _no_engines() -> EnginesInfo:
    info = EngineInfo(name="scripted", kind="local")
    return EnginesInfo(stt=info, llm=info, tts_fast=info, tts_hq=info)


def play(
    scene: Scene, spoken: dict[Line, Spoken], seed: int, model: Silero, policy: Policy
) -> Outcome:
    """Plays one scene on virtual time."""

    async def on_stage() -> Outcome:
        return await _Stage(scene, spoken, seed, model, policy).play()

    return virtual.run(on_stage())
