"""Find a Chromium for the browser tests, or fetch one, or say what to install.

    python tools/ensure_chromium.py     print the path of a Chromium that starts, or exit with 1

Looked for in this order: $CHROMIUM, the usual program names, playwright's own folder. Where none
is, playwright fetches its build; where that fails too and this is root on Debian or Ubuntu,
apt-get installs the package.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MACOS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
ADVICE = """No Chromium was found, and none could be fetched. Install one of:
    Debian, Ubuntu   apt-get install chromium
    Fedora           dnf install chromium
    macOS            brew install --cask chromium
    anywhere         .venv/bin/python -m playwright install --with-deps chromium
or name one: CHROMIUM=/path/to/chromium make test"""


def candidates() -> Iterator[str]:
    """Paths at which a Chromium may be, the likeliest first."""
    if named := os.environ.get("CHROMIUM"):
        yield named
    for name in NAMES:
        if found := shutil.which(name):
            yield found
    yield from MACOS
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.executable_path


def starts(path: str) -> bool:
    """Whether the program runs at all: Ubuntu's `chromium` is a stub where there is no snap."""
    if not Path(path).is_file():
        return False
    command = [path, "--headless", "--no-sandbox", "--version"]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def find() -> str | None:
    """The path of a Chromium that starts, or None."""
    return next(filter(starts, candidates()), None)


def attempt(*command: str) -> bool:
    """Run a command with its output shown; True when it succeeded."""
    print("+", *command, file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            env=environment,
            timeout=900,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)
        return False
    return done.returncode == 0


def fetch() -> str | None:
    """Fetch a Chromium by the means this machine has, and return its path, or None."""
    if attempt(sys.executable, "-m", "playwright", "install", "chromium") and (found := find()):
        return found
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root and shutil.which("apt-get"):
        attempt("apt-get", "-q", "update")
        attempt("apt-get", "-q", "install", "-y", "--no-install-recommends", "chromium")
        return find()
    return None


def main() -> int:
    found = find() or fetch()
    if found is None:
        print(ADVICE, file=sys.stderr)
        return 1
    print(found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
