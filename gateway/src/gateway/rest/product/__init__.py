"""`/api/*`: conversations, turns, voices and status."""

from fastapi import APIRouter

from gateway.rest.product import conversations, status, turns, voice_profiles


def product_router() -> APIRouter:
    """All product routes but the login."""
    router = APIRouter(prefix="/api")
    for part in (conversations, turns, voice_profiles, status):
        router.include_router(part.router)
    return router
