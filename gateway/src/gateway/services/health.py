"""Keeps an eye on the services: which engines run, and whether they are ready."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError

from avatar_contract.chat import ModelList
from avatar_contract.health import Health
from avatar_contract.service import get_logger, outbound
from avatar_contract.terms import EngineInfo, Engines, Stage
from gateway.services.caller import Caller, Patience

log = get_logger(__name__)

_EVERY_S = 2.0
_UNTIL_READY_S = 0.5
_PATIENCE_S = 1.5
_LATE_BEFORE_AWAY = 2
"""Late answers in a row after which a service counts as away: one may be a busy machine's."""

OPTIONAL = frozenset({"tts_hq"})
"""Services whose absence leaves the whole usable."""


class ServiceWatch:
    """Asks each service for its health, now and then."""

    def __init__(
        self,
        services: Mapping[str, Caller],
        *,
        model: str,
        model_licence: str,
    ) -> None:
        """`services` are `stt`, `llm`, `tts_fast`, `tts_hq` and `profile`."""
        self._services = services
        self._licence = model_licence or None
        self.model = model
        """The model's name at the model server."""
        self.on_change: Callable[[Stage, bool], None] = lambda _stage, _away: None
        """Told when a service goes away (True) or comes back."""
        self.away: set[Stage] = set()
        """Services that do not answer now."""
        self._late: Counter[str] = Counter()
        self._found: dict[str, Health] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Looks once, then goes on looking."""
        await self.look()
        self._task = asyncio.ensure_future(self._keep_looking())

    async def stop(self) -> None:
        """Looks no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def look(self) -> None:
        """Asks all services now."""
        names = list(self._services)
        found = await asyncio.gather(*(self._ask(name) for name in names))
        self._found = dict(zip(names, found, strict=True))
        for name, health in self._found.items():
            self._take_note(Stage(name), away=health.status == "failed")

    def health(self) -> Health:
        """The whole: ready when every needed part is."""
        states = {n: h.status for n, h in self._found.items() if n not in OPTIONAL}
        if not states or "loading" in states.values():
            whole = "loading"
        else:
            whole = "ok" if set(states.values()) == {"ok"} else "degraded"
        if not states or all(state == "failed" for state in states.values()):
            whole = "loading" if not states else "failed"
        return Health.model_validate({"status": whole, "parts": self._found})

    def loading(self) -> float | None:
        """How far the needed models are loaded, 0 to 1; None when none is loading."""
        waited_for = [
            health
            for name, health in self._found.items()
            if name not in OPTIONAL and health.status == "loading"
        ]
        if not waited_for:
            return None
        progress = [model.progress or 0.0 for health in waited_for for model in health.models]
        return min(progress, default=0.0)

    def engines(self) -> Engines:
        """The engine of each stage, as far as it is known."""
        return Engines(
            stt=self._engine("stt"),
            llm=self._engine("llm"),
            tts_fast=self._engine("tts_fast"),
            tts_hq=self._engine("tts_hq"),
        )

    def public(self) -> list[str]:
        """Services outside private networks."""
        return [n for n, place in self._services.items() if outbound.is_public(place.address.url)]

    def _take_note(self, stage: Stage, *, away: bool) -> None:
        if away == (stage in self.away):
            return
        if away:
            self.away.add(stage)
        else:
            self.away.discard(stage)
        log.warning("watch.changed", stage=stage, away=away)
        self.on_change(stage, away)

    async def _keep_looking(self) -> None:
        while True:
            ready = self.health().status == "ok"
            await asyncio.sleep(_EVERY_S if ready else _UNTIL_READY_S)
            await self.look()

    async def _ask(self, name: str) -> Health:
        place = self._services[name]
        try:
            answer = await self._get(place, "/health")
            if name == "llm":
                await self._learn_model(place)
        except httpx.HTTPError as error:
            return self._no_answer(name, error)
        self._late[name] = 0
        place.breaker.answered()
        with suppress(ValidationError):
            health = Health.model_validate_json(answer.content)
            if health.service:
                return health
        # vLLM answers /health with nothing; llama.cpp with a status that may look like ours.
        status = "ok" if answer.status_code < 400 or answer.status_code == 404 else "loading"
        return Health(status=status, service=name, engine=self._foreign(place))

    def _no_answer(self, name: str, error: httpx.HTTPError) -> Health:
        self._late[name] += 1
        known = self._found.get(name)
        late = isinstance(error, httpx.TimeoutException) and self._late[name] < _LATE_BEFORE_AWAY
        if late and known is not None:
            return known
        what = f"does not answer ({type(error).__name__})"
        engine = known.engine if known else None
        return Health(status="failed", service=name, detail=what, engine=engine)

    async def _get(self, place: Caller, path: str) -> httpx.Response:
        request = place.build("GET", path, patience=Patience(_PATIENCE_S, _PATIENCE_S))
        return await place.http.send(request)

    async def _learn_model(self, place: Caller) -> None:
        if self.model:
            return
        answer = await self._get(place, "/v1/models")
        try:
            models = ModelList.model_validate_json(answer.content).data
        except ValidationError as error:
            log.warning("watch.no_model_list", reason=error.title)
            return
        self.model = models[0].id if models else ""

    def _foreign(self, place: Caller) -> EngineInfo:
        """A model server that is not ours says nothing of itself but its model's name."""
        remote = outbound.is_public(place.address.url)
        return EngineInfo(
            name=self.model or urlsplit(place.address.url).netloc,
            kind="remote" if remote else "local",
            languages=["zh-TW", "en"],
            licence=self._licence,
        )

    def _engine(self, name: str) -> EngineInfo:
        health = self._found.get(name)
        if health is not None and health.engine is not None:
            return health.engine
        return EngineInfo(name="unknown", kind="local", notice=f"{name} does not answer.")
