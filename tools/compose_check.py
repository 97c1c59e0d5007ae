"""Bring the whole up with compose, and see that it is as docs/deploy.md says: `make test-compose`.

    python tools/compose_check.py [--no-build] [--write]

It builds every image, starts them, speaks to them, kills each service, puts TLS in front, takes all
down and up again, and removes what it made. `--write` keeps the result in docs/compose-result.md.

Any engine will do. These environment variables name other commands than Docker's:

    COMPOSE        `docker compose`
    COMPOSE_BUILD  the command that builds; default `$COMPOSE build`
    COMPOSE_IN     what a command is put behind to reach published ports; default nothing
    COMPOSE_NOTE   a word about the engine, for the page of the result
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "docs" / "compose-result.md"
BASE = ("docker-compose.yml",)
TLS = (*BASE, "deploy/compose.tls.yml")
WORDS = "hello how are you today"
KEY = "only-for-this-check-0123456789"
KEYS = {"AVATAR_API_KEY": KEY, "LLM_API_KEY": KEY}
KILLED = ("stt", "llm", "tts", "profile", "gateway", "postgres")
# Run in the container: SIGKILL to the process whose parent is the container's init.
KILL_PYTHON = """
import os, signal
for entry in os.listdir("/proc"):
    if not entry.isdigit() or entry == "1":
        continue
    with open(f"/proc/{entry}/stat") as file:
        parent = file.read().rsplit(")", 1)[1].split()[1]
    with open(f"/proc/{entry}/cmdline") as file:
        command = file.read().split("\\0")
    if parent == "1" and "-m" in command:
        os.kill(int(entry), signal.SIGKILL)
        print("killed", entry)
"""
KILL_POSTGRES = 'kill -9 "$(head -n 1 "${PGDATA:-/var/lib/postgresql/data}/postmaster.pid")"'


class CheckFailed(Exception):
    """A promise was not kept."""


@dataclass
class Report:
    """What was checked, what was seen, and how long it took."""

    rows: list[tuple[str, str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Time a step; what it appends is what was seen."""
        print(f"== {name}", flush=True)
        began, seen = time.monotonic(), list[str]()
        yield seen
        took = time.monotonic() - began
        self.rows.append((name, "; ".join(seen) or "as expected", took))
        print(f"   {self.rows[-1][1]} ({took:.1f} s)", flush=True)

    def page(self, versions: str) -> str:
        lines = [
            "# The last run of `make test-compose`",
            "",
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC. {versions}",
            "",
            "| step | seen | s |",
            "|---|---|---|",
            *(f"| {name} | {seen} | {took:.1f} |" for name, seen, took in self.rows),
        ]
        return "\n".join(lines) + "\n"


class Compose:
    """Commands on one project."""

    def __init__(self) -> None:
        self.command = shlex.split(os.environ.get("COMPOSE", "docker compose"))
        self.builder = shlex.split(os.environ.get("COMPOSE_BUILD", "")) or [*self.command, "build"]
        self.inside = shlex.split(os.environ.get("COMPOSE_IN", ""))
        self.port = os.environ.get("AVATAR_PORT", "8000")

    def run(
        self,
        *arguments: str,
        files: tuple[str, ...] = BASE,
        check: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """`compose -f ... ARGUMENTS`; returns what it printed."""
        named = [part for file in files for part in ("-f", file)]
        return self._execute([*self.command, *named, *arguments], check, env or {})

    def build(self) -> None:
        self._execute(self.builder, True, {}, shown=True)

    def reach(self, *command: str, **env: str) -> str:
        """Run a command from where published ports can be reached."""
        return self._execute([*self.inside, *command], True, env)

    def head(self) -> str:
        """The commit that is checked out."""
        return self._execute(["git", "rev-parse", "--short", "HEAD"], False, {}).strip()

    @staticmethod
    def _execute(
        command: list[str], check: bool, env: Mapping[str, str], shown: bool = False
    ) -> str:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=None if shown else subprocess.PIPE,
            stderr=None if shown else subprocess.PIPE,
            text=True,
            timeout=1800,
            check=False,
        )
        if check and done.returncode:
            said = f"{done.stdout or ''}{done.stderr or ''}"[-3000:]
            raise CheckFailed(f"{shlex.join(command)} ended with {done.returncode}:\n{said}")
        return done.stdout or ""


