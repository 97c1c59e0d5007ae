"""What can go wrong with a worker. A service turns these into errors of the contract.

::

    WorkerError
    ├── WorkersBusy    no worker is free, and the queue is full or the wait was too long
    ├── WorkerDied     the process ended in the middle of a job
    ├── WorkerStalled  silent too long, or past the job's deadline; it was killed
    ├── StartFailed    no worker can be started
    ├── JobFailed      the engine raised something that it did not explain
    └── EngineError    the engine's own words
"""


class WorkerError(Exception):
    """`message` is for a person; `retry_after_s` where a later try may help."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s


class WorkersBusy(WorkerError):
    pass


class WorkerDied(WorkerError):
    pass


class WorkerStalled(WorkerError):
    pass


class StartFailed(WorkerError):
    pass


class JobFailed(WorkerError):
    pass


class EngineError(WorkerError):
    """What an engine tells its service: an error code of the contract, or the reason of one, and
    words for a person.

    Args:
        fatal: the engine can't work any more; its process ends after the answer.
    """

    def __init__(self, code: str, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.fatal = fatal
