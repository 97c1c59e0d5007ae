"""The command `avatar`."""

import typer

from avatar_cli.commands import models, voices
from avatar_cli.commands.chat import chat
from avatar_cli.commands.doctor import doctor
from avatar_cli.commands.down import down
from avatar_cli.commands.keep import backup, prune, restore
from avatar_cli.commands.logs import logs
from avatar_cli.commands.talk import talk
from avatar_cli.commands.up import up

app = typer.Typer(
    name="avatar",
    help="AVATAR, a voice assistant on your own machines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _command in (up, down, talk, chat, doctor, logs, backup, restore, prune):
    app.command()(_command)
app.add_typer(models.app, name="models")
app.add_typer(voices.app, name="voices")
