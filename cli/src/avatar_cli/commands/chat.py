"""`avatar chat`: typed turns, at a prompt, from a pipe, or one from the command line."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from avatar_cli.commands.talk import Json, Key, Output, Seconds, Url, finish, write_answer
from avatar_cli.home import default_url
from avatar_cli.talking import outcome, show, turns
from avatar_cli.talking.connection import Chat, NotReachableError, open_chat
from avatar_cli.talking.turn import Turn
from avatar_cli.tongue import Tongue, of_locale
from avatar_contract.terms import EngineInfo
from avatar_contract.wire import Configure

_GOODBYE = frozenset({"/quit", "/exit", "/q"})


def chat(
    say: Annotated[
        list[str] | None, typer.Option("--say", help="Send this and end; may be repeated.")
    ] = None,
    output: Output = None,
    url: Url = None,
    instructions: Annotated[str | None, typer.Option(help="How the model should answer.")] = None,
    json: Json = False,
    key: Key = None,
    timeout: Seconds = 60.0,
) -> None:
    """Type to AVATAR. Without --say it reads lines: from you, or from a pipe.

    Exit codes as for `avatar talk`.
    """
    tongue = of_locale()
    configure = Configure.model_validate({"instructions": instructions})
    talk = _Conversation(say or [], output, json, timeout, tongue)
    try:
        code = asyncio.run(talk.run(url or default_url(), key, configure))
    except NotReachableError as problem:
        finish(str(problem), outcome.NOT_REACHABLE)
    except turns.TurnTimeoutError as problem:
        finish(str(problem), outcome.TIMED_OUT)
    except KeyboardInterrupt:
        code = outcome.OK
    raise typer.Exit(code)


@dataclass
class _Conversation:
    say: list[str]
    output: Path | None
    json: bool
    timeout_s: float
    tongue: Tongue

    async def run(self, url: str, key: str | None, configure: Configure) -> int:
        interactive = not self.say and sys.stdin.isatty() and not self.json
        watch = show.silent if self.json else show.Screen(self.tongue).watch
        done: list[Turn] = []
        async with open_chat(url, key) as socket:
            await socket.send(configure)
            if interactive:
                typer.echo(_welcome(socket, self.tongue))
            async for text in _lines(self.say, interactive, self.tongue):
                turn = await turns.typed(socket, text, watch, self.timeout_s)
                done.append(turn)
            write_answer(self.output, done)
            if self.json:
                typer.echo(outcome.as_json(socket, done))
            return outcome.code_of(done)


async def _lines(say: list[str], interactive: bool, tongue: Tongue) -> AsyncIterator[str]:
    """What to send: the given texts, or lines of standard input until its end or /quit."""
    for text in say:
        yield text
    while not say:
        if interactive:
            sys.stdout.write(tongue("you      ", "你       "))
            sys.stdout.flush()
        # A line is read in a thread, so that the socket's pings are answered meanwhile.
        line = await asyncio.to_thread(sys.stdin.readline)
        text = line.strip()
        if not line or text in _GOODBYE:
            return
        if text:
            yield text


def _welcome(chat: Chat, tongue: Tongue) -> str:
    engines = chat.session.engines
    notices = [_notice(e) for e in (engines.llm, engines.tts_fast) if e.notice]
    hint = tongue("Type, then Enter. /quit ends.", "打字後按 Enter，輸入 /quit 結束。")
    return "\n".join([*notices, hint])


def _notice(engine: EngineInfo) -> str:
    return f"{engine.name}: {engine.notice}"
