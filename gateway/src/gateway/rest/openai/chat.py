"""`/v1/chat/completions`: passed to the model server, streamed through, cancelled by closing."""

import json
from typing import Any

from fastapi import APIRouter, Request, Response

from avatar_contract.chat import ChatCompletion, ChatRequest
from avatar_contract.errors import BadMessage, ErrorCode
from avatar_contract.nulls import without_nulls
from gateway.edge.errors import openai_response
from gateway.rest.deps import Deps
from gateway.rest.docs import EVENTS, body
from gateway.rest.openai.errors import OpenAiRoute, failures
from gateway.rest.openai.models import served
from gateway.rest.relay import Relay

router = APIRouter(route_class=OpenAiRoute)


@router.post(
    "/chat/completions",
    response_model=ChatCompletion,
    responses={
        **failures(ErrorCode.LLM_UNAVAILABLE, ErrorCode.SERVER_FULL, ErrorCode.NOT_FOUND),
        200: {"description": "The answer, or with `stream` its events", "content": EVENTS},
    },
    openapi_extra=body(ChatRequest.model_json_schema(ref_template="#/components/schemas/{model}")),
)
async def complete(request: Request, deps: Deps) -> Response:
    """Answer a conversation. Fields that AVATAR does not know reach the model server as they are.

    An unknown model name (`gpt-4o`) means the default: a model server refuses what it does not
    serve, and clients come with names of their own.
    """
    asked = _parse(await request.body())
    models = [model.id for model in await served(deps.llm)]
    if asked.get("model") not in models and models:
        asked["model"] = models[0]
    sent = deps.llm.build("POST", "/v1/chat/completions", json=asked)
    return Relay(deps.llm, lambda: deps.llm.open(sent), on_error=openai_response)


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadMessage("The body is not JSON.") from error
    if not isinstance(asked, dict):
        raise BadMessage("The body must be a JSON object.")
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadMessage("`messages` must be a list of at least one message.")
    return dict(without_nulls(asked))
