"""HTTP of llm-service: parses and encodes, nothing else."""

import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from avatar_contract.chat import ChatChunk, ChatCompletion, ChatRequest, Model, ModelList
from llm_service.backends.base import ChatBackend
from llm_service.completion import Completion, served_model
from llm_service.settings import Settings

router = APIRouter(prefix="/v1")


@router.get("/models")
async def list_models(request: Request) -> ModelList:
    """The one model that is served."""
    settings: Settings = request.app.state.settings
    return ModelList(data=[Model(id=settings.model, created=request.app.state.started)])


@router.post("/chat/completions", response_model=ChatCompletion)
async def complete(request: Request, body: ChatRequest) -> ChatCompletion | StreamingResponse:
    """Answers a conversation, whole or as server-sent events. Closing the connection stops it."""
    settings: Settings = request.app.state.settings
    backend: ChatBackend = request.app.state.backend
    completion = Completion(
        backend=backend,
        request=body,
        model=served_model(body.model, settings.model),
        created=int(time.time()),
        max_tokens=body.max_tokens or settings.max_tokens,
    )
    if not body.stream:
        return await completion.whole()
    return StreamingResponse(
        _events(completion.chunks()),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache"},
    )


async def _events(chunks: AsyncIterator[ChatChunk]) -> AsyncIterator[str]:
    """Server-sent events as OpenAI's API writes them."""
    async for chunk in chunks:
        yield f"data: {chunk.model_dump_json(exclude_none=True)}\n\n"
    yield "data: [DONE]\n\n"
