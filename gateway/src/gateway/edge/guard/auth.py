"""One key opens the door: in a header, in a cookie, or in a socket's subprotocol.

    program   Authorization: Bearer KEY, or X-API-Key: KEY
    page      POST /api/login {"key": KEY} ──▶ cookie (HttpOnly, SameSite=Strict)
    socket    either of the above, or Sec-WebSocket-Protocol: avatar.v1, avatar.key.<base64url>

Never a query string: those end in logs and histories. The cookie does not hold the key but a
dated signature made with it, so it ends by itself, and at once when the key is changed.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from enum import StrEnum

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from avatar_contract.errors import AvatarError, RateLimited, Unauthorized
from gateway.edge.guard.refuse import refuse
from gateway.edge.rate import Buckets, Rate, address_key

SUBPROTOCOL = "avatar.v1"
KEY_SUBPROTOCOL = "avatar.key."
COOKIE = "avatar_session"
COOKIE_AGE_S = 30 * 24 * 3600
FAILURES = Rate(per_s=1 / 12, burst=10)
"""Wrong keys an address may show: ten at once, then five a minute."""

GUARDED = ("/api", "/v1", "/ws", "/openapi.json", "/docs", "/redoc")
OPEN = frozenset({"/api/login", "/api/logout"})


class AuthMode(StrEnum):
    """Who may use the gateway."""

    NONE = "none"
    API_KEY = "api_key"


def open_path(path: str) -> bool:
    """Whether `path` needs no key: the page's files, health, metrics and the login itself."""
    return path in OPEN or not path.startswith(GUARDED)


class KeyRing:
    """Knows the key; compares in constant time and counts failures by address."""

    def __init__(self, key: str | None, clock: Callable[[], float]) -> None:
        """`key` None means AUTH=none; `clock` is wall time in seconds since the epoch."""
        self._key = key.encode() if key else None
        self._clock = clock
        self._failures = Buckets(FAILURES, clock)

    @property
    def required(self) -> bool:
        """Whether a key is needed at all."""
        return self._key is not None

    def check_key(self, shown: bytes, address: str) -> None:
        """Raise `Unauthorized` for a wrong key, `RateLimited` after too many of them."""
        if self._key is None:
            return
        self._failures.check(address)
        if not hmac.compare_digest(shown, self._key):
            self._failures.charge(address)
            raise Unauthorized("This key is wrong.")

    def issue_cookie(self) -> str:
        """A cookie value that opens the door for `COOKIE_AGE_S` seconds."""
        expires = str(int(self._clock()) + COOKIE_AGE_S)
        return f"{expires}.{self._sign(expires)}"

    def cookie_opens(self, value: str) -> bool:
        """Whether a cookie was made with this key and has not ended."""
        expires, _, signature = value.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(expires).encode()):
            return False
        return self._clock() < int(expires)

    def _sign(self, expires: str) -> str:
        message = b"avatar cookie 1 " + expires.encode()
        return hmac.new(self._key or b"", message, hashlib.sha256).hexdigest()

    def admit(self, scope: Scope) -> None:
        """Raise `Unauthorized` or `RateLimited` unless the scope shows the key or its cookie."""
        if self._key is None:
            return
        headers = Headers(scope=scope)
        address = address_key(scope.get("client"))
        shown = _shown_key(headers, scope)
        if shown is not None:
            self.check_key(shown, address)
            return
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE)
        if cookie is not None and self.cookie_opens(cookie):
            return
        raise Unauthorized(
            "This gateway needs its key: sign in on the page, or send it as "
            "`Authorization: Bearer …`. It never goes into an address."
        )


def _shown_key(headers: Headers, scope: Scope) -> bytes | None:
    """The key as bytes: header text is Latin-1 of whatever the client sent."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip().encode("latin-1")
    if "x-api-key" in headers:
        return headers["x-api-key"].encode("latin-1")
    for offered in scope.get("subprotocols", ()):
        if offered.startswith(KEY_SUBPROTOCOL):
            return _from_base64url(offered.removeprefix(KEY_SUBPROTOCOL))
    return None


def _from_base64url(text: str) -> bytes:
    """The key in a subprotocol (RFC 4648 §5, padding left out); b"" when it is none."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""


class AuthGuard:
    """Lets in what shows the key; echoes `avatar.v1` to sockets that offer it.

    A browser closes a socket whose offered subprotocols were all ignored. The one with the key is
    taken out of the scope: nothing behind this guard can log it.
    """

    def __init__(self, app: ASGIApp, keys: KeyRing) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if not open_path(scope["path"]):
            try:
                self._keys.admit(scope)
            except (Unauthorized, RateLimited) as error:
                await _refused(error, scope, receive, send)
                return
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        offered = list(scope.get("subprotocols", ()))
        kept = [name for name in offered if not name.startswith(KEY_SUBPROTOCOL)]

        async def echoing(message: Message) -> None:
            accepts = message["type"] == "websocket.accept" and not message.get("subprotocol")
            if accepts and SUBPROTOCOL in offered:
                message = {**message, "subprotocol": SUBPROTOCOL}
            await send(message)

        await self._app({**scope, "subprotocols": kept}, receive, echoing)


async def _refused(error: AvatarError, scope: Scope, receive: Receive, send: Send) -> None:
    await refuse(error, scope, receive, send)
