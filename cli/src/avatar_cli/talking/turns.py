"""Conducting turns over an open conversation."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from uuid import uuid4

from avatar_cli.talking.connection import Chat, NotReachableError, Watch
from avatar_cli.talking.turn import Turn
from avatar_cli.talking.wavfile import Sound
from avatar_contract.wire import (
    Accepted,
    AudioChunk,
    AudioEnd,
    AudioFrame,
    AudioStart,
    Error,
    Playback,
    ServerMessage,
    Text,
)

CHUNK_MS = 100
_AFTER_ERROR_S = 1.0
_STILL_S = 2.5


class TurnTimeoutError(Exception):
    """No answer within the time that was given."""


async def spoken(chat: Chat, sound: Sound, watch: Watch, timeout_s: float) -> Turn:
    """One push-to-talk utterance at the pace of a microphone.

    Raises:
        TurnTimeoutError: not done within `timeout_s` of the end of speech.
        NotReachableError: the socket closed.
    """
    turn = Turn(uuid4())

    async def speak() -> None:
        await chat.send(AudioStart(utterance_id=turn.utterance_id, sample=0))
        async for piece in paced(sound):
            await chat.send(
                AudioChunk(
                    utterance_id=turn.utterance_id,
                    data=b64encode(piece).decode(),
                    ts=chat.now(),
                    sr=sound.rate,
                )
            )
        await chat.send(AudioEnd(utterance_id=turn.utterance_id))
        turn.mark("end_of_speech", chat.now())

    async with _alongside(speak()):
        await _until_done(chat, turn, watch, timeout_s + sound.duration_ms / 1000)
    return turn


async def typed(chat: Chat, text: str, watch: Watch, timeout_s: float) -> Turn:
    """One typed turn. Errors as for `spoken`."""
    turn = Turn(uuid4())
    await chat.send(Text(utterance_id=turn.utterance_id, text=text))
    turn.mark("end_of_speech", chat.now())
    await _until_done(chat, turn, watch, timeout_s)
    return turn


async def paced(sound: Sound) -> AsyncIterator[bytes]:
    """Pieces of CHUNK_MS, each when a microphone would have it whole."""
    loop = asyncio.get_running_loop()
    size = sound.rate * CHUNK_MS // 1000 * 2
    began = loop.time()
    for index, start in enumerate(range(0, len(sound.pcm), size)):
        due = began + (index + 1) * CHUNK_MS / 1000
        await asyncio.sleep(max(0.0, due - loop.time()))
        yield sound.pcm[start : start + size]


@asynccontextmanager
async def _alongside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Runs `work` until the block ends; what went wrong in it is raised at the end.

    A closed socket is told by the side that receives, so it isn't told twice.
    """
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        (end,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(end, Exception) and not isinstance(end, NotReachableError):
        raise end


async def _next(chat: Chat, deadline: float) -> tuple[ServerMessage | AudioFrame, float] | None:
    """The next message, or None when `deadline` (of the loop's clock) came first."""
    try:
        async with asyncio.timeout_at(deadline):
            return await chat.receive()
    except TimeoutError:
        return None


async def _until_done(chat: Chat, turn: Turn, watch: Watch, timeout_s: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not turn.done:
        came = await _next(chat, deadline)
        if came is None:
            if turn.errors:
                return
            raise TurnTimeoutError(f"No answer within {timeout_s:.0f} s.")
        message, now = came
        if not turn.is_mine(message):
            continue
        turn.take(message, now)
        watch(message, now)
        if isinstance(message, Error):
            # A turn that had opened still says turn_done; a refused one says nothing more.
            deadline = min(deadline, loop.time() + _AFTER_ERROR_S)
        await _heard_all(chat, turn)


async def _heard_all(chat: Chat, turn: Turn) -> None:
    """Once all sound is here, says that it was heard: a file has no loudspeaker to wait for."""
    if not turn.audio_ended or turn.done or turn.turn_id is None or turn.reported:
        return
    turn.reported = True
    await chat.send(Playback(turn_id=turn.turn_id, revision=turn.revision, played_ms=turn.audio_ms))


async def hands_free(chat: Chat, sound: Sound, watch: Watch, timeout_s: float) -> list[Turn]:
    """Streams a file as an open microphone, then silence, until its turns are done.

    Answers last as long as they would from a loudspeaker, so the file can talk over them.

    The socket must have been configured with `server_vad` and the sound's format.

    Raises:
        TurnTimeoutError: no turn was done within `timeout_s` of the end of the file.
        NotReachableError: the socket closed.
    """
    loop = asyncio.get_running_loop()
    turns: list[Turn] = []
    ended = asyncio.Event()

    voiced_end: list[float] = []

    async def listen() -> None:
        sent_ms = 0.0
        async for piece in paced(sound):
            await chat.send_audio(piece)
            sent_ms += CHUNK_MS
            if sent_ms >= sound.voiced_ms and not voiced_end:
                voiced_end.append(chat.now())
        ended.set()
        while True:
            async for piece in paced(Sound(bytes(sound.rate * 2), sound.rate)):
                await chat.send_audio(piece)

    deadline = loop.time() + sound.duration_ms / 1000 + timeout_s
    async with _alongside(listen()):
        while True:
            idle = bool(turns) and all(turn.done for turn in turns)
            came = await _next(chat, min(deadline, loop.time() + _STILL_S) if idle else deadline)
            if came is None and idle and ended.is_set():
                return _with_end_of_speech(turns, voiced_end[0])
            if came is not None:
                _sort(turns, *came)
                watch(*came)
            elif loop.time() >= deadline:
                raise TurnTimeoutError(f"No answer within {timeout_s:.0f} s.")


def _with_end_of_speech(turns: list[Turn], voiced_end: float) -> list[Turn]:
    """Where a file held one turn, its last voiced sample was that turn's end of speech."""
    if len(turns) == 1:
        turns[0].mark("end_of_speech", voiced_end)
    return turns


def _sort(turns: list[Turn], message: ServerMessage | AudioFrame, now: float) -> None:
    """Gives a message to its turn; opens one for a new `accepted`."""
    if isinstance(message, Accepted) and not any(t.is_mine(message) for t in turns):
        turns.append(Turn(message.utterance_id))
    for turn in reversed(turns):
        if turn.is_mine(message):
            turn.take(message, now)
            return
