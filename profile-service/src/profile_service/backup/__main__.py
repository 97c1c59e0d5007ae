"""``python -m profile_service.backup``: backup, restore, list, verify and prune.

The database and the audio are those that the settings name (PROFILE_DATABASE_URL, AVATAR_HOME).
Answers are JSON on standard output; on failure there is a line on standard error, and the exit
status is 1 (2 for wrong usage, 3 for a backup that is there but lacks some file).
"""

import argparse
import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from avatar_contract.errors import AvatarError
from profile_service.backup import work
from profile_service.backup.archive import Archive, Manifest
from profile_service.settings import Settings

_DAMAGED = 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m profile_service.backup", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    about = {
        "backup": "add a backup to FOLDER, while the service runs; only new audio is copied",
        "restore": "bring a backup back into an empty database and an empty AVATAR_HOME",
        "list": "the backups in FOLDER, oldest first",
        "verify": "read a whole backup, and say what is wrong with it",
        "prune": "remove old backups, and the audio that no other one needs",
    }
    for action, text in about.items():
        parsed = actions.add_parser(action, help=text, description=text)
        parsed.add_argument("folder", type=Path, metavar="FOLDER")
        if action in ("restore", "verify"):
            parsed.add_argument("--snapshot", help="its name; without it, the newest")
        if action == "prune":
            parsed.add_argument("--keep", type=int, required=True, help="the newest so many stay")
            parsed.add_argument("--days", type=float, help="only those older than this are removed")
    return parser


def _summary(manifest: Manifest) -> dict[str, object]:
    return manifest.model_dump(mode="json", exclude={"rows_sha256", "format"})


def _run(arguments: argparse.Namespace) -> tuple[object, int]:
    archive = Archive(arguments.folder)
    if arguments.action == "list":
        return [_summary(archive.manifest(name)) for name in archive.names()], 0
    if arguments.action == "verify":
        wrong = work.verify(archive, arguments.snapshot)
        return {"wrong": wrong}, _DAMAGED if wrong else 0
    if arguments.action == "prune":
        age = None if arguments.days is None else timedelta(days=arguments.days)
        with archive.locked():
            gone = archive.prune(arguments.keep, age, datetime.now(UTC))
        return {"removed": gone, "kept": archive.names()}, 0
    settings = Settings()
    if arguments.action == "backup":
        manifest = asyncio.run(work.backup(settings, archive))
    else:
        manifest = asyncio.run(work.restore(settings, archive, arguments.snapshot))
    return _summary(manifest), _DAMAGED if manifest.damaged else 0


def main() -> int:
    """The exit status."""
    try:
        answer, status = _run(_parser().parse_args())
    except (AvatarError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
