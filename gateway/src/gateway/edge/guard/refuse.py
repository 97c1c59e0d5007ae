"""How a guard says no: a problem document, for sockets as the answer to the handshake."""

from starlette.types import Receive, Scope, Send

from avatar_contract.errors import AvatarError
from gateway.edge.errors import answer_for


async def refuse(error: AvatarError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer `error` instead of calling the app.

    A socket that was never accepted can carry no close code: a browser sees 1006 whatever is
    sent, other clients get status and document where the server has the extension for it
    (ASGI "WebSocket Denial Response").
    """
    response = answer_for(scope["path"], error)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="avatar"'
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get(
        "extensions", {}
    ):
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": str(error.code)})
        return
    await response(scope, receive, send)
