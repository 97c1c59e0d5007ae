"""F5-TTS, through tts-service's own backend: its process, its pool, its options.

The solver runs the same network once a step, so a clause costs a constant and so much a step. Both
are measured first, by single requests of few steps. Then every pair of steps and requests at once
is asked whose cost, foretold from that, fits in what is left of the budget: single requests first,
then the cheapest. The others are listed with the foretold cost and without a figure.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.together import Asked, Level, level
from tts_service.backends import build
from tts_service.backends.base import Backend
from tts_service.backends.process import ProcessBackend
from tts_service.settings import TtsSettings
from tts_service.utterance import Run, Utterance

ROOT = Path(__file__).resolve().parents[2]
TEXT = "Good morning, this is a test of speech."
"""One clause; the reference is the one of 5.3 s that comes with the package."""
STEPS = (7, 16, 32)
FEW = (1, 3)
"""Steps of the requests that the cost is foretold from."""
LEVELS = (1, 2, 4, 8)
_RATE = 24_000
_LOAD_S = 600.0
_PATIENCE_S = 3600.0
_VERSIONS = """
import importlib.metadata, json
names = ("f5-tts", "vocos", "torch")
print(json.dumps({name: importlib.metadata.version(name) for name in names}))
"""


@dataclass(frozen=True)
class Cost:
    """Of one clause, s."""

    fixed: float
    a_step: float

    def of(self, steps: int, at_once: int) -> float:
        """Of so many clauses, one after another: there is one worker."""
        return at_once * (self.fixed + steps * self.a_step)


@dataclass(frozen=True)
class Plan:
    """What to ask, and what is too dear."""

    asked: list[tuple[int, int]]
    """Steps and requests at once."""
    left_out: list[tuple[int, int]]


def plan(cost: Cost, budget_s: float) -> Plan:
    """Single requests first, then the cheapest, as long as the budget lasts."""
    asked, left_out = [], []
    pairs = [(steps, at_once) for steps in (FEW[0], *STEPS) for at_once in LEVELS]
    for steps, at_once in sorted(pairs, key=lambda pair: (pair[1] > 1, cost.of(*pair))):
        price = cost.of(steps, at_once)
        if price <= budget_s:
            budget_s -= price
            asked.append((steps, at_once))
        else:
            left_out.append((steps, at_once))
    return Plan(sorted(asked), sorted(left_out))


async def measure(python: Path, folder: Path, device: str, budget_s: float) -> dict[str, Any]:
    """Everything about F5-TTS; `python` is its environment's."""
    tool = ROOT / "tools" / "tiny_f5.py"
    await asyncio.to_thread(subprocess.run, [python, tool, folder, "--size", "base"], check=True)
    numbers = (folder / "f5-tts" / "model.safetensors").stat().st_size // 4
    began = time.perf_counter()
    async with speaking(python, folder, device, *FEW) as engine:
        load_s = time.perf_counter() - began
        ready = engine.health()
        singles = {}
        for steps, mode in zip(FEW, ("fast", "hq"), strict=True):
            await spoken(engine, mode)
            singles[steps] = await spoken(engine, mode)
        cost = foretold({steps: one.whole_ms / 1000 for steps, one in singles.items()})
        chosen = plan(cost, budget_s)
        levels = await _levels(engine, chosen, {FEW[0]: "fast"})
    rest = [steps for steps in STEPS if any(one == steps for one, _ in chosen.asked)]
    for fast, hq in zip(rest[::2], rest[1::2] + rest[-1:], strict=False):
        async with speaking(python, folder, device, fast, hq) as engine:
            levels += await _levels(engine, chosen, {hq: "hq", fast: "fast"})
    cost = from_levels(levels) or cost
    return {
        "numbers": numbers,
        "device": ready.model.device,
        "gpu": ready.gpu,
        "text": TEXT,
        "audio_s": singles[FEW[0]].audio_s,
        "load_s": round(load_s, 1),
        "fixed_s": round(cost.fixed, 3),
        "a_step_s": round(cost.a_step, 3),
        "levels": sorted(levels, key=lambda one: (one["steps"], one["at_once"])),
        "left_out": [[*pair, round(cost.of(*pair))] for pair in chosen.left_out],
        "impatient": await impatient(python, folder, device),
    }


