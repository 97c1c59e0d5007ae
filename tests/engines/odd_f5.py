"""F5-TTS on a GPU that fails in the ways that a GPU fails; it runs in F5-TTS's own environment."""

from avatar_contract.devices import Gpu
from tts_service.backends.f5 import F5Engine


class FailingGpu(F5Engine):
    """The real engine; what its text names goes wrong in the solver, as torch tells it."""

    def load(self, progress):
        facts = super().load(progress)
        sample, errors = self._model.sample, self._torch

        def failing(*, text, **options):
            said = "".join(text[0])
            if "full" in said:
                raise errors.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB.")
            if "vanish" in said:
                raise RuntimeError("CUDA error: unspecified launch failure")
            return sample(text=text, **options)

        self._model.sample = failing
        return facts


class FullGpu(F5Engine):
    """The real engine, on a GPU that looks free and is full when the weights come."""

    def _gpus(self):
        return [Gpu(0, 24_000, 20_000)]

    def _load_weights(self, device, folder, vocoder):
        if device != "cpu":
            raise self._torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB.")
        super()._load_weights(device, folder, vocoder)
