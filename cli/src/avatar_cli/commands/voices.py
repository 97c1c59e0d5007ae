"""`avatar voices`: how like a synthesised voice is to its speaker."""

import json as json_module
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import httpx
import typer

from avatar_cli.commands.talk import Json, Key, Url
from avatar_cli.home import default_url
from avatar_cli.tongue import of_locale
from avatar_cli.voices import embed, likeness, listening
from avatar_cli.voices.gateway import Voice, VoiceDesk, VoicesError
from avatar_cli.voices.listening import Sample
from avatar_contract.errors import BadAudio

app = typer.Typer(help="How like a synthesised voice is to its speaker.", no_args_is_help=True)

SENTENCES = (
    "今天的會議改到下午三點，請記得帶資料。",
    "The meeting has moved to three o'clock this afternoon.",
)
_TIMEOUT_S = 120.0

Mode = Annotated[str, typer.Option(help="Voice: fast or hq.")]


@contextmanager
def _desk(url: str | None, key: str | None) -> Iterator[VoiceDesk]:
    headers = {"Authorization": f"Bearer {key}"} if key else None
    address = url or default_url()
    with httpx.Client(
        base_url=address, headers=headers, timeout=_TIMEOUT_S, trust_env=False
    ) as client:
        try:
            yield VoiceDesk(client)
        except (VoicesError, BadAudio, ValueError) as problem:
            _fail(str(problem))


@app.command()
def compare(
    profile: Annotated[str, typer.Argument(help="Name or id of a voice profile.")],
    python: Annotated[
        Path, typer.Option(help="Interpreter of an environment that has resemblyzer.")
    ],
    text: Annotated[str, typer.Option(help="The sentence to synthesise.")] = SENTENCES[0],
    mode: Mode = "hq",
    url: Url = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Embedding similarity of a synthesis to its reference, beside same and other speakers."""
    with _desk(url, key) as desk:
        voice = desk.find(profile)
        reference = desk.reference(voice)
        first, second = likeness.halves(reference)
        others = [v for v in desk.all() if v.id != voice.id]
        sounds = [reference, first, second, desk.speak(voice, text, mode)]
        sounds += [desk.reference(v) for v in others] or [desk.speak_default(text)]
        found = embed.embeddings(python, sounds)
    result = likeness.compare(found[0], found[1], found[2], found[3], found[4:])
    if json:
        plain = {"synthesis": result.synthesis, "same": result.same, "others": result.others}
        typer.echo(json_module.dumps({**plain, "share": result.share}, indent=2))
    else:
        _show(voice, result)


def _show(voice: Voice, result: likeness.Likeness) -> None:
    tongue = of_locale()
    typer.echo(f"{voice.name}")
    typer.echo(f"  {result.synthesis:6.3f}  " + tongue("synthesis / reference", "合成／參考"))
    typer.echo(
        f"  {result.same:6.3f}  " + tongue("same speaker (two halves)", "同一人（前後兩半）")
    )
    for value in result.others:
        typer.echo(f"  {value:6.3f}  " + tongue("another voice / reference", "別人／參考"))
    if result.share is not None:
        typer.echo(
            tongue(
                f"On the way from another voice to the same speaker: {result.share:.0%}",
                f"從別人到同一人之間的位置：{result.share:.0%}",
            )
        )


@app.command()
def rate(
    profiles: Annotated[
        list[str] | None, typer.Argument(help="Names or ids; default: all profiles.")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output")] = Path("listening.html"),
    results: Annotated[
        list[Path] | None, typer.Option(help="Add up these saved scores instead.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the order; default: random.")] = None,
    mode: Mode = "hq",
    url: Url = None,
    key: Key = None,
) -> None:
    """Write a blind listening page that people score from 1 to 10, or add up its results."""
    tongue = of_locale()
    if results:
        _add_up(results)
        return
    with _desk(url, key) as desk:
        chosen = [desk.find(name) for name in profiles or []] or desk.all()
        if not chosen:
            _fail(tongue("There are no voice profiles yet.", "還沒有聲音檔。"))
        samples = [s for voice in chosen for s in _samples(desk, voice, mode)]
    number = random.randrange(10**6) if seed is None else seed
    output.write_text(listening.page(samples, number), "utf-8")
    typer.echo(
        tongue(
            f"{output}: {len(samples)} samples. Let people score it, then: avatar voices rate "
            "--results scores-….json",
            f"{output}：{len(samples)} 段。請大家評分，然後執行：avatar voices rate "
            "--results scores-….json",
        )
    )


def _samples(desk: VoiceDesk, voice: Voice, mode: str) -> list[Sample]:
    """The synthesis of each sentence, between the person's own voice and another one."""
    first, second = likeness.halves(desk.reference(voice))
    made = [Sample(voice.name, "synthesis", first, desk.speak(voice, t, mode)) for t in SENTENCES]
    other = desk.speak_default(SENTENCES[0])
    return [
        *made,
        Sample(voice.name, "same", first, second),
        Sample(voice.name, "other", first, other),
    ]


def _add_up(results: list[Path]) -> None:
    tongue = of_locale()
    try:
        found = listening.scores([json_module.loads(p.read_text("utf-8")) for p in results])
    except (OSError, ValueError, KeyError) as problem:
        _fail(f"{problem}")
    for voice, kinds in found.items():
        marks = ", ".join(f"{kind} {score:.1f}" for kind, score in sorted(kinds.items()))
        reached = kinds.get("synthesis", 0) >= listening.GOAL
        verdict = tongue("reached", "達到") if reached else tongue("not reached", "未達到")
        goal = tongue(
            f"goal {listening.GOAL:.0f}: {verdict}", f"目標 {listening.GOAL:.0f}：{verdict}"
        )
        typer.echo(f"{voice}: {marks} ({goal})")


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(1)
