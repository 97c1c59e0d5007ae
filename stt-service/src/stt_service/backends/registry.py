"""Which recogniser a setting names. An engine is one file here and one line below."""

from collections.abc import Callable

from avatar_contract.errors import SttUnavailable
from stt_service.backends.base import Recogniser
from stt_service.hearing.spans import Spotter
from stt_service.settings import SttSettings

Build = Callable[[SttSettings, Spotter], Recogniser]


def _pocketsphinx(settings: SttSettings, spotter: Spotter) -> Recogniser:
    from stt_service.backends.pocketsphinx import Pocketsphinx

    return Pocketsphinx(workers=settings.workers, warm=settings.warm_workers, spotter=spotter)


def _openai(settings: SttSettings, _: Spotter) -> Recogniser:
    from stt_service.backends.openai import OpenAiOptions, OpenAiRecogniser

    options = OpenAiOptions(
        url=settings.openai_url,
        model=settings.openai_model,
        api_key=settings.openai_api_key,
        languages=tuple(settings.openai_languages),
        concurrency=settings.openai_concurrency,
        timeout_s=settings.openai_timeout_s,
        allow_public=settings.allow_public_engines,
    )
    return OpenAiRecogniser(options)


def _faster_whisper(settings: SttSettings, spotter: Spotter) -> Recogniser:
    from stt_service.backends.faster_whisper import FasterWhisper, WhisperOptions

    options = WhisperOptions(
        model=settings.model,
        models_dir=settings.models_dir,
        device=settings.device,
        compute_type=settings.compute_type,
        beam=settings.beam,
        hotwords=settings.hotwords,
        languages=tuple(settings.languages),
        queue=settings.queue,
        parallel=settings.parallel,
        threads=settings.threads,
        no_speech_threshold=settings.no_speech_threshold,
        window_s=settings.window_s,
    )
    return FasterWhisper(options, spotter)


BACKENDS: dict[str, Build] = {
    "pocketsphinx": _pocketsphinx,
    "openai": _openai,
    "faster_whisper": _faster_whisper,
}


def build(settings: SttSettings, spotter: Spotter) -> Recogniser:
    """The recogniser that the settings name, not started.

    Raises:
        SttUnavailable: no such backend.
    """
    try:
        make = BACKENDS[settings.backend]
    except KeyError as cause:
        known = ", ".join(BACKENDS)
        raise SttUnavailable(f"STT_BACKEND={settings.backend}: choose one of {known}.") from cause
    return make(settings, spotter)
