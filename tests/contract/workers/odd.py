"""Engines that misbehave, run in real worker processes."""

import os
import sys
import time

from avatar_contract.workers.errors import EngineError


class Odd:
    """Does what its operation says."""

    def __init__(self, config):
        self._config = config
        self._told = []

    def load(self, progress):
        progress(0.5)
        how = self._config.get("load")
        if how == "crash":
            sys.stderr.write("no such model\n")
            os._exit(3)
        if how == "hang":
            time.sleep(600)
        if how == "refuse":
            raise EngineError("X", "the licence has ended")
        return {"device": "cpu"}

    def tell(self, op, meta, blob):
        if op == "die":
            os._exit(9)
        if op == "sleep":
            time.sleep(600)
        self._told.append([op, len(blob)])

    def work(self, job):
        return getattr(self, "do_" + job.op)(job)

    def do_echo(self, job):
        job.write(job.blob)
        return {"size": len(job.blob)}

    def do_pid(self, job):
        return {"pid": os.getpid(), "told": self._told, "rests": getattr(self, "rests", 0)}

    def do_crash(self, job):
        raise RuntimeError("what was said")

    def do_refuse(self, job):
        raise EngineError("BAD_AUDIO", "no good")

    def do_fatal(self, job):
        raise EngineError("X", "the GPU is gone", fatal=True)

    def do_die(self, job):
        os._exit(9)

    def do_die_later(self, job):
        job.write(bytes(4800))
        os._exit(9)

    def do_stall(self, job):
        job.write(bytes(4800))
        time.sleep(600)

    def do_drip(self, job):
        while job.write(b"x"):
            time.sleep(0.01)
        return {}

    def do_endless(self, job):
        while job.write(bytes(48_000)):
            pass
        return {}

    def do_flood(self, job):
        while job.write(bytes(1_000_000)):
            pass
        return {}


class Sleepy(Odd):
    """Rests when it is idle."""

    idle_s = 0.05
    rests = 0

    def rest(self):
        self.rests += 1


class Two(Odd):
    """Does two jobs at once: each waits for the other."""

    parallel = 2

    def __init__(self, config):
        super().__init__(config)
        import threading

        self._barrier = threading.Barrier(2)

    def do_meet(self, job):
        self._barrier.wait(10)
        return {}
