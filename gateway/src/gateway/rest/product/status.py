"""`/api/status`: what runs, how it is, and how long its stages take."""

import asyncio

import httpx
from fastapi import APIRouter
from pydantic import BaseModel, Field, ValidationError

from avatar_contract.errors import AvatarError, ErrorCode
from avatar_contract.health import Health
from avatar_contract.terms import EngineInfo
from gateway.live.figures import StageFigures
from gateway.rest.deps import Deps
from gateway.rest.docs import problems
from gateway.services.caller import Caller

router = APIRouter(tags=["status"])

_PATIENCE_S = 2.0


class ServiceStatus(BaseModel):
    """One service as it was found just now."""

    reachable: bool
    health: Health | None = Field(None, description="absent: it did not answer")
    error: ErrorCode | None = Field(None, description="why it counts as away")


class Sessions(BaseModel):
    """Slots of this gateway."""

    held: int
    waiting: int
    maximum: int


class Status(BaseModel):
    """The answer to `GET /api/status`."""

    auth: bool = Field(description="whether a key is needed")
    services: dict[str, ServiceStatus] = Field(
        description="`stt`, `llm`, `tts_fast`, `tts_hq`, `profile`"
    )
    engines: dict[str, EngineInfo] = Field(description="the engine of each stage that says it")
    sessions: Sessions
    stages: dict[str, StageFigures] = Field(description="of the last turns")


@router.get("/status", response_model=Status, responses=problems())
async def status(deps: Deps) -> Status:
    """Services, engines, sessions and stage figures. A service that is away is said so."""
    names = list(deps.services)
    found = await asyncio.gather(*(_look_at(service) for service in deps.services.values()))
    services = dict(zip(names, found, strict=True))
    engines = {
        name: one.health.engine
        for name, one in services.items()
        if one.health is not None and one.health.engine is not None
    }
    admission = deps.admission
    return Status(
        auth=deps.keys.required,
        services=services,
        engines=engines,
        sessions=Sessions(
            held=admission.held, waiting=admission.waiting, maximum=admission.max_sessions
        ),
        stages=dict(deps.figures()),
    )


async def _look_at(service: Caller) -> ServiceStatus:
    """Health of one service; 503 with a health document is an answer too."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            health = await _health(service)
    except (AvatarError, TimeoutError):
        return ServiceStatus(reachable=False, error=service.address.failure.code)
    return ServiceStatus(reachable=True, health=health)


async def _health(service: Caller) -> Health:
    request = service.build("GET", "/health")
    try:
        answer = await service.http.send(request)
        return Health.model_validate_json(answer.content)
    except (httpx.HTTPError, ValidationError) as error:
        raise service.away("says nothing of its health") from error
