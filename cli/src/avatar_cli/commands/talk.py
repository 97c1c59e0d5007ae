"""`avatar talk`: one spoken turn from a wav file."""

import asyncio
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from avatar_cli.home import default_url
from avatar_cli.talking import outcome, show, turns, wavfile
from avatar_cli.talking.connection import Chat, NotReachableError, open_chat
from avatar_cli.talking.turn import Turn
from avatar_cli.tongue import Tongue, of_locale
from avatar_contract.audio import AudioFormat
from avatar_contract.wire import Configure

Url = Annotated[
    str | None, typer.Option(help="Address of AVATAR; default: the one running on this machine.")
]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Write the answer here, wav.")]
Key = Annotated[
    str | None,
    typer.Option(envvar="AVATAR_API_KEY", help="Key of an AVATAR with AUTH=api_key."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Seconds = Annotated[float, typer.Option(help="Give up when an answer takes longer, s.")]


def talk(
    file: Annotated[Path, typer.Argument(help="What you say: a wav file.")],
    output: Output = None,
    url: Url = None,
    hands_free: Annotated[
        bool, typer.Option("--hands-free", help="Let AVATAR find where speech begins and ends.")
    ] = False,
    language: Annotated[str, typer.Option(help="What is spoken: auto, en or zh.")] = "auto",
    mode: Annotated[str, typer.Option(help="Voice: fast or hq.")] = "fast",
    instructions: Annotated[str | None, typer.Option(help="How the model should answer.")] = None,
    json: Json = False,
    key: Key = None,
    timeout: Seconds = 60.0,
) -> None:
    """Say a wav file to AVATAR and print the words, the answer and a timeline.

    Exit codes: 0 answered, 1 AVATAR said an error, 2 unusable file or option, 3 not reachable,
    4 no answer in time.
    """
    tongue = of_locale()
    try:
        sound = wavfile.read(file)
        configure = Configure.model_validate(
            {"language": language, "tts_mode": mode, "instructions": instructions}
        )
    except (wavfile.UnreadableWavError, ValueError) as problem:
        finish(str(problem), outcome.BAD_INPUT)
    talker = _Talk(sound, configure, hands_free, json, timeout, tongue)
    try:
        code = asyncio.run(talker.run(url or default_url(), key, output))
    except NotReachableError as problem:
        finish(str(problem), outcome.NOT_REACHABLE)
    except turns.TurnTimeoutError as problem:
        finish(str(problem), outcome.TIMED_OUT)
    raise typer.Exit(code)


class _Talk:
    def __init__(
        self,
        sound: wavfile.Sound,
        configure: Configure,
        hands_free: bool,
        json: bool,
        timeout_s: float,
        tongue: Tongue,
    ) -> None:
        self._sound = sound
        self._configure = configure
        self._hands_free = hands_free
        self._json = json
        self._timeout_s = timeout_s
        self._tongue = tongue

    async def run(self, url: str, key: str | None, output: Path | None) -> int:
        async with open_chat(url, key) as chat:
            done = await self._turns(chat)
            write_answer(output, done)
            if self._json:
                typer.echo(outcome.as_json(chat, done))
            else:
                typer.echo("\n".join(show.summary(done, self._tongue)))
            return outcome.code_of(done)

    async def _turns(self, chat: Chat) -> list[Turn]:
        screen = show.Screen(self._tongue)
        watch = show.silent if self._json else screen.watch
        if not self._hands_free:
            await chat.send(self._configure)
            return [await turns.spoken(chat, self._sound, watch, self._timeout_s)]
        await chat.send(
            self._configure.model_copy(
                update={
                    "turn_detection": "server_vad",
                    "audio_in": AudioFormat(sample_rate=self._sound.rate),
                }
            )
        )
        return await turns.hands_free(chat, self._sound, watch, self._timeout_s)


def write_answer(output: Path | None, done: list[Turn]) -> None:
    """Writes the sound of the turns, one after another, when a file was named."""
    heard = [turn for turn in done if turn.rate]
    if output is not None and heard:
        pcm = b"".join(bytes(turn.pcm) for turn in heard)
        wavfile.write(output, pcm, heard[0].rate)


def finish(text: str, code: int) -> NoReturn:
    """Says what went wrong and ends."""
    typer.echo(text, err=True)
    raise typer.Exit(code)
