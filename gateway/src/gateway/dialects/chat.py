"""The dialect of ``WS /ws/chat`` (DESIGN §3): messages in, domain events out, numbered."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any, cast

from avatar_contract import wire
from avatar_contract.audio import AudioFormat
from avatar_contract.errors import AvatarError
from avatar_contract.terms import State
from gateway.live.outbox import Frame
from gateway.live.registry import SessionRegistry
from gateway.live.session import LiveSession
from gateway.live.tokens import with_epoch
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session.config import ConfigChange, SessionConfig


class ChatEncoder:
    """Numbers and encodes what one session says."""

    def __init__(self, seq: int = 0) -> None:
        self.config: Callable[[], SessionConfig] = SessionConfig
        """The session's; how sound is encoded follows it."""
        self.seq = seq
        """The number of the last message."""

    def session(self, session: LiveSession, sessions: SessionRegistry, *, resumed: bool) -> Frame:
        """The first message of a session, and of one that is told anew."""
        return self._text(_session(session, sessions, resumed=resumed))

    def session_again(self, session: LiveSession, sessions: SessionRegistry, seq: int) -> Frame:
        """To a client that goes on after number `seq`."""
        message = _session(session, sessions, resumed=True)
        return message.model_copy(update={"seq": seq}).model_dump_json(exclude_none=True)

    def queued(self, position: int) -> Frame:
        """The place in the waiting queue."""
        return self._text(wire.Status(state=State.QUEUED, position=position))

    def loading(self, progress: float) -> Frame:
        """The engines are not ready yet."""
        return self._text(wire.Status(state=State.LOADING, progress=progress))

    def encode(self, output: out.Output) -> list[Frame]:
        """The frames that say `output`."""
        return self._ENCODE[type(output)](self, output)

    def error(self, error: AvatarError) -> Frame:
        """An error that belongs to no turn."""
        return self._failed(out.Failed(error))[0]

    def _next(self) -> int:
        self.seq += 1
        return self.seq

    def _text(self, message: wire.ServerMessage) -> Frame:
        numbered = message.model_copy(update={"seq": self._next()})
        return numbered.model_dump_json(exclude_none=True)

    def _accepted(self, o: out.TurnAccepted) -> list[Frame]:
        accepted = wire.Accepted(
            **_turn(o.turn),
            utterance_id=o.utterance_id,
            turn_number=o.turn.number,
            start=o.start,
            offset=o.offset,
        )
        return [self._text(accepted)]

    def _state(self, o: out.StateChanged) -> list[Frame]:
        about = _turn(o.turn) if o.turn else {}
        return [self._text(wire.Status(state=o.state, **about))]

    def _transcribed(self, o: out.Transcribed) -> list[Frame]:
        message = wire.Transcription(
            **_turn(o.turn),
            text=o.text,
            stable_chars=o.stable_chars,
            is_final=o.is_final,
            language=o.language,
        )
        return [self._text(message)]

    def _token(self, o: out.AnswerToken) -> list[Frame]:
        return [self._text(wire.LlmToken(**_turn(o.turn), token=o.token))]

    def _complete(self, o: out.AnswerComplete) -> list[Frame]:
        return [self._text(wire.LlmResponse(**_turn(o.turn), text=o.text))]

    def _clause(self, o: out.ClauseStarted) -> list[Frame]:
        return [self._text(_sound(o, text=o.text))]

    def _piece(self, o: out.ClauseSound) -> list[Frame]:
        if self.config().audio_out == "binary":
            return [wire.pack_audio(wire.AudioFrame(o.turn.number, self._next(), o.pcm))]
        return [self._text(_sound(o, data=b64encode(o.pcm).decode()))]

    def _sound_ended(self, o: out.SoundEnded) -> list[Frame]:
        return [self._text(_sound(o, is_final=True))]

    def _playback(self, o: out.PlaybackCommand) -> list[Frame]:
        return [self._text(wire.PlaybackControl(**_turn(o.turn), action=o.action))]

    def _replay(self, o: out.ReplayReady) -> list[Frame]:
        url = f"/api/turn/{o.turn.turn_id}/audio/ai"
        ready = wire.TtsReady(**_turn(o.turn), audio_url=url, duration_ms=round(o.duration_ms, 1))
        return [self._text(ready)]

    def _ended(self, o: out.TurnEnded) -> list[Frame]:
        done = wire.TurnDone(
            **_turn(o.turn),
            timings=o.timings,
            interrupted=o.interrupted,
            heard_text=o.heard_text,
        )
        return [self._text(done)]

    def _notice(self, o: out.NoticeGiven) -> list[Frame]:
        about = _turn(o.turn) if o.turn else {}
        return [self._text(wire.Notice(code=o.code, message=o.message, stage=o.stage, **about))]

    def _failed(self, o: out.Failed) -> list[Frame]:
        about = _turn(o.turn) if o.turn else {}
        error = wire.Error(
            code=o.error.code,
            message=o.error.message,
            retryable=o.error.retryable,
            retry_after_s=o.error.retry_after_s,
            **about,
        )
        return [self._text(error)]

    _ENCODE: dict[type, Callable[[ChatEncoder, Any], list[Frame]]] = {  # noqa: RUF012
        out.TurnAccepted: _accepted,
        out.StateChanged: _state,
        out.Transcribed: _transcribed,
        out.AnswerToken: _token,
        out.AnswerComplete: _complete,
        out.ClauseStarted: _clause,
        out.ClauseSound: _piece,
        out.SoundEnded: _sound_ended,
        out.PlaybackCommand: _playback,
        out.ReplayReady: _replay,
        out.TurnEnded: _ended,
        out.NoticeGiven: _notice,
        out.Failed: _failed,
    }


