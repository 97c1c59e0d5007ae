"""What the running service consists of."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from avatar_contract.errors import AvatarError
from avatar_contract.health import Health, ModelHealth
from avatar_contract.listen import ListenEvent
from avatar_contract.service import get_logger
from stt_service.backends.base import Recogniser
from stt_service.container import Decoder
from stt_service.hearing.ears import Ears
from stt_service.hearing.spans import Spotter
from stt_service.listening.listener import Listener
from stt_service.listening.policy import Policy
from stt_service.meters import Meters
from stt_service.settings import SttSettings

log = get_logger(__name__)

_HEALTH = {"ready": "ok", "idle": "ok", "loading": "loading", "failed": "failed"}


@dataclass(slots=True)
class Service:
    """The parts, built by `app`."""

    settings: SttSettings
    policy: Policy
    recogniser: Recogniser
    ears: Ears
    spotter: Spotter
    decoder: Decoder
    meters: Meters

    def listener(self, emit: Callable[[ListenEvent], None]) -> Listener:
        """A listener for a socket."""

        def counted(event: ListenEvent) -> None:
            self.meters.count(event)
            emit(event)

        return Listener(self.recogniser, self.ears, self.policy, counted)

    def health(self) -> Health:
        """How the service is."""
        model = self.recogniser.health()
        if self.ears.failure is not None:
            detail = "Voice activity detection failed: restart the service; its log says why."
            model = ModelHealth(name="silero", state="failed", detail=detail)
        self.meters.sessions.set(self.ears.open_ears)
        load = {"sessions": float(self.ears.open_ears), **self.recogniser.load()}
        return Health.model_validate(
            {
                "status": "degraded" if model.degraded else _HEALTH[model.state],
                "models": [model],
                "load": load,
                "engine": self.recogniser.info(),
            }
        )

    async def warm(self) -> None:
        """Loads the recogniser. A failure stays in `/health`, where it says what to do."""
        try:
            await self.recogniser.start()
        except AvatarError as error:
            log.warning("recogniser.failed", code=error.code, detail=error.message)
        else:
            log.info("recogniser.ready", name=self.recogniser.info().name)

    async def close(self) -> None:
        """Ends what the parts began."""
        await self.recogniser.close()
        await asyncio.to_thread(self.decoder.close)
        self.spotter.close()
