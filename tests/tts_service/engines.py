"""Engines that misbehave, run in real worker processes."""

import os
import sys
import time

from avatar_contract.devices import Gpu
from tts_service.backends.f5 import F5Engine


class Odd:
    """Does what its text says."""

    def __init__(self, config):
        self._config = config

    def load(self, progress):
        progress(0.5)
        how = self._config.get("load")
        if how == "crash":
            sys.stderr.write("no such model\n")
            os._exit(3)
        if how == "hang":
            time.sleep(600)
        return {"device": "cpu"}

    def speak(self, job, sink):
        for _, text in job["runs"]:
            if text == "crash":
                raise RuntimeError(text)
            if text == "die":
                os._exit(9)
            if text == "die later":
                sink.write(bytes(4800))
                os._exit(9)
            if text == "stall":
                sink.write(bytes(4800))
                time.sleep(600)
            if text == "deaf":
                sink.write(bytes(4800))
                time.sleep(2.0)
            if text == "silent":
                while not sink.stopped():
                    time.sleep(0.01)
                return
            if text.startswith("dice"):
                sink.write(os.urandom(4800))
                return
            if text == "endless":
                while sink.write(bytes(48_000)):
                    pass
                return
            sink.write(bytes(4800))

    voices = 0

    def add_voice(self, voice, wav):
        self.voices += 1
        return {"facts": {"bytes": len(wav)}, "embedding": [float(self.voices)]}

    def drop_voice(self, voice_id):
        pass

    def ask(self, op, question):
        return {"pid": os.getpid(), "rests": getattr(self, "rests", 0)}


class Sleepy(Odd):
    """Rests when it is idle."""

    idle_s = 0.05
    rests = 0

    def rest(self):
        self.rests += 1


class OnAGpu(F5Engine):
    """F5-TTS's choice of its device, on a machine that shows the GPUs of its configuration."""

    def load(self, progress):
        choice = self._chosen()
        return {
            "device": choice.device,
            "notice": choice.notice if choice.degraded else None,
            "on_cpu": choice.notice,
        }

    def _gpus(self):
        return [Gpu(**gpu) for gpu in self._config["gpus"]]
