"""Nothing said is lost, whatever the engines' delays: drawn conversations on virtual time.

Each stretch of speech has a word and a sample value of its own, so that both can be looked for in
the records. `AVATAR_CONVERSATIONS=10000` draws as many.
"""

from __future__ import annotations

import heapq
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

import pytest

from avatar_contract import listen
from avatar_contract.audio import pcm_bytes
from avatar_contract.errors import ErrorCode, LlmUnavailable, SttUnavailable, TtsUnavailable
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session.listening import Phase
from gateway.session.microphone import wants
from gateway.session.tape import LOOKBACK_MS

RATE = 24_000
CONVERSATIONS = int(os.environ.get("AVATAR_CONVERSATIONS", "250"))
ENDPOINT_MS = 500.0
"""Quiet after which stt ends an utterance."""

WORDS, FAILS, SILENT, STALLS = "words", "fails", "silent", "stalls"
BACKCHANNEL, MURMUR = "backchannel", "murmur"
SAID = {BACKCHANNEL: "okay", MURMUR: "嗯"}


@dataclass
class Stretch:
    """What a person says in one breath."""

    number: int
    kind: str
    at: float
    ms: float
    utterance: int = 0
    """stt's number of it."""
    began: bool = False
    """Whether a recogniser, had there been one, would have reported it."""
    taken: bool = True
    """Whether the microphone took it."""

    @property
    def word(self) -> str:
        return f"word{self.number}x"

    @property
    def text(self) -> str:
        return SAID.get(self.kind, self.word)

    @property
    def value(self) -> bytes:
        return self.number.to_bytes(2, "little")

    @property
    def end(self) -> float:
        return self.at + self.ms