def eventually(check: Callable[[], bool], timeout_s: float, what: str) -> float:
    """Wait for something to come true; returns the seconds that it took."""
    began = time.monotonic()
    while time.monotonic() - began < timeout_s:
        try:
            if check():
                return time.monotonic() - began
        except CheckFailed as error:
            print(f"   not yet: {str(error).splitlines()[0][:120]}", flush=True)
        time.sleep(1)
    raise CheckFailed(f"{what} did not happen within {timeout_s:g} s")


def expect(holds: bool, complaint: str) -> None:
    if not holds:
        raise CheckFailed(complaint)


def avatar(compose: Compose, url: str, *arguments: str, **env: str) -> dict[str, object]:
    """One command of `avatar` with its report as JSON."""
    program = str(Path(sys.executable).with_name("avatar"))
    said = compose.reach(program, *arguments, "--url", url, "--json", **env)
    report = json.loads(said)
    expect(isinstance(report, dict), f"no report: {said[:200]}")
    return dict(report)


def speak(compose: Compose, url: str, **env: str) -> str:
    """A spoken turn; returns its session, when the words were right and the answer has sound."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.wav"
        wav = str(ROOT / "tests" / "data" / "speech" / "hello.wav")
        report = avatar(compose, url, "talk", wav, "-o", str(answer), **env)
        expect(WORDS in json.dumps(report).lower(), f"the words are not in {report}")
        size = answer.stat().st_size
    expect(size > 20_000, f"the answer has {size} bytes of sound")
    return str(report["session_id"])


def fetch(compose: Compose, path: str) -> str:
    """GET from the gateway's published port."""
    code = (
        "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=9).read().decode())"
    )
    return compose.reach(sys.executable, "-c", code, f"http://127.0.0.1:{compose.port}{path}")


def kept_turns(compose: Compose, session: str) -> int:
    """How many turns of a conversation the database holds."""
    query = f"select count(*) from turns where cast(session_id as text) like '%{session}%'"
    answer = compose.run(
        "exec",
        "-T",
        "postgres",
        "psql",
        "-U",
        "avatar",
        "-tA",
        "-c",
        query,
        files=BASE,
    )
    return int(answer.strip() or 0)


def states(compose: Compose, files: tuple[str, ...]) -> dict[str, str]:
    """The health of each running container, by service."""
    listing = compose.run("ps", "--format", "json", files=files)
    rows = json.loads(listing) if listing.startswith("[") else map(json.loads, listing.splitlines())
    return {row["Service"]: row["Health"] or row["State"] for row in rows}


def life(compose: Compose, service: str) -> str:
    """When the container's first process started, in clock ticks; empty while there is none.

    Its health tells less: a container that is back within a second was never seen to be ill.
    """
    ticks = ("cut", "-d", " ", "-f", "22", "/proc/1/stat")
    return compose.run("exec", "-T", service, *ticks, check=False).strip()


def kill_and_wait(compose: Compose, service: str) -> str:
    """SIGKILL one service inside its container; returns what was seen."""
    if service == "postgres":
        # A process can end only its own user's, root without capabilities included.
        command = ["--user", "postgres", service, "sh", "-c", KILL_POSTGRES]
    else:
        command = [service, "python", "-c", KILL_PYTHON]
    before = life(compose, service)
    # The container's end may take the answer along, so it is looked at from outside.
    compose.run("exec", "-T", *command, check=False)
    began = time.monotonic()
    eventually(lambda: life(compose, service) != before, 30, f"{service}'s end")

    def all_well() -> bool:
        now = states(compose, BASE)
        return service in now and set(now.values()) == {"healthy"}

    eventually(all_well, 120, f"{service}'s return")
    return f"{service} back after {time.monotonic() - began:.0f} s"


def check_config(compose: Compose, report: Report) -> None:
    overlays = sorted(
        str(path.relative_to(ROOT)) for path in (ROOT / "deploy").glob("compose.*.yml")
    )
    with report.step("`config -q` takes every overlay") as seen:
        compose.run("config", "-q")
        for overlay in overlays:
            compose.run("config", "-q", files=(*BASE, overlay), env=KEYS)
        seen.append(", ".join(["docker-compose.yml", *overlays]))
    with report.step("TLS without a key is refused") as seen:
        try:
            compose.run("config", "-q", files=TLS, env={"AVATAR_API_KEY": ""})
        except CheckFailed as error:
            expect("AVATAR_API_KEY" in str(error), str(error))
        else:
            raise CheckFailed("the TLS overlay was taken without a key")
        seen.append("names AVATAR_API_KEY")


