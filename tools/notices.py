"""Write THIRD_PARTY_NOTICES.md: what AVATAR is made with, and under which licences.

    python tools/notices.py

Packaged weights come from the catalogue of `avatar models`, packages and versions from
requirements/run.lock and web/package-lock.json, licences from the metadata of what is installed
and from npm's lock. The words above the tables are kept by hand, in tools/notices.head.md.
"""

import json
import re
from importlib.metadata import PackageNotFoundError, metadata

import lock

NOTICES = lock.ROOT / "THIRD_PARTY_NOTICES.md"
HEAD = lock.ROOT / "tools" / "notices.head.md"
CATALOGUE = lock.ROOT / "cli" / "src" / "avatar_cli" / "models" / "catalogue.json"
NPM_LOCK = lock.ROOT / "web" / "package-lock.json"
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^\s;\\]+)", re.MULTILINE)
KNOWN = {
    # Their metadata names no licence, or a whole text: read from their repositories.
    "colorama": "BSD-3-Clause",
    "httpx2-jsfetch": "BSD-3-Clause",
    "espeakng-loader": "MIT (the loader); GPL-3.0-or-later (eSpeak NG, which it carries)",
    "numpy": "BSD-3-Clause and the licences of what it carries",
}


def licence_of(name: str) -> str:
    """A package's licence as its own metadata states it, in one line."""
    if name in KNOWN:
        return KNOWN[name]
    try:
        found = metadata(name)
    except PackageNotFoundError:
        return "see the package"
    if "License-Expression" in found:
        return found["License-Expression"]
    trove = [
        classifier.rsplit(" :: ", 1)[-1]
        for classifier in found.get_all("Classifier") or []
        if classifier.startswith("License :: ") and not classifier.endswith(":: OSI Approved")
    ]
    if trove:
        return ", ".join(trove)
    words = found["License"].strip() if "License" in found else ""
    return words.splitlines()[0] if words else "see the package"


def python_rows() -> list[tuple[str, str, str]]:
    """Name, version and licence of every package that a service runs with."""
    text = (lock.LOCKS / "run.lock").read_text(encoding="utf-8")
    return [
        (found["name"], found["version"], licence_of(found["name"])) for found in PIN.finditer(text)
    ]


def web_rows() -> list[tuple[str, str, str]]:
    """Name, version and licence of every npm package whose code is in the built page."""
    packages = json.loads(NPM_LOCK.read_text(encoding="utf-8"))["packages"]
    return [
        (path.rsplit("node_modules/", 1)[-1], entry["version"], entry.get("license", "?"))
        for path, entry in sorted(packages.items())
        if path and not (entry.get("dev") or entry.get("optional") or entry.get("peer"))
    ]


def table(rows: list[tuple[str, str, str]]) -> list[str]:
    head = ["| package | version | licence |", "|---|---|---|"]
    return head + [f"| {name} | {version} | {licence} |" for name, version, licence in rows]


def weights() -> list[str]:
    """A row for every file of weights that a package carries: whose, under what, and its hash."""
    rows = ["| weights | maker | packaged by | licence | SHA-256 |", "|---|---|---|---|---|"]
    for model in json.loads(CATALOGUE.read_text(encoding="utf-8"))["models"]:
        if "packager" not in model:
            continue
        about = f"{model['maker']} | {model['packager']} | {model['licence']}"
        for file in model["files"]:
            name = file["path"].rsplit("/", 1)[-1]
            rows.append(f"| {model['title']}: {name} | {about} | `{file['sha256']}` |")
    return rows


def notices() -> str:
    lines = [HEAD.read_text(encoding="utf-8").rstrip("\n"), ""]
    lines += ["## Weights that come in packages", "", *weights(), "", "## Python packages", ""]
    lines += [*table(python_rows()), "", "## In the built web page", "", *table(web_rows())]
    return "\n".join(lines) + "\n"


def main() -> int:
    NOTICES.write_text(notices(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
