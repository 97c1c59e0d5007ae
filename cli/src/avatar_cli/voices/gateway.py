"""The voice routes of a running AVATAR."""

from dataclasses import dataclass

import httpx
from pydantic import ValidationError

from avatar_contract.errors import Problem


class VoicesError(Exception):
    """AVATAR can't be asked, or said no; the message says why."""


@dataclass(frozen=True)
class Voice:
    """A voice profile."""

    id: str
    name: str


@dataclass
class VoiceDesk:
    """Asks for profiles, references and test sentences. Sounds are wav."""

    client: httpx.Client

    def all(self) -> list[Voice]:
        """Every profile, in pages until the last."""
        found: list[Voice] = []
        cursor: str | None = None
        while True:
            page = self._ask(
                "GET", "/api/voice-profiles", params={"cursor": cursor} if cursor else None
            )
            body = page.json()
            found += [Voice(str(item["id"]), str(item["name"])) for item in body["items"]]
            cursor = body.get("next_cursor")
            if not cursor:
                return found

    def find(self, name: str) -> Voice:
        """The profile of that id or name.

        Raises:
            VoicesError: there is none.
        """
        known = self.all()
        for voice in known:
            if name in (voice.id, voice.name):
                return voice
        names = ", ".join(v.name for v in known) or "–"
        raise VoicesError(f"There is no voice profile {name!r}. There are: {names}.")

    def reference(self, voice: Voice) -> bytes:
        """The recording it was made from."""
        return self._ask("GET", f"/api/voice-profile/{voice.id}/audio").content

    def speak(self, voice: Voice, text: str, mode: str) -> bytes:
        """A sentence in that voice."""
        body = {"text": text, "mode": mode}
        return self._ask("POST", f"/api/voice-profile/{voice.id}/test", json=body).content

    def speak_default(self, text: str) -> bytes:
        """A sentence in the engine's own voice."""
        body = {"model": "tts-1", "input": text, "voice": "alloy", "response_format": "wav"}
        return self._ask("POST", "/v1/audio/speech", json=body).content

    def _ask(
        self,
        method: str,
        path: str,
        params: dict[str, str] | None = None,
        json: dict[str, str] | None = None,
    ) -> httpx.Response:
        try:
            answer = self.client.request(method, path, params=params, json=json)
        except httpx.TransportError as cause:
            raise VoicesError(
                f"No AVATAR answers at {self.client.base_url}: start it with `avatar up`."
            ) from cause
        if answer.is_success:
            return answer
        try:
            problem = Problem.model_validate_json(answer.content)
        except ValidationError as cause:
            raise VoicesError(f"{path} answered {answer.status_code}.") from cause
        raise VoicesError(f"{problem.code}: {problem.detail}")
