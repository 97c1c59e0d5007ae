"""`/v1/models`: all models of all stages."""

import asyncio

from fastapi import APIRouter

from avatar_contract.chat import Model, ModelList
from avatar_contract.errors import AvatarError, ErrorCode, NotFound
from gateway.rest.deps import Deps, RestDeps
from gateway.rest.openai.errors import OpenAiRoute, failures
from gateway.services.caller import Caller

router = APIRouter(route_class=OpenAiRoute)


@router.get("/models", response_model=ModelList, responses=failures())
async def list_models(deps: Deps) -> ModelList:
    """What each stage serves; a service that is away has no models now."""
    return ModelList(data=await _all(deps))


@router.get(
    "/models/{model_id:path}", response_model=Model, responses=failures(ErrorCode.NOT_FOUND)
)
async def get_model(model_id: str, deps: Deps) -> Model:
    """One model."""
    for model in await _all(deps):
        if model.id == model_id:
            return model
    raise NotFound(f"No model {model_id[:100]!r} is served here: GET /v1/models lists them.")


async def served(upstream: Caller) -> list[Model]:
    """The models of one service."""
    return upstream.read(ModelList, await upstream.call("GET", "/v1/models")).data


async def _all(deps: RestDeps) -> list[Model]:
    upstreams = [deps.llm, deps.stt, *deps.voices.engines]
    found = await asyncio.gather(*(_served_or_none(upstream) for upstream in upstreams))
    by_id = {model.id: model for models in found for model in models}
    return list(by_id.values())


async def _served_or_none(upstream: Caller) -> list[Model]:
    try:
        return await served(upstream)
    except AvatarError:
        return []
