"""Holds `turn_done`, and what follows it, until the turn's record is on disk."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from avatar_contract.service import get_logger
from gateway.session.outputs import Output, TurnEnded, TurnRef

log = get_logger(__name__)

_WAIT_S = 2.0
"""A commit takes milliseconds; a disk that takes longer than this hangs."""


class Gate:
    """What one session says, in order."""

    def __init__(self, send: Callable[[Output], None]) -> None:
        self._send = send
        self._held: deque[Output] = deque()
        self._waits_for: dict[TurnRef, asyncio.Future[Any]] = {}

    def hold_until(self, on_disk: asyncio.Future[Any], turn: TurnRef) -> None:
        """The end of `turn` is said when `on_disk` is done."""
        self._waits_for[turn] = on_disk
        on_disk.add_done_callback(lambda _: self._done(turn))
        asyncio.get_running_loop().call_later(_WAIT_S, self._done, turn, True)

    def send(self, output: Output) -> None:
        """Says `output` in its order."""
        if self._held or self._is_early(output):
            self._held.append(output)
        else:
            self._send(output)

    def open(self) -> None:
        """Says all that is held: the session ends."""
        self._waits_for.clear()
        self._release()

    def _is_early(self, output: Output) -> bool:
        return isinstance(output, TurnEnded) and output.turn in self._waits_for

    def _done(self, turn: TurnRef, late: bool = False) -> None:
        if self._waits_for.pop(turn, None) is None:
            return
        if late:
            log.error("session.record_not_on_disk_in_time", turn_id=str(turn.turn_id))
        self._release()

    def _release(self) -> None:
        while self._held and not self._is_early(self._held[0]):
            self._send(self._held.popleft())
