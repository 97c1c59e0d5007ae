"""Decoding of uploads, each in a process that may be killed."""

from dataclasses import dataclass

import numpy as np

from avatar_contract.errors import BadAudio, ProfileUnavailable
from avatar_contract.workers.errors import (
    EngineError,
    StartFailed,
    WorkerError,
    WorkersBusy,
    WorkerStalled,
)
from avatar_contract.workers.jobs import Reply, Request
from avatar_contract.workers.pool import PoolLimits, WorkerPool
from avatar_contract.workers.process import WorkerCommand

TIMEOUT_S = 40.0
_WAITING = 32
_COMMAND = WorkerCommand(
    "profile_service.decode_engine:DecodeEngine",
    name="decoder",
    environment={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    stall_timeout_s=TIMEOUT_S,
)


@dataclass(frozen=True)
class Recording:
    """A decoded upload: mono samples, int16, their rate in Hz, and the clipped part of them."""

    samples: np.ndarray
    rate: int
    clipped: float


class Decoder:
    """Decodes at most `workers` uploads at once; others wait. No process sees a second upload."""

    def __init__(self, workers: int) -> None:
        wait_s = TIMEOUT_S * (1 + _WAITING / workers)
        limits = PoolLimits(workers, warm=0, waiting=_WAITING, wait_s=wait_s, single_use=True)
        self._pool = WorkerPool(_COMMAND, limits)

    async def decode(self, upload: bytes) -> Recording:
        """The recording in `upload`: wav, mp3, m4a, flac, ogg or webm.

        Raises:
            BadAudio: it is none of these, is damaged, or costs too much to decode.
            ProfileUnavailable: too many are being decoded, or no process can be started.
        """
        if not upload:
            raise BadAudio("This file is empty.", reason="EMPTY_FILE")
        answer = await self._ask(upload)
        return Recording(
            np.frombuffer(answer.blob, "<i2"), answer.meta["rate"], answer.meta["clipped"]
        )

    async def close(self) -> None:
        """Ends what is being decoded."""
        await self._pool.close()

    async def _ask(self, upload: bytes) -> Reply:
        try:
            return await self._pool.ask(Request("decode", blob=upload), TIMEOUT_S)
        except EngineError as error:
            raise BadAudio(error.message, reason=error.code) from error
        except WorkerStalled as error:
            text = "This recording takes too long to decode."
            raise BadAudio(text, reason="FILE_TOO_LONG") from error
        except (WorkersBusy, StartFailed) as error:
            raise ProfileUnavailable(error.message, retry_after_s=error.retry_after_s) from error
        except WorkerError as error:
            text = "This recording can't be decoded: it is damaged or far too large."
            raise BadAudio(text, reason="DAMAGED") from error
