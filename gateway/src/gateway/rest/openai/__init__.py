"""`/v1/*` as OpenAI's clients expect it.

Source: OpenAI API reference, audio, chat completions, models and error codes.
"""

from fastapi import APIRouter

from gateway.rest.openai import chat, models, speech, transcriptions


def openai_router() -> APIRouter:
    """All OpenAI routes."""
    router = APIRouter(prefix="/v1", tags=["openai"])
    for part in (transcriptions, speech, chat, models):
        router.include_router(part.router)
    return router
