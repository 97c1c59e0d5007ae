"""The command `avatar`."""

import typer

from avatar_cli.commands.up import up

app = typer.Typer(
    name="avatar",
    help="AVATAR, a voice assistant on your own machines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(up)


@app.callback()
def _root() -> None:
    """Keeps `avatar up` a subcommand while there are few of them."""