def check_base(compose: Compose, report: Report) -> str:
    url = f"http://127.0.0.1:{compose.port}"
    with report.step("`up -d --wait` brings everything to healthy") as seen:
        compose.run("up", "-d", "--no-build", "--wait", "--wait-timeout", "240")
        found = states(compose, BASE)
        expect(set(found.values()) == {"healthy"}, f"{found}")
        seen.append(", ".join(sorted(found)))
    with report.step("a spoken turn passes through") as seen:
        session = speak(compose, url)
        seen.append(f"heard “{WORDS}”")
    with report.step("its record is in Postgres"):
        eventually(lambda: kept_turns(compose, session) == 1, 20, "the record")
    for service in KILLED:
        with report.step(f"SIGKILL in {service}") as seen:
            seen.append(kill_and_wait(compose, service))
            speak(compose, url)
            seen.append("a turn goes on")
    return session


def check_again(compose: Compose, report: Report, session: str) -> None:
    with report.step("down and up again keeps the data") as seen:
        compose.run("down")
        compose.run("up", "-d", "--no-build", "--wait", "--wait-timeout", "240")
        conversation = json.loads(fetch(compose, f"/api/conversation/{session}"))
        expect(len(conversation["turns"]) == 1, f"{conversation}")
        turn = conversation["turns"][0]["turn_id"]
        fetch_sound = f"/api/turn/{turn}/audio/user"
        code = "import sys, urllib.request as r; print(len(r.urlopen(sys.argv[1]).read()))"
        url = f"http://127.0.0.1:{compose.port}{fetch_sound}"
        size = int(compose.reach(sys.executable, "-c", code, url))
        expect(size > 1000, f"the sound has {size} bytes")
        seen.append(f"the turn is there, with {size} bytes of sound")


def check_tls(compose: Compose, report: Report) -> None:
    with report.step("the TLS overlay carries a WebSocket") as seen:
        env = {"AVATAR_API_KEY": KEY, "TLS_HOST": "localhost"}
        compose.run("up", "-d", "--no-build", "--wait", "--wait-timeout", "240", files=TLS, env=env)
        root = "/data/caddy/pki/authorities/local/root.crt"
        pem = ""

        def issued() -> bool:
            nonlocal pem
            pem = compose.run("exec", "-T", "tls", "cat", root, files=TLS, env=env)
            return "BEGIN CERTIFICATE" in pem

        eventually(issued, 30, "the certificate")
        with tempfile.NamedTemporaryFile("w", suffix=".crt") as authority:
            authority.write(pem)
            authority.flush()
            port = os.environ.get("TLS_PORT", "8443")
            trust = {"SSL_CERT_FILE": authority.name, "AVATAR_API_KEY": KEY}
            speak(compose, f"https://localhost:{port}", **trust)
        seen.append("a spoken turn over wss, with Caddy's own authority trusted")
    with report.step("without the key it is refused") as seen:
        try:
            speak(compose, f"http://127.0.0.1:{compose.port}", AVATAR_API_KEY="")
        except CheckFailed as error:
            expect("UNAUTHORIZED" in str(error) or "key" in str(error).lower(), str(error))
        else:
            raise CheckFailed("a turn was spoken without the key")
        seen.append("UNAUTHORIZED")


def engine_versions(compose: Compose) -> str:
    said = compose.run("version").strip().replace("\n", ", ")
    commit = compose.head()
    return ". ".join(filter(None, [said, os.environ.get("COMPOSE_NOTE"), f"Commit {commit}"])) + "."


def main() -> int:
    parser = argparse.ArgumentParser(description="Bring the whole up with compose, and look.")
    parser.add_argument("--no-build", action="store_true", help="the images are there already")
    parser.add_argument("--write", action="store_true", help="keep the result in docs/")
    options = parser.parse_args()
    compose, report = Compose(), Report()
    try:
        check_config(compose, report)
        if not options.no_build:
            with report.step("every image builds"):
                compose.build()
        session = check_base(compose, report)
        check_again(compose, report, session)
        check_tls(compose, report)
    except CheckFailed as error:
        print(f"FAILED: {error}", file=sys.stderr)
        print(compose.run("logs", "--tail", "30", check=False)[-6000:], file=sys.stderr)
        return 1
    finally:
        compose.run("down", "-v", files=TLS, check=False, env={"AVATAR_API_KEY": KEY})
    page = report.page(engine_versions(compose))
    if options.write:
        RESULT.write_text(page, encoding="utf-8")
    print(page)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
