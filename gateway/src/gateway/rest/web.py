"""The web client's files: every route of the page serves the application.

Vite names assets after their content, so they may be kept for ever; the page itself never is.
The build puts compressed copies beside its files (`web/vite.config.ts`), which are sent to browsers
that take them.
"""

import mimetypes
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from avatar_contract.errors import NotFound

ROUTES = ("/", "/chat", "/voice-profiles", "/history", "/status", "/settings")
"""DESIGN §4; `/history/…` and the like are the page's own business too."""

HASHED = "assets/"
FOREVER = "public, max-age=31536000, immutable"
NEVER = "no-store"
BRIEFLY = "public, max-age=300"

ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""The ending of a compressed copy's name by its content coding, the smallest copy first."""

_MISSING = """<!doctype html><meta charset="utf-8"><title>AVATAR</title>
<h1>The page is not built</h1>
<p>The gateway runs, but its web client is missing. Build it with <code>make web</code>
(or <code>make run</code>, which does that too), then reload.</p>
<h1>網頁尚未建置</h1>
<p>閘道已啟動，但找不到網頁用戶端。請執行 <code>make web</code> 後重新載入。</p>
"""


def web_router(dist: Path) -> APIRouter:
    """Serve `dist` (the build's output); include it last: it answers every other GET."""
    router = APIRouter(include_in_schema=False)
    root = dist.resolve()

    @router.get("/{path:path}")
    async def page(path: str, request: Request) -> Response:
        accepted = _accepted(request.headers.get("Accept-Encoding", ""))
        return await run_in_threadpool(_answer, root, path, accepted)

    return router


def _answer(root: Path, path: str, accepted: set[str]) -> Response:
    if path.startswith(("api/", "v1/", "ws/")) or path in ("api", "v1", "ws"):
        raise NotFound(f"There is nothing at /{path[:200]}.")
    found = _file(root, path)
    if found is not None:
        kept = FOREVER if path.startswith(HASHED) else BRIEFLY
        return _best(root, path, found, accepted, kept)
    if not _is_route(path):
        raise NotFound(f"There is no file /{path[:200]}.")
    index = root / "index.html"
    if not index.is_file():
        return HTMLResponse(_MISSING, 503, {"Cache-Control": NEVER})
    return _best(root, "index.html", index, accepted, NEVER)


def _best(root: Path, path: str, found: Path, accepted: set[str], kept: str) -> Response:
    """`found`, or the smallest copy of it that the browser takes, to be kept as `kept` says."""
    copies = {coding: _inside(root, path + ending) for coding, ending in ENCODINGS.items()}
    headers = {"Cache-Control": kept}
    if any(copies.values()):
        headers["Vary"] = "Accept-Encoding"
    kind = mimetypes.guess_type(found.name)[0]
    for coding, copy in copies.items():
        if copy is not None and coding in accepted:
            return FileResponse(
                copy, media_type=kind, headers=headers | {"Content-Encoding": coding}
            )
    return FileResponse(found, media_type=kind, headers=headers)


def _accepted(header: str) -> set[str]:
    """The content codings that an Accept-Encoding names and doesn't refuse (RFC 9110, 12.5.3)."""
    accepted = set()
    for item in header.lower().split(","):
        coding, _, weight = (part.strip() for part in item.partition(";"))
        refused = weight.startswith("q=") and not weight[2:].strip("0. ")
        if not refused:
            accepted.add(coding)
    return accepted


def _file(root: Path, path: str) -> Path | None:
    """The file of the build that `path` names; neither the page itself nor a compressed copy."""
    if not path or path == "index.html" or path.endswith(tuple(ENCODINGS.values())):
        return None
    return _inside(root, path)


def _inside(root: Path, path: str) -> Path | None:
    """The file at `path` in the build; never one outside of it."""
    if "\0" in path:
        return None
    try:
        wanted = (root / path).resolve()
        return wanted if wanted.is_relative_to(root) and wanted.is_file() else None
    except OSError:
        # Longer than a name may be.
        return None


def _is_route(path: str) -> bool:
    """The page's routes, and index.html by its name."""
    first = "/" + path.split("/", 1)[0]
    return first in ROUTES or path == "index.html"
