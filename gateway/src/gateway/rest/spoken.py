"""Speech as an answer: streamed as it is made, in a profile's voice or the default one."""

from collections.abc import Callable
from uuid import UUID

import httpx
from starlette.responses import Response

from avatar_contract.errors import AvatarError
from avatar_contract.service import get_logger
from avatar_contract.speech import SpeechRequest
from gateway.rest.deps import RestDeps
from gateway.rest.relay import Relay
from gateway.services.caller import Patience
from gateway.services.voices import Chosen, VoiceRefusedError

log = get_logger(__name__)


async def speaking(
    deps: RestDeps,
    speech: SpeechRequest,
    profile_id: UUID | None,
    on_error: Callable[[AvatarError], Response] | None = None,
) -> Relay:
    """The answer that speaks `speech`; without a profile the default one does, as in a session.

    Raises:
        NotFound: there is no such profile.
    """
    if profile_id is not None:
        voice = await deps.profiles.voice(profile_id)
        chosen: Chosen | None = Chosen(voice.id, voice.etag)
    else:
        chosen = await deps.voices.default()

    async def begin() -> httpx.Response:
        try:
            return await deps.voices.begin(speech, chosen, Patience())
        except VoiceRefusedError as error:
            if profile_id is not None:
                raise error.cause from error
            log.warning("speech.voice_fell_back", code=error.cause.code)
            return await deps.voices.begin(speech, None, Patience())

    tts = deps.tts_hq if speech.mode == "hq" else deps.tts_fast
    return Relay(tts, begin, on_error=on_error)
