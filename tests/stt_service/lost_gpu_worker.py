"""The real Whisper process on a GPU that fails when a job's prompt says so."""

from stt_service.backends import whisper_worker


class OnAGpu(whisper_worker.Whisper):
    """Fails as CTranslate2 does."""

    def transcribe(self, job, pcm, stopped):
        if job.prompt == "full":
            raise RuntimeError("CUDA failed with error out of memory")
        if job.prompt == "vanish":
            raise RuntimeError("CUDA failed with error unspecified launch failure")
        return super().transcribe(job, pcm, stopped)


class Engine(whisper_worker.WhisperEngine):
    make = OnAGpu
