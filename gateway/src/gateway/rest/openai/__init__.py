"""`/v1/*` as OpenAI's clients expect it.

Source: OpenAI API reference, audio, chat completions, models and error codes.
"""

from fastapi import APIRouter

from gateway.rest.openai import chat, models, speech, transcriptions
from gateway.rest.openai.unknown import unknown_router


def openai_router() -> APIRouter:
    """All OpenAI routes."""
    router = APIRouter(tags=["openai"])
    parts = (transcriptions, speech, chat, models)
    for part in parts:
        router.include_router(part.router, prefix="/v1")
    router.include_router(unknown_router([route for part in parts for route in part.router.routes]))
    return router
