"""Links between pages, and from pages to files, lead somewhere."""

import re
from pathlib import Path

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"```.*?```", re.DOTALL)


def links(page: Path) -> list[str]:
    """Where a page's relative links lead."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    found = (target.split("#")[0] for target in LINK.findall(text))
    return [target for target in found if target and "://" not in target]


def test_relative_links_lead_somewhere(tracked: list[Path], root: Path) -> None:
    broken = [
        f"{page.relative_to(root)}: {target}"
        for page in tracked
        if page.suffix == ".md" and page.name != "notices.head.md"  # a part of a page above it
        for target in links(page)
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_top_folder_says_what_it_is_for(tracked: list[Path], root: Path) -> None:
    inside = [path.relative_to(root).parts for path in tracked]
    folders = {parts[0] for parts in inside if len(parts) > 1 and not parts[0].startswith(".")}
    missing = {folder for folder in folders if not (root / folder / "README.md").is_file()}
    assert missing == set()
