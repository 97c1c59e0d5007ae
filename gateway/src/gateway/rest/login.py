"""The page's way in: a key once, a cookie from then on."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, SecretStr

from avatar_contract.errors import ErrorCode
from gateway.edge.guard.auth import COOKIE, COOKIE_AGE_S
from gateway.edge.rate import address_key
from gateway.rest.deps import Deps
from gateway.rest.docs import problems


class Login(BaseModel):
    """What `POST /api/login` takes."""

    key: SecretStr = Field(max_length=500, description="the key that AVATAR_API_KEY sets")


def login_router() -> APIRouter:
    """`/api/login` and `/api/logout`."""
    router = APIRouter(prefix="/api", tags=["login"])

    @router.post("/login", status_code=204, responses=problems(ErrorCode.BAD_MESSAGE))
    async def login(asked: Login, request: Request, deps: Deps) -> Response:
        """Trade the key for a cookie that scripts can't read. Without AUTH nothing is needed."""
        response = Response(status_code=204)
        if not deps.keys.required:
            return response
        deps.keys.check_key(
            asked.key.get_secret_value().encode(), address_key(request.scope.get("client"))
        )
        response.set_cookie(
            COOKIE, deps.keys.issue_cookie(), max_age=COOKIE_AGE_S, **_flags(request)
        )
        return response

    @router.post("/logout", status_code=204, responses=problems())
    async def logout(request: Request) -> Response:
        """Forget the cookie."""
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, **_flags(request))
        return response

    return router


def _flags(request: Request) -> dict[str, Any]:
    """Strict: no other site's link or form carries it. Secure only where there is TLS."""
    secure = request.url.scheme == "https"
    return {"path": "/", "httponly": True, "samesite": "strict", "secure": secure}
