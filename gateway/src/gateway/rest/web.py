"""The web client's files: every route of the page serves the application.

Vite names assets after their content, so they may be kept for ever; the page itself never is.
"""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from avatar_contract.errors import NotFound

ROUTES = ("/", "/chat", "/voice-profiles", "/history", "/status", "/settings")
"""DESIGN §4; `/history/…` and the like are the page's own business too."""

HASHED = "assets/"
FOREVER = "public, max-age=31536000, immutable"
NEVER = "no-store"
BRIEFLY = "public, max-age=300"

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
    async def page(path: str) -> Response:
        return await run_in_threadpool(_answer, root, path)

    return router


def _answer(root: Path, path: str) -> Response:
    if path.startswith(("api/", "v1/", "ws/")) or path in ("api", "v1", "ws"):
        raise NotFound(f"There is nothing at /{path[:200]}.")
    found = _file(root, path)
    if found is not None:
        kept = FOREVER if path.startswith(HASHED) else BRIEFLY
        return FileResponse(found, headers={"Cache-Control": kept})
    if not _is_route(path):
        raise NotFound(f"There is no file /{path[:200]}.")
    index = root / "index.html"
    if not index.is_file():
        return HTMLResponse(_MISSING, 503, {"Cache-Control": NEVER})
    return FileResponse(index, headers={"Cache-Control": NEVER})


def _file(root: Path, path: str) -> Path | None:
    """The file of the build that `path` names; never one outside of it, nor the page itself."""
    if not path or path == "index.html" or "\0" in path:
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