def foretold(singles: dict[int, float]) -> Cost:
    """The line through two single requests, those of the fewest and of the most steps; s."""
    (few, cheap), *_, (more, dear) = sorted(singles.items())
    a_step = max(0.0, dear - cheap) / (more - few)
    return Cost(max(0.0, cheap - few * a_step), a_step)


def from_levels(levels: list[dict[str, Any]]) -> Cost | None:
    """What the single requests that were measured really cost; None for fewer than two."""
    alone = [one for one in levels if one["at_once"] == 1 and not one["refused"]]
    singles = {one["steps"]: one["p50_ms"] / 1000 for one in alone}
    return foretold(singles) if len(singles) > 1 else None


async def impatient(python: Path, folder: Path, device: str) -> dict[str, Any]:
    """Eight at once with the service's own wait for a worker: some are spoken, some refused."""
    default_s = TtsSettings.model_fields["wait_timeout_s"].default
    async with speaking(python, folder, device, *FEW, wait_timeout_s=default_s) as engine:
        found = await _level(engine, "fast", FEW[0], LEVELS[-1])
    return {"wait_timeout_s": default_s, "steps": FEW[0], **found}


async def _levels(
    engine: ProcessBackend, chosen: Plan, modes: dict[int, str]
) -> list[dict[str, Any]]:
    return [
        await _level(engine, modes[steps], steps, at_once)
        for steps, at_once in chosen.asked
        if steps in modes
    ]


async def _level(engine: ProcessBackend, mode: str, steps: int, at_once: int) -> dict[str, Any]:
    print(f"  F5-TTS, {steps} steps, {at_once} at once", file=sys.stderr, flush=True)
    (pid,) = engine.pool.pids
    found: Level = await level(lambda: spoken(engine, mode), at_once, 1, pid)
    return {"steps": steps, **found.plain()}


@asynccontextmanager
async def speaking(
    python: Path, folder: Path, device: str, fast: int, hq: int, wait_timeout_s: float = _PATIENCE_S
) -> AsyncIterator[ProcessBackend]:
    """The service's backend, loaded, with so many steps for its two qualities."""
    settings = TtsSettings.model_validate(
        {
            "home": folder,
            "models_dir": folder,
            "engine": "f5",
            "engine_python": python,
            "device": device,
            "f5_steps_fast": fast,
            "f5_steps_hq": hq,
            "wait_timeout_s": wait_timeout_s,
        }
    )
    backend = build(settings)
    assert isinstance(backend, ProcessBackend)
    await backend.start()
    try:
        await _ready(backend)
        yield backend
    finally:
        await backend.close()


async def _ready(backend: Backend) -> None:
    async with asyncio.timeout(_LOAD_S):
        # It tells nobody when it is ready.
        while (model := backend.health().model).state == "loading":  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    if model.state != "ready":
        raise RuntimeError(f"F5-TTS did not load: {model.detail}")


async def spoken(engine: Backend, mode: str) -> Asked:
    """A clause, as the gateway asks for it."""
    utterance = Utterance((Run("en", TEXT),), mode="hq" if mode == "hq" else "fast")
    began = time.perf_counter()
    first_ms, size = 0.0, 0
    async with aclosing(engine.speak(utterance, None)) as sound:
        async for pcm in sound:
            first_ms = first_ms or (time.perf_counter() - began) * 1000
            size += len(pcm)
    return Asked(first_ms, (time.perf_counter() - began) * 1000, size / 2 / _RATE)


def versions(python: Path) -> dict[str, str]:
    """Of what is measured, in its environment."""
    told = subprocess.run([python, "-c", _VERSIONS], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(told.stdout)
    return found
