"""How big a request may be, by path; told before the body is read where its length is declared."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from avatar_contract.errors import PayloadTooLarge
from gateway.edge.guard.refuse import refuse

KIB = 1024
MIB = 1024 * KIB

DRAINED = 32 * MIB
"""Bytes of a refused body that are read and dropped."""

DEFAULT_LIMIT = 256 * KIB
BY_PREFIX: dict[str, int] = {
    # 20 MiB of file and some room for the other fields of the form.
    "/api/voice-profile": 21 * MIB,
    # OpenAI's own bound on uploads.
    "/v1/audio/transcriptions": 25 * MIB,
    "/v1/chat/completions": 1 * MIB,
}


class BodyLimit:
    """Refuses bodies above their limit with `PAYLOAD_TOO_LARGE`."""

    def __init__(
        self,
        app: ASGIApp,
        by_prefix: Mapping[str, int] | None = None,
        default: int = DEFAULT_LIMIT,
    ) -> None:
        self._app = app
        self._by_prefix = dict(BY_PREFIX if by_prefix is None else by_prefix)
        self._default = default

    def limit(self, path: str) -> int:
        """Bytes allowed in a body sent to `path`."""
        fitting = [prefix for prefix in self._by_prefix if path.startswith(prefix)]
        return self._by_prefix[max(fitting, key=len)] if fitting else self._default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        counted = _Counted(self.limit(scope["path"]), receive, send)
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared) > counted.limit:
            await _drain(receive)
            await refuse(counted.error(), scope, receive, send)
            return
        try:
            await self._app(scope, counted.receive, counted.send)
        except PayloadTooLarge:
            if not counted.exceeded:
                raise
        if counted.exceeded and not counted.started:
            await _drain(receive)
            await refuse(counted.error(), scope, receive, send)


async def _drain(receive: Receive) -> None:
    """Read on for a while: a client that is still sending can't read the refusal."""
    left = DRAINED
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


class _Counted:
    """`receive` that stops at the limit; `send` that drops the app's own answer to that.

    A framework may turn the exception into an answer of its own ("error parsing the body").
    """

    def __init__(self, limit: int, receive: Receive, send: Send) -> None:
        self.limit = limit
        self.exceeded = False
        self.started = False
        self._seen = 0
        self._receive = receive
        self._send = send

    def error(self) -> PayloadTooLarge:
        size = f"{self.limit / MIB:g} MiB" if self.limit >= MIB else f"{self.limit / KIB:g} KiB"
        return PayloadTooLarge(f"The request is larger than the {size} that this address takes.")

    async def receive(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > self.limit:
            self.exceeded = True
            raise self.error()
        return message

    async def send(self, message: Message) -> None:
        if self.exceeded and not self.started:
            return
        self.started = True
        await self._send(message)
