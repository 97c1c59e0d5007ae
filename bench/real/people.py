"""Several people at once, hands-free and in real time, before one stt-service with real weights.

    python -m real.people CORPUS --models HOME/models [--people 2] [--turns 8]

Each says sentences of the corpus with rests between. Told are the delays from the last sound to the
`pause` with its words and to the `final`, what the words are wrong by, and what was lost.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from websockets.asyncio.client import connect

from avatar_contract.listen import parse_event
from real.scoring import Clip, corpus, errors

REST_MS = 2500
PATIENCE_S = 30
CHUNK_MS = 20
ENDINGS = ("final", "no_speech", "error")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--people", type=int, default=2)
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--set", action="append", default=[])
    asyncio.run(measure(parser.parse_args()))


async def measure(args: argparse.Namespace) -> None:
    spoken = [clip for clip in corpus(args.corpus) if clip.kind in {"zh", "en"}]
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "models").symlink_to(args.models.resolve())
        port = free_port()
        extra = dict(one.split("=", 1) for one in args.set)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "stt_service",
            stdout=asyncio.subprocess.DEVNULL,
            env={
                **os.environ,
                "AVATAR_HOME": home,
                "STT_PORT": str(port),
                "STT_MODEL": "base",
                "STT_BACKEND": "faster_whisper",
                **extra,
            },
        )
        try:
            await ready(port)
            people = [
                Person(port, [spoken[(5 * n + k) % len(spoken)] for k in range(args.turns)], n)
                for n in range(args.people)
            ]
            await asyncio.gather(*(person.talk() for person in people))
        finally:
            process.terminate()
            await process.wait()
    tell(people)


class Person:
    """One microphone, and what came back for each sentence."""

    def __init__(self, port: int, clips: list[Clip], number: int) -> None:
        self._url = f"ws://127.0.0.1:{port}/v1/listen"
        self.number = number
        self.turns = []
        self.sound = bytearray(32 * (300 + 700 * number))
        for clip in clips:
            self.sound += clip.pcm
            self.turns.append(Turn(clip, len(self.sound) / 32 - clip.tail_ms))
            self.sound += bytes(32 * REST_MS)
        self._began = 0.0

    async def talk(self) -> None:
        async with connect(self._url, compression=None) as line:
            await line.send(json.dumps({"type": "configure", "turn_detection": "server_vad"}))
            listening = asyncio.create_task(self._listen(line))
            self._began = time.perf_counter()
            for at in range(0, len(self.sound), 32 * CHUNK_MS):
                await asyncio.sleep(self._began + at / 32_000 - time.perf_counter())
                await line.send(bytes(self.sound[at : at + 32 * CHUNK_MS]))
            done, _ = await asyncio.wait([listening], timeout=PATIENCE_S)
            if not done:
                print(f"person {self.number}: waited {PATIENCE_S} s in vain")
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self, line) -> None:
        async for frame in line:
            event = parse_event(frame)
            now_ms = 1000 * (time.perf_counter() - self._began)
            if event.type not in {"pause", *ENDINGS}:
                continue
            # An event belongs to the sentence whose sound it is about.
            turn = min(self.turns, key=lambda one: abs(one.end_ms - event.audio_ms))
            if event.type == "pause":
                turn.pause_ms = now_ms - turn.end_ms
            else:
                turn.final_ms = now_ms - turn.end_ms
                turn.said += getattr(event, "text", f"[{event.type}]")
                if all(one.final_ms for one in self.turns):
                    return


@dataclass
class Turn:
    """A sentence, where its sound ends, and how long after that its words came, ms."""

    clip: Clip
    end_ms: float
    pause_ms: float = 0.0
    final_ms: float = 0.0
    said: str = ""


def tell(people: list[Person]) -> None:
    turns = [turn for person in people for turn in person.turns]
    for name in ("pause", "final"):
        found = sorted(ms for turn in turns if (ms := getattr(turn, f"{name}_ms")))
        if found:
            p95 = found[min(len(found) - 1, int(0.95 * len(found)))]
            print(
                f"{name}: n={len(found)} p50={statistics.median(found):.0f} p95={p95:.0f} "
                f"max={found[-1]:.0f} ms"
            )
    wrong = [errors(turn.said, turn.clip) for turn in turns]
    lost = sum(not turn.final_ms for turn in turns)
    print(
        f"error rate {statistics.mean(wrong):.3f}, {lost} of {len(turns)} without an ending, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    for rate, turn in zip(wrong, turns, strict=True):
        if rate > 0.2:
            print(f"  {rate:.2f} {turn.clip.text} | {turn.said}")


async def ready(port: int) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(60):
        while not await healthy(client, port):  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.1)


async def healthy(client: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await client.get(f"http://127.0.0.1:{port}/health")).status_code == 200
    except httpx.HTTPError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
