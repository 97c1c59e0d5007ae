"""The guards around a small app, over a real server where sockets and headers matter."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import Response
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from avatar_contract.service import problems
from gateway.edge.guard import (
    AuthMode,
    GuardConfig,
    Guards,
    UnsafeBindingError,
    check_binding,
    install_guards,
)
from gateway.edge.guard.auth import COOKIE, COOKIE_AGE_S, KeyRing
from gateway.edge.guard.throttle import ThrottleRates
from gateway.edge.rate import Rate

KEY = "k-長-3f9a"
HOME = "http://127.0.0.1"


class Clock:
    """A clock the test moves."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def make_app(config: GuardConfig, clock: Clock | None = None) -> tuple[FastAPI, Guards]:
    """Echo routes behind all guards."""
    app = FastAPI()
    problems.install(app)

    @app.get("/api/thing")
    async def thing() -> dict[str, str]:
        return {"it": "works"}

    @app.post("/api/thing")
    async def take(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.post("/api/form")
    async def form(request: Request) -> dict[str, int]:
        return {"fields": len(await request.json())}

    @app.get("/chat")
    async def page() -> Response:
        return Response("<p>page", media_type="text/html")

    @app.websocket("/ws/chat")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_json(websocket.scope["subprotocols"])
        await websocket.close()

    clock = clock or Clock()
    return app, install_guards(app, config, clock=clock, wall=clock)


def client(app: FastAPI, base: str = HOME) -> httpx.AsyncClient:
    """A client of `app` without a network."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base)


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """`app` on a real server; yields host:port."""
    config = uvicorn.Config(app, port=0, log_level="warning", ws="websockets-sansio")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


def keyed() -> GuardConfig:
    return GuardConfig(auth=AuthMode.API_KEY, api_key=KEY)


# --- hosts and origins


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost:8000", 200),
        ("LOCALHOST", 200),
        ("localhost.:8000", 200),
        ("avatar.localhost:8000", 200),
        ("[::1]:8000", 200),
        ("192.168.1.20:8000", 200),
        ("avatar.lan", 200),
        ("gateway:8000", 200),
        ("evil.example", 403),
        ("evil.example.", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("127.0.0.1:8000@evil", 403),
        ("a b", 403),
        ("", 403),
    ],
)
async def test_only_own_names_are_answered_to(host: str, status: int) -> None:
    app, _ = make_app(GuardConfig(allowed_hosts=("avatar.lan",)))
    async with client(app) as http:
        answer = await http.get("/api/thing", headers={"Host": host})
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:8000"}, 200),
        ({"Origin": "HTTP://127.0.0.1:8000"}, 200),
        ({"Origin": "http://localhost:5173"}, 200),
        ({"Origin": "http://127.0.0.1:3000"}, 403),
        ({"Origin": "http://localhost:8000"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "file://"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_foreign_pages_are_kept_out(
    headers: dict[str, str], status: int, method: str
) -> None:
    app, _ = make_app(GuardConfig(allowed_origins=("http://localhost:5173",)))
    async with client(app, f"{HOME}:8000") as http:
        answer = await http.request(method, "/api/thing", headers=headers)
    assert answer.status_code == status


async def test_a_link_from_elsewhere_opens_the_page() -> None:
    app, _ = make_app(GuardConfig())
    async with client(app) as http:
        answer = await http.get("/chat", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200


async def test_a_default_port_may_be_left_out() -> None:
    app, _ = make_app(GuardConfig(allowed_hosts=("avatar.lan",)))
    async with client(app) as http:
        headers = {"Host": "avatar.lan:443", "Origin": "https://avatar.lan"}
        assert (await http.get("/api/thing", headers=headers)).status_code == 200


async def test_sockets_of_foreign_pages_are_refused() -> None:
    app, _ = make_app(GuardConfig())
    async with serving(app) as at:
        async with connect(f"ws://{at}/ws/chat", origin=f"http://{at}") as socket:
            assert json.loads(await socket.recv()) == []
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"ws://{at}/ws/chat", origin=origin)
            assert refused.value.response.status_code == 403
            assert json.loads(refused.value.response.body)["code"] == "FORBIDDEN"
        with pytest.raises(InvalidStatus):
            await connect(f"ws://{at}/ws/chat", additional_headers={"Host": "evil.example"})


# --- headers


async def test_every_answer_carries_the_headers() -> None:
    app, _ = make_app(GuardConfig())
    async with client(app, f"{HOME}:8000") as http:
        answers = [
            await http.get("/chat"),
            await http.get("/nothing"),
            await http.get("/chat", headers={"Host": "evil.example"}),
        ]
    assert [a.status_code for a in answers] == [200, 404, 403]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answers[0].headers["content-security-policy"]
    assert "connect-src 'self' ws://127.0.0.1:8000 wss://127.0.0.1:8000;" in policy


async def test_a_strange_host_does_not_write_the_policy() -> None:
    app, _ = make_app(GuardConfig())
    async with client(app) as http:
        answer = await http.get("/chat", headers={"Host": "x; script-src *"})
    assert "script-src *" not in answer.headers["content-security-policy"]


# --- sizes


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("path", ["/api/thing", "/api/form"])
async def test_a_body_too_large_is_told_so(declared: bool, path: str) -> None:
    app, _ = make_app(GuardConfig())

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield bytes(100_000)

    async with client(app) as http:
        body = bytes(1_000_000) if declared else pieces()
        answer = await http.post(path, content=body)
    assert answer.status_code == 413
    assert answer.json()["code"] == "PAYLOAD_TOO_LARGE"


async def test_a_body_within_its_limit_passes() -> None:
    app, _ = make_app(GuardConfig())
    async with client(app) as http:
        assert (await http.post("/api/thing", content=bytes(200_000))).json() == {"bytes": 200_000}


# --- rates


async def test_one_address_cannot_take_all() -> None:
    clock = Clock()
    rates = ThrottleRates(requests=Rate(1, 5), sockets=Rate(1, 1), body_bytes=Rate(1000, 1000))
    app, _ = make_app(GuardConfig(rates=rates), clock)
    async with client(app) as http:
        codes = [(await http.get("/api/thing")).status_code for _ in range(6)]
        assert codes == [200] * 5 + [429]
        assert (await http.get("/chat")).status_code == 200
        clock.now += 5
        assert (await http.post("/api/thing", content=bytes(3000))).status_code == 200
        limited = await http.post("/api/thing", content=bytes(10))
        assert limited.json()["code"] == "RATE_LIMITED"
        assert int(limited.headers["retry-after"]) >= 2


# --- the key


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer {KEY}"},
        {"X-API-Key": KEY},
    ],
)
async def test_the_key_opens(headers: dict[str, str]) -> None:
    app, _ = make_app(keyed())
    raw = {name: value.encode() for name, value in headers.items()}
    async with client(app) as http:
        assert (await http.get("/api/thing", headers=raw)).status_code == 200  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ({}, "/api/thing"),
        ({"Authorization": "Bearer wrong"}, "/api/thing"),
        ({"Authorization": "Basic abc"}, "/api/thing"),
        ({"X-API-Key": ""}, "/api/thing"),
        ({}, "/api/thing?key=k-3f9a&api_key=k-3f9a"),
        ({"Cookie": f"{COOKIE}=9999999999.abc"}, "/api/thing"),
        ({"Cookie": f"{COOKIE}=x"}, "/api/thing"),
        ({}, "/v1/models"),
        ({}, "/openapi.json"),
        ({}, "/docs"),
    ],
)
async def test_nothing_else_opens(headers: dict[str, str], path: str) -> None:
    app, _ = make_app(keyed())
    async with client(app) as http:
        answer = await http.get(path, headers=headers)
    assert answer.status_code == 401
    told = answer.json()
    assert told.get("error", told)["code"] == "UNAUTHORIZED"
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_page_itself_needs_no_key() -> None:
    app, _ = make_app(keyed())
    async with client(app) as http:
        assert (await http.get("/chat")).status_code == 200


async def test_guessing_is_slowed_down_and_ends_by_itself() -> None:
    clock = Clock()
    app, _ = make_app(keyed(), clock)
    async with client(app) as http:
        wrong = {"X-API-Key": "guess"}
        codes = [(await http.get("/api/thing", headers=wrong)).status_code for _ in range(11)]
        assert codes == [401] * 10 + [429]
        right = {"X-API-Key": KEY.encode()}
        assert (await http.get("/api/thing", headers=right)).status_code == 429  # type: ignore[arg-type]
        clock.now += 13
        assert (await http.get("/api/thing", headers=right)).status_code == 200  # type: ignore[arg-type]


async def test_a_cookie_opens_until_it_ends_or_the_key_changes() -> None:
    clock = Clock()
    app, guards = make_app(keyed(), clock)
    cookie = guards.keys.issue_cookie()
    assert KEY not in cookie
    assert not KeyRing("another", clock).cookie_opens(cookie)
    async with client(app) as http:
        headers = {"Cookie": f"{COOKIE}={cookie}"}
        assert (await http.get("/api/thing", headers=headers)).status_code == 200
        clock.now += COOKIE_AGE_S + 1
        assert (await http.get("/api/thing", headers=headers)).status_code == 401


async def test_sockets_show_the_key_in_a_subprotocol() -> None:
    app, guards = make_app(keyed())

    def offer(key: str) -> list[str]:
        return [
            "avatar.v1",
            "avatar.key." + base64.urlsafe_b64encode(key.encode()).decode().rstrip("="),
        ]

    async with serving(app) as at:
        async with connect(f"ws://{at}/ws/chat", subprotocols=offer(KEY)) as socket:  # type: ignore[arg-type]
            assert socket.subprotocol == "avatar.v1"
            assert json.loads(await socket.recv()) == ["avatar.v1"]
        cookie = {"Cookie": f"{COOKIE}={guards.keys.issue_cookie()}"}
        async with connect(f"ws://{at}/ws/chat", additional_headers=cookie) as socket:
            assert json.loads(await socket.recv()) == []
        for bad in (offer("wrong"), ["avatar.v1"], ["avatar.key.####"], ["avatar.key."], None):
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"ws://{at}/ws/chat?key={KEY}", subprotocols=bad)  # type: ignore[arg-type]
            assert refused.value.response.status_code == 401


# --- where it may listen


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.9.1"])
def test_without_a_key_on_loopback(host: str) -> None:
    check_binding(AuthMode.NONE, host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "avatar.lan", ""])
def test_without_a_key_nowhere_else(host: str) -> None:
    with pytest.raises(UnsafeBindingError, match="AUTH=api_key"):
        check_binding(AuthMode.NONE, host)
    check_binding(AuthMode.NONE, host, published_on_loopback=True)
    check_binding(AuthMode.API_KEY, host)


def test_a_key_is_needed_where_one_is_asked_for() -> None:
    with pytest.raises(ValueError, match="AVATAR_API_KEY"):
        GuardConfig(auth=AuthMode.API_KEY, api_key="")
