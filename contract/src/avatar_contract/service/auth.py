"""The key that guards an inner service's port."""

from __future__ import annotations

import hmac

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from avatar_contract.errors import Unauthorized
from avatar_contract.service.problems import problem_response

OPEN_PATHS = frozenset({"/health", "/metrics"})


class ApiKeyMiddleware:
    """Refuses requests and sockets without ``Authorization: Bearer <key>``."""

    def __init__(self, app: ASGIApp, key: SecretStr) -> None:
        self._app = app
        self._expected = b"Bearer " + key.get_secret_value().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        shown = Headers(scope=scope).get("authorization", "").encode()
        if hmac.compare_digest(shown, self._expected):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "UNAUTHORIZED"})
        else:
            refusal = problem_response(Unauthorized("This port needs its API key."))
            await refusal(scope, receive, send)
