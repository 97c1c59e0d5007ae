"""``GET /health`` of every service."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from avatar_contract.terms import EngineInfo


class ModelHealth(BaseModel):
    """A model or engine of a service."""

    name: str
    state: Literal["loading", "ready", "failed", "idle"] = "ready"
    progress: float | None = Field(None, ge=0, le=1, description="of loading")
    device: str = Field("cpu", description="`cpu`, `cuda:0`")
    detail: str | None = Field(None, description="why it failed and what to do, or a figure")
    degraded: bool = Field(False, description="it works, but not as it was meant to: see `detail`")
    real_time_factor: float | None = Field(None, description="seconds of work a second of audio")


class Health(BaseModel):
    """200 when `status` is `ok` or `degraded`, 503 otherwise."""

    status: Literal["ok", "degraded", "loading", "failed"] = "ok"
    service: str = ""
    version: str = ""
    detail: str | None = Field(None, description="what is wrong, and what to do about it")
    models: list[ModelHealth] = Field(default_factory=list)
    gpu: dict[str, float | str] | None = Field(None, description="name, memory used and whole, MiB")
    load: dict[str, float] = Field(default_factory=dict, description="sessions, queue, workers …")
    engine: EngineInfo | None = Field(None, description="the engine, as the page shows it")
    parts: dict[str, Health] = Field(default_factory=dict, description="of the gateway: services")
