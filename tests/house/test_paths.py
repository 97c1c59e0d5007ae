"""No path of a person's machine gets into the repository."""

import re
from pathlib import Path

# In pieces, so that this file does not find itself.
MACHINE = re.compile(
    "|".join(
        [
            "/" + "work/(?:main|shared|notes)",
            "/" + "root/",
            "/" + r"home/[a-z]\w*/",
            "/" + r"Users/\w+/",
        ]
    )
)
BINARY = {".png", ".jpg", ".webp", ".ico", ".wav", ".ogg", ".webm", ".woff2", ".bin", ".onnx"}


def test_no_machine_paths(tracked: list[Path], root: Path) -> None:
    found = []
    for path in tracked:
        if path.suffix in BINARY:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if MACHINE.search(line):
                found.append(f"{path.relative_to(root)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_machine_paths_are_recognised() -> None:
    assert MACHINE.search("see " + "/" + "home/alice/avatar")
    assert not MACHINE.search("/usr/bin/chromium and /var/lib/avatar")
