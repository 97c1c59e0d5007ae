"""One thing that was looked at."""

from dataclasses import asdict, dataclass
from typing import Literal

Verdict = Literal["ok", "note", "warning", "problem"]
"""note: good to know; warning: works, but not well; problem: it can't run like this."""


@dataclass(frozen=True)
class Finding:
    """What was found, and what to do about it."""

    subject: str
    verdict: Verdict
    what: str
    remedy: str = ""

    def plain(self) -> dict[str, str]:
        """As plain values, for JSON."""
        return asdict(self)


def blocks(findings: list[Finding]) -> bool:
    """Whether one of them keeps AVATAR from running."""
    return any(f.verdict == "problem" for f in findings)
