"""The way in, and the page's files."""

import gzip
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from gateway.edge.guard import AuthMode, GuardConfig
from gateway.rest.web import ROUTES

KEYED = GuardConfig(auth=AuthMode.API_KEY, api_key="right")


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A build as Vite leaves it, and a secret beside it."""
    build = tmp_path / "dist"
    (build / "assets").mkdir(parents=True)
    (build / "index.html").write_text("<!doctype html><p>the page")
    (build / "assets" / "index-4f3a.js").write_text("let it")
    (build / "favicon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("secret")
    (build / "link.txt").symlink_to(tmp_path / "secret.txt")
    return build


async def test_login_sets_a_cookie_and_logout_takes_it(gateway: Callable) -> None:
    async with gateway({}, KEYED) as base, httpx.AsyncClient(base_url=base) as http:
        assert (await http.get("/api/status")).status_code == 401
        wrong = await http.post("/api/login", json={"key": "wrong"})
        assert (wrong.status_code, wrong.json()["code"]) == (401, "UNAUTHORIZED")
        answer = await http.post("/api/login", json={"key": "right"})
        assert answer.status_code == 204
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "right" not in cookie
        assert (await http.get("/api/status")).json()["auth"] is True
        assert (await http.post("/api/logout")).status_code == 204
        assert (await http.get("/api/status")).status_code == 401


async def test_login_from_a_foreign_page_is_refused(gateway: Callable) -> None:
    async with gateway({}, KEYED) as base, httpx.AsyncClient(base_url=base) as http:
        headers = {"Origin": "https://evil.example"}
        answer = await http.post("/api/login", json={"key": "right"}, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("body", [b"", b"[]", b'{"key": 5}', b'{"key": "%s"}' % (b"x" * 501)])
async def test_login_with_nonsense(body: bytes, gateway: Callable) -> None:
    async with gateway({}, KEYED) as base, httpx.AsyncClient(base_url=base) as http:
        answer = await http.post("/api/login", content=body)
    assert answer.status_code == 422
    assert "xxxx" not in answer.text


async def test_without_auth_login_is_nothing(gateway: Callable) -> None:
    async with gateway({}) as base, httpx.AsyncClient(base_url=base) as http:
        answer = await http.post("/api/login", json={"key": "any"})
    assert answer.status_code == 204
    assert "set-cookie" not in answer.headers


async def test_every_route_of_the_page_is_the_application(gateway: Callable, dist: Path) -> None:
    async with gateway({}, dist=dist) as base, httpx.AsyncClient(base_url=base) as http:
        for path in (*ROUTES, "/history/0b5c", "/index.html"):
            answer = await http.get(path)
            assert answer.status_code == 200
            assert "the page" in answer.text
            assert answer.headers["cache-control"] == "no-store"
            assert "default-src 'self'" in answer.headers["content-security-policy"]


async def test_assets_are_kept_for_ever_and_others_briefly(gateway: Callable, dist: Path) -> None:
    async with gateway({}, dist=dist) as base, httpx.AsyncClient(base_url=base) as http:
        asset = await http.get("/assets/index-4f3a.js")
        assert "immutable" in asset.headers["cache-control"]
        assert "javascript" in asset.headers["content-type"]
        assert "max-age=300" in (await http.get("/favicon.svg")).headers["cache-control"]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("gzip;q=0.5, br;q=0", "gzip"),
        ("br;q=0.0, gzip;q=0", None),
        ("identity", None),
        ("", None),
    ],
)
async def test_a_compressed_copy_goes_to_whoever_takes_it(
    gateway: Callable, dist: Path, accepted: str, coding: str | None
) -> None:
    script = dist / "assets" / "index-4f3a.js"
    for ending, text in ((".gz", gzip.compress(b"let it")), (".br", b"let it, in brotli")):
        script.with_name(script.name + ending).write_bytes(text)
    headers = {"Accept-Encoding": accepted}
    raw = b""
    async with (
        gateway({}, dist=dist) as base,
        httpx.AsyncClient(base_url=base) as http,
        http.stream("GET", "/assets/index-4f3a.js", headers=headers) as answer,
    ):
        async for piece in answer.aiter_raw():
            raw += piece
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "immutable" in answer.headers["cache-control"]
    assert "javascript" in answer.headers["content-type"]
    if coding == "gzip":
        raw = gzip.decompress(raw)
    assert raw == (b"let it, in brotli" if coding == "br" else b"let it")


async def test_a_copy_is_no_file_of_its_own(gateway: Callable, dist: Path) -> None:
    (dist / "assets" / "index-4f3a.js.gz").write_bytes(b"")
    (dist / "favicon.svg.gz").symlink_to(dist.parent / "secret.txt")
    async with gateway({}, dist=dist) as base, httpx.AsyncClient(base_url=base) as http:
        assert (await http.get("/assets/index-4f3a.js.gz")).status_code == 404
        icon = await http.get("/favicon.svg", headers={"Accept-Encoding": "gzip"})
    assert icon.text == "<svg/>"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/none.js",
        "/nothing",
        "/api/nothing",
        "/v1/nothing",
        "/..%2fsecret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/link.txt",
        "/a%00b",
        "/" + "x" * 5000,
    ],
)
async def test_nothing_else_is_served(path: str, gateway: Callable, dist: Path) -> None:
    async with gateway({}, dist=dist) as base, httpx.AsyncClient(base_url=base) as http:
        answer = await http.get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace("secret.txt", "")


async def test_a_page_that_is_not_built_says_so(gateway: Callable, tmp_path: Path) -> None:
    async with gateway({}, dist=tmp_path) as base, httpx.AsyncClient(base_url=base) as http:
        answer = await http.get("/chat")
    assert answer.status_code == 503
    assert "make web" in answer.text