@dataclass
class Talk:
    """One conversation: the person, the three engines and the clock, all from one seed."""

    sim: object
    dice: random.Random
    held: bool
    due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    stopped: bool = False
    killed: bool = False
    deaf: bool = False
    """Whether there is no recogniser."""
    open_at_stt: dict[int, Stretch] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.order = count()
        self.numbers = count(1)
        self.seen = 0
        self.fed = 0.0
        slow = self.dice.random() < 0.5
        self.stt_ms = (400, 3000) if slow else (50, 600)
        self.model_ms = (50, 2500) if self.dice.random() < 0.5 else (50, 400)
        self.voice_ms = (50, 2000) if self.dice.random() < 0.3 else (50, 300)

    # --- the clock --------------------------------------------------------------------------

    def at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self.due, (max(when, self.sim.now), next(self.order), act))

    def later(self, span: tuple[float, float], act: Callable[[], None]) -> None:
        self.at(self.sim.now + self.dice.uniform(*span), act)

    def run(self) -> None:
        self.perform()
        while self.due or self.sim.timers:
            acts = self.due[0][0] if self.due else float("inf")
            until = min([acts, *self.sim.timers.values()])
            self.feed(until)
            self.sim.wait(max(0.0, until - self.sim.now))
            self.perform()
            if self.due and self.due[0][0] <= self.sim.now:
                heapq.heappop(self.due)[2]()
                self.perform()

    def feed(self, until: float) -> None:
        """The microphone up to `until`."""
        self.sim.c.tape.fed_at = until
        while self.fed < until:
            now = self.fed
            current = next((s for s in self.stretches if s.at <= now < s.end), None)
            edges = [edge for s in self.stretches for edge in (s.at, s.end) if edge > now]
            to = min([until, *edges])
            size = pcm_bytes(to) - pcm_bytes(now)
            value = current.value if current else b"\0\0"
            if not self.held or wants(self.sim.c, None):
                self.sim.c.tape.append(value * (size // 2))
            elif not self.held:
                self.sim.c.tape.append(bytes(size))
            self.fed = to

    # --- engines ----------------------------------------------------------------------------

    def perform(self) -> None:
        while self.seen < len(self.sim.done):
            effect = self.sim.done[self.seen]
            self.seen += 1
            if self.deaf and isinstance(effect, do.Listen):
                cleared = listen.Cleared(utterance=0, audio_ms=0)
                if isinstance(effect.command, listen.Clear):
                    self.sim.send(on.ListenReported(cleared, self.sim.c.tape.end_ms))
            elif isinstance(effect, do.Ask):
                self.later(self.model_ms, lambda key=effect.key: self.model(key))
            elif isinstance(effect, do.Speak):
                self.later(self.voice_ms, lambda ask=effect: self.voice(ask))
            elif isinstance(effect, do.LookUp):
                known = on.LookedUp(effect.utterance_id, None)
                self.later((1, 300), lambda known=known: self.sim.send(known))
            elif isinstance(effect, do.Listen) and isinstance(effect.command, listen.Commit):
                self.commit()
            elif isinstance(effect, do.Listen) and isinstance(effect.command, listen.Clear):
                self.clear()

    def model(self, key: on.ReplyKey) -> None:
        if self.dice.random() < 0.03:
            self.sim.send(on.AnswerFailed(key, LlmUnavailable("gone")))
            return
        sentences = [f"Sentence {n} is here. " for n in range(self.dice.randint(1, 3))]
        for sentence in sentences:
            self.sim.send(on.AnswerDelta(key, sentence))
        self.later((0, 500), lambda: self.sim.send(on.AnswerEnded(key, "stop")))

    def voice(self, ask: do.Speak) -> None:
        if self.dice.random() < 0.03:
            self.sim.send(on.SpeechFailed(ask.key, ask.clause, TtsUnavailable("gone")))
            return
        sound = bytes(pcm_bytes(self.dice.uniform(200, 1500), RATE))
        self.sim.send(on.SpeechOpened(ask.key, ask.clause, RATE))
        self.sim.send(on.SpeechPiece(ask.key, ask.clause, sound))
        ended = on.SpeechEnded(ask.key, ask.clause)
        self.later((0, 200), lambda: self.sim.send(ended))

    def report(self, kind: type[listen.OfUtterance], stretch: Stretch, **fields: object) -> None:
        if self.open_at_stt.get(stretch.utterance) is stretch:
            if kind in {listen.Final, listen.NoSpeech, listen.ListenError}:
                del self.open_at_stt[stretch.utterance]
            self.sim._report(kind, utterance=stretch.utterance, **fields)

    def hear(self, stretch: Stretch) -> None:
        """stt, hands-free: from `speech_started` to the ending, which may come late."""
        stretch.began = True
        if self.deaf:
            return
        stretch.utterance = next(self.numbers)
        self.open_at_stt[stretch.utterance] = stretch
        # The padding reaches back, but not into what was said before.
        before = max((s.end for s in self.stretches if s.end <= stretch.at), default=0.0)
        started = max(before, stretch.at - 300)
        self.report(listen.SpeechStarted, stretch, audio_ms=started)
        self.looks(stretch, self.sim.now)
        ends = max(stretch.end + ENDPOINT_MS, self.sim.now)
        ending = lambda: self.end_at_stt(stretch)  # noqa: E731
        self.at(ends + self.dice.uniform(*self.stt_ms), ending)

    def looks(self, stretch: Stretch, since: float) -> None:
        """Provisional words, each as late as the recogniser is."""
        if stretch.kind == SILENT:
            return
        if self.dice.random() < 0.6:
            partial = lambda: self.report(listen.Partial, stretch, text=stretch.text)  # noqa: E731
            self.at(since + self.dice.uniform(*self.stt_ms), partial)
        if not self.held and self.dice.random() < 0.6:
            paused = stretch.end + 200 + self.dice.uniform(*self.stt_ms) / 2
            if paused < stretch.end + ENDPOINT_MS:
                fields = {"text": stretch.text, "revision": 1, "audio_ms": stretch.end}
                self.at(paused, lambda: self.report(listen.Pause, stretch, **fields))

    def end_at_stt(self, stretch: Stretch) -> None:
        if stretch.kind == SILENT:
            self.report(listen.NoSpeech, stretch)
        elif stretch.kind == FAILS:
            code = ErrorCode.STT_UNAVAILABLE
            self.report(listen.ListenError, stretch, code=code, message="crashed")
        elif stretch.kind != STALLS:
            place = {"audio_ms": stretch.end}
            self.report(listen.Final, stretch, text=stretch.text, language="en", **place)

    def kill(self) -> None:
        """The recogniser dies; another one is told the tape from the oldest unfinished word on."""
        if self.deaf:
            return
        tape, listening = self.sim.c.tape, self.sim.c.listening
        self.deaf = self.killed = True
        self.open_at_stt.clear()
        tape.keep_unsent(max(tape.understood_ms, tape.end_ms - LOOKBACK_MS))
        if listening.from_ms is not None:
            tape.keep_unsent(listening.from_ms)
        self.sim.send(on.ListenLost(SttUnavailable("killed")))
        self.later((50, 3000), self.revive)

    def revive(self) -> None:
        c = self.sim.c
        self.deaf, self.numbers = False, count(1)
        from_ms = c.tape.unsent_ms if c.listening.from_ms is None else c.listening.from_ms
        self.later((10_000, 10_000), self.forget)
        current = c.utterance
        for stretch in self.stretches:
            if stretch.began and stretch.end > from_ms + 1:
                self.hear(stretch)
        if self.held and current is not None:
            again = [s for s in self.stretches if s.at <= self.sim.now and s.taken][-1]
            again.utterance = next(self.numbers)
            self.open_at_stt[again.utterance] = again
            if current.phase is Phase.ENDING:
                self.commit()

    def forget(self) -> None:
        """What was told again has been reported by now."""
        if not self.deaf:
            self.sim.c.tape.keep_unsent(None)

    def commit(self) -> None:
        if self.deaf:
            return
        stretch = next(s for s in reversed(self.stretches) if s.at <= self.sim.now and s.taken)
        ending = lambda: self.end_at_stt(stretch)  # noqa: E731
        self.later(self.stt_ms, ending)

    def clear(self) -> None:
        numbers = list(self.open_at_stt) or [0]
        self.open_at_stt.clear()
        for number in numbers:
            self.later((1, 30), lambda n=number: self.sim._report(listen.Cleared, utterance=n))

    # --- the person -------------------------------------------------------------------------

    def plan(self) -> None:
        at = 500.0
        kills = self.dice.choice([0, 0, 0, 1, 2])
        for number in range(1, self.dice.randint(2, 9)):
            kinds = [WORDS] * 12 + [BACKCHANNEL, MURMUR, SILENT, SILENT, FAILS]
            kind = self.dice.choice([*kinds, *([STALLS] if self.dice.random() < 0.2 else [])])
            stretch = Stretch(number, kind, at, self.dice.uniform(200, 2500))
            self.stretches.append(stretch)
            if self.held:
                self.at(at, lambda s=stretch: self.press(s))
            else:
                # stt knows a voice a little after it began; never two utterances at once.
                heard = at + self.dice.uniform(80, 150)
                self.at(heard, lambda s=stretch: self.hear(s))
            wait = self.dice.uniform(300, 2000)
            if self.dice.random() < 0.25:
                wait = self.dice.uniform(3000, 9000)
            # A shorter pause is inside an utterance: stt does not report two.
            at = stretch.end + max(wait, ENDPOINT_MS + 1)
            if self.dice.random() < 0.08:
                self.at(at - 50, self.type)
            if kills and self.dice.random() < 0.3:
                kills -= 1
                self.at(self.dice.uniform(stretch.at, at), self.kill)
            if self.dice.random() < 0.08:
                stop = self.dice.uniform(stretch.at, at)
                self.at(stop, self.stop)

    def press(self, stretch: Stretch) -> None:
        utterance_id = UUID(int=1000 + stretch.number)
        named = utterance_id if self.dice.random() < 0.5 else None
        refused = len(self.sim.errors)
        self.sim.send(on.ChunkArrived(named))
        stretch.taken = len(self.sim.errors) == refused and wants(self.sim.c, named)
        if not stretch.taken:
            return
        if not self.deaf:
            stretch.utterance = next(self.numbers)
            self.open_at_stt[stretch.utterance] = stretch
            self.looks(stretch, self.sim.now)
        self.at(stretch.end, lambda: self.sim.send(on.UtteranceEnded(named)))

    def type(self) -> None:
        open_now = self.sim.c.utterance
        if open_now is not None and not open_now.hands_free:
            return
        word = f"typed{len(self.typed)}x"
        self.typed.append(word)
        self.sim.type(word, UUID(int=5000 + len(self.typed)) if self.dice.random() < 0.5 else None)

    def stop(self) -> None:
        self.stopped = True
        self.sim.send(on.Interrupted(None, None, None))

    # --- the rule ---------------------------------------------------------------------------

    def check(self) -> None:
        sim = self.sim
        assert not sim.c.listening.busy
        assert sim.c.turn is None
        ends = Counter(ended.turn.turn_id for ended in sim.turns_ended)
        told = {o.turn.turn_id for o in sim.heard_by_client(out.TurnAccepted)}
        assert ends == dict.fromkeys(told, 1)
        records = {kept.record.turn_id: kept for kept in sim.records}
        assert len(records) == len(sim.records)
        assert set(records) == told
        newest = {o.turn.turn_id: o.turn.revision for o in sim.heard_by_client(out.TurnAccepted)}
        assert all(newest[key] == kept.record.revision for key, kept in records.items())
        in_order = sorted(records.values(), key=lambda kept: kept.record.turn_number)
        texts = [kept.record.recognised_text or "" for kept in in_order]
        said = " ".join(texts).split()
        for stretch in self.stretches:
            if stretch.taken and stretch.kind == WORDS:
                times = said.count(stretch.word)
                # A text overtook it, and then its recogniser died: told, and its sound kept.
                told_of = self.typed and self.killed and "STT_UNAVAILABLE" in sim.errors
                assert times == 1 or (told_of and not times), (
                    f"{stretch} is {times} times in {texts}"
                )
            if stretch.taken and stretch.kind in {WORDS, FAILS, STALLS}:
                holding = [k for k in in_order if self.sounds_in(stretch, k)]
                assert len(holding) == 1, f"{stretch} sounds in {len(holding)} of {texts}"
        assert all(said.count(word) == 1 for word in self.typed)
        spoken = [int(w[4:-1]) for w in said if w.startswith("word")]
        for text in texts if self.typed else [" ".join(texts)]:
            numbers = [int(w[4:-1]) for w in text.split() if w.startswith("word")]
            assert numbers == sorted(numbers), texts
        assert len(spoken) == len(set(spoken))
        if not (self.held or self.typed or self.stopped):
            sounded = {o.turn.turn_id for o in sim.heard_by_client(out.ClauseSound)}
            cut = {kept.record.turn_id for kept in in_order if kept.record.interrupted}
            assert cut <= sounded, "a question was cut before its answer sounded, not gone on with"

    def sounds_in(self, stretch: Stretch, kept: do.Store) -> bool:
        least = stretch.value * (pcm_bytes(stretch.ms * 0.9) // 2)
        return kept.user_pcm is not None and least in kept.user_pcm


def converse(new_sim: Callable[[], object], seed: int, *, held: bool) -> Talk:
    sim = new_sim()
    if not held:
        sim.configure(turn_detection="server_vad")
    talk = Talk(sim, random.Random(seed), held)
    talk.plan()
    talk.run()
    return talk


@pytest.mark.timeout(3600 if CONVERSATIONS > 1000 else 120)
@pytest.mark.parametrize("held", [False, True], ids=["hands-free", "held"])
def test_each_stretch_is_in_exactly_one_turn(new_sim, held: bool) -> None:
    share = CONVERSATIONS if not held else CONVERSATIONS // 5
    for seed in range(share):
        try:
            converse(new_sim, seed, held=held).check()
        except AssertionError as error:
            raise AssertionError(f"conversation {seed}: {error}") from error