def _session(session: LiveSession, sessions: SessionRegistry, *, resumed: bool) -> wire.Session:
    c = session.conversation
    return wire.Session(
        session_id=c.session_id,
        resume_token=with_epoch(session.token or "", c.epoch),
        resumed=resumed,
        limits=c.limits,
        engines=sessions.factory.engines_info(),
        audio_out=c.config.audio_out,
        offset=c.tape.offset,
    )


def chunk_format(chunk: wire.AudioChunk, declared: AudioFormat) -> AudioFormat:
    """What a chunk holds: what it says itself, else what `configure.audio_in` declared."""
    if chunk.codec is None and chunk.sr is None:
        return declared
    codec = chunk.codec or declared.codec
    return AudioFormat(
        codec=codec, sample_rate=chunk.sr or declared.sample_rate, channels=declared.channels
    )


def to_input(message: wire.ClientMessage) -> on.Input | None:
    """The session's input for a message; None for those that carry microphone sound."""
    match message:
        case wire.Configure():
            return on.Configured(config_change(message))
        case wire.Text():
            return on.Typed(message.utterance_id, message.text)
        case wire.Playback():
            return on.Played(message.turn_id, message.revision, message.played_ms)
        case wire.Interrupt():
            return on.Interrupted(message.turn_id, message.revision, message.played_ms)
        case wire.EditTranscription():
            return on.Edited(message.turn_id, message.revision, message.text)
        case _:
            return None


def config_change(message: wire.Configure) -> ConfigChange:
    """What a client configured, in the core's terms: only what it gave."""
    known = ConfigChange.__annotations__
    given = {name: getattr(message, name) for name in message.model_fields_set if name in known}
    return cast("ConfigChange", given)


def _turn(ref: out.TurnRef) -> dict[str, Any]:
    return {"turn_id": ref.turn_id, "revision": ref.revision}


def _sound(
    o: out.ClauseStarted | out.ClauseSound | out.SoundEnded, **fields: Any
) -> wire.AudioResponse:
    return wire.AudioResponse(**_turn(o.turn), mode=o.mode, sample_rate=o.sample_rate, **fields)
