"""The product's REST over the real profile-service, and a real speech engine for voices."""

import asyncio
import io
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pytest

from avatar_contract.audio import read_wav, wav_bytes
from avatar_contract.errors import ProfileUnavailable, TtsUnavailable
from gateway.services.caller import Address, Caller
from gateway.services.profile import Profiles
from gateway.services.voices import Voices
from gateway.session.ports import ClauseRequest

CONSENT = json.dumps({"by": "Mei", "at": "2026-01-31T10:00:00Z", "text": "I agree."})
NOBODY = "00000000-0000-4000-8000-000000000000"


def quiet(seconds: float) -> bytes:
    """A wav with a soft tone in it."""
    t = np.arange(int(seconds * 16_000)) / 16_000
    pcm = (3000 * np.sin(2 * np.pi * 200 * t)).astype("<i2").tobytes()
    return wav_bytes(pcm, 16_000)


async def add_turn(profile: Any, session: uuid.UUID, number: int, said: str) -> uuid.UUID:
    """A closed turn with both sounds, written as the gateway writes it."""
    turn_id = uuid.uuid4()
    record = {
        "session_id": str(session),
        "turn_id": str(turn_id),
        "utterance_id": str(uuid.uuid4()),
        "turn_number": number,
        "recognised_text": said,
        "ai_text": f"You said {said}",
        "heard_text": f"You said {said}",
        "created_at": datetime.now(UTC).isoformat(),
    }
    files = {
        "record": (None, json.dumps(record), "application/json"),
        "user_audio": ("u.wav", quiet(1.0), "audio/wav"),
        "ai_audio": ("a.wav", quiet(0.5), "audio/wav"),
    }
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.put(f"{profile.url}/v1/turns/{turn_id}", files=files)
    assert answer.status_code == 200, answer.text
    return turn_id


async def test_conversations_from_list_to_delete(gateway: Callable, profile: Any) -> None:
    session = uuid.uuid4()
    turn = await add_turn(profile, session, 1, "good morning")
    await add_turn(profile, session, 2, "天氣真好")
    async with gateway({"profile": profile.url}) as base, httpx.AsyncClient(base_url=base) as http:
        found = (await http.get("/api/conversations", params={"q": "天氣"})).json()
        assert [item["id"] for item in found["items"]] == [str(session)]
        assert found["items"][0]["hit"]["match"] == "天氣"
        one = (await http.get(f"/api/conversation/{session}")).json()
        assert [t["user_text"] for t in one["turns"]] == ["good morning", "天氣真好"]
        renamed = await http.put(f"/api/conversation/{session}", json={"title": "早安"})
        assert renamed.json()["title"] == "早安"
        for form, begins in (("json", b"{"), ("md", b"#"), ("zip", b"PK")):
            file = await http.get(f"/api/conversation/{session}/export", params={"format": form})
            assert file.status_code == 200
            assert file.content.startswith(begins)
            assert "attachment" in file.headers["content-disposition"]
        assert (await http.delete(f"/api/turn/{turn}")).json() == {"success": True}
        assert len((await http.get(f"/api/conversation/{session}")).json()["turns"]) == 1
        assert (await http.delete(f"/api/conversation/{session}")).json() == {"success": True}
        gone = await http.get(f"/api/conversation/{session}")
        assert (gone.status_code, gone.json()["code"]) == (404, "NOT_FOUND")
        assert gone.headers["content-type"] == "application/problem+json"


async def test_sound_comes_in_ranges(gateway: Callable, profile: Any) -> None:
    turn = await add_turn(profile, uuid.uuid4(), 1, "hello")
    async with gateway({"profile": profile.url}) as base, httpx.AsyncClient(base_url=base) as http:
        path = f"/api/turn/{turn}/audio/user"
        whole = await http.get(path)
        assert whole.content.startswith(b"OggS")
        assert whole.headers["accept-ranges"] == "bytes"
        part = await http.get(path, headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, whole.content[10:20])
        assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
        past = await http.get(path, headers={"Range": "bytes=99999999-"})
        assert past.status_code == 416
        same = await http.get(path, headers={"If-None-Match": whole.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        assert (await http.get(f"/api/turn/{turn}/audio/both")).status_code == 422


async def test_pages_go_on_by_cursor(gateway: Callable, profile: Any) -> None:
    for n in range(3):
        await add_turn(profile, uuid.uuid4(), 1, f"paging {n}")
    seen = []
    async with gateway({"profile": profile.url}) as base, httpx.AsyncClient(base_url=base) as http:
        params: dict[str, Any] = {"limit": 1, "q": "paging"}
        while True:
            page = (await http.get("/api/conversations", params=params)).json()
            seen += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            params["cursor"] = page["next_cursor"]
        made_up = await http.get("/api/conversations", params={"cursor": "made-up"})
        assert made_up.json()["code"] == "BAD_MESSAGE"
    assert len(set(seen)) == 3


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/api/conversation/{NOBODY}", None),
        ("DELETE", f"/api/conversation/{NOBODY}", None),
        ("PUT", f"/api/conversation/{NOBODY}", {"title": "x"}),
        ("GET", f"/api/conversation/{NOBODY}/export", None),
        ("DELETE", f"/api/turn/{NOBODY}", None),
        ("GET", f"/api/turn/{NOBODY}/audio/ai", None),
        ("GET", f"/api/voice-profile/{NOBODY}", None),
        ("GET", f"/api/voice-profile/{NOBODY}/audio", None),
        ("PUT", f"/api/voice-profile/{NOBODY}", {"name": "x"}),
        ("DELETE", f"/api/voice-profile/{NOBODY}", None),
        ("POST", f"/api/voice-profile/{NOBODY}/test", {"text": "x"}),
    ],
)
async def test_what_is_not_there(
    method: str, path: str, body: Any, gateway: Callable, profile: Any
) -> None:
    async with gateway({"profile": profile.url}) as base, httpx.AsyncClient(base_url=base) as http:
        answer = await http.request(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "kwargs"),
    [
        ("GET", "/api/conversation/not-an-id", {}),
        ("GET", "/api/conversations?limit=0", {}),
        ("GET", "/api/conversations?limit=9999", {}),
        ("PUT", f"/api/conversation/{NOBODY}", {"json": {"title": ""}}),
        ("PUT", f"/api/conversation/{NOBODY}", {"content": b"{"}),
        ("PUT", f"/api/voice-profile/{NOBODY}", {"content": b"[]"}),
        ("GET", f"/api/conversation/{NOBODY}/export?format=exe", {}),
        ("POST", "/api/voice-profile", {"content": b"hello"}),
        ("POST", "/api/voice-profile", {"data": {"name": "x"}}),
        ("POST", f"/api/voice-profile/{NOBODY}/test", {"json": {"text": ""}}),
        ("POST", f"/api/voice-profile/{NOBODY}/test", {"json": {"text": "x" * 501}}),
    ],
)
async def test_requests_that_make_no_sense(
    method: str, path: str, kwargs: Any, gateway: Callable, profile: Any
) -> None:
    async with gateway({"profile": profile.url}) as base, httpx.AsyncClient(base_url=base) as http:
        answer = await http.request(method, path, **kwargs)
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] == "BAD_MESSAGE"


async def test_without_profile_service(gateway: Callable) -> None:
    async with gateway({}) as base, httpx.AsyncClient(base_url=base) as http:
        for path in ("/api/conversations", "/api/voice-profiles", f"/api/turn/{NOBODY}/audio/ai"):
            answer = await http.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "PROFILE_UNAVAILABLE")
            assert answer.json()["retryable"]


async def test_a_service_that_breaks_off_ends_the_answer(gateway: Callable) -> None:
    """A length that was promised and not kept must not look like a whole file."""

    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\nContent-Length: 99\r\n\r\nOggS"
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(broken, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, gateway({"profile": url}) as base, httpx.AsyncClient(base_url=base) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get(f"/api/turn/{NOBODY}/audio/ai")


async def test_status_tells_who_is_away(gateway: Callable, llm: Any, profile: Any) -> None:
    urls = {"llm": llm.url, "profile": profile.url}
    async with gateway(urls) as base, httpx.AsyncClient(base_url=base) as http:
        status = (await http.get("/api/status")).json()
    reachable = {name: one["reachable"] for name, one in status["services"].items()}
    assert reachable == {
        "stt": False,
        "llm": True,
        "tts_fast": False,
        "tts_hq": False,
        "profile": True,
    }
    assert status["services"]["stt"]["error"] == "STT_UNAVAILABLE"
    assert status["engines"]["llm"]["kind"] == "embedded"
    assert status["sessions"] == {"held": 0, "waiting": 0, "maximum": 5}
    assert status["stages"]["llm"]["p95_ms"] == 9
    assert status["auth"] is False


async def upload(http: httpx.AsyncClient, wav: bytes, **fields: str) -> httpx.Response:
    form = {"name": f"voice {uuid.uuid4().hex[:6]}", "consent": CONSENT, **fields}
    return await http.post(
        "/api/voice-profile", data=form, files={"file": ("v.wav", io.BytesIO(wav), "audio/wav")}
    )


async def test_a_voice_from_upload_to_delete(
    gateway: Callable, profile: Any, tts: Any, reference: bytes
) -> None:
    urls = {"profile": profile.url, "tts": tts.url}
    async with (
        gateway(urls) as base,
        httpx.AsyncClient(base_url=base, timeout=60) as http,
        httpx.AsyncClient(base_url=tts.url) as engine,
    ):
        made = await upload(http, reference, reference_text="Once upon a time.")
        assert made.status_code == 201, made.text
        voice = made.json()
        assert voice["reference_text"] == "Once upon a time."
        known = [v["id"] for v in (await engine.get("/v1/voices")).json()["items"]]
        assert any(v.startswith(voice["profile_id"]) for v in known)
        path = f"/api/voice-profile/{voice['profile_id']}"
        assert (await http.get(f"{path}/audio")).content.startswith(b"RIFF")
        await engine.delete(f"/v1/voices/{voice['profile_id']}")
        test = await http.post(f"{path}/test", json={"text": "Hello there."})
        assert test.status_code == 200, test.text
        assert test.content.startswith(b"RIFF")
        assert len(test.content) > 10_000
        spoken = await http.post(
            "/v1/audio/speech",
            json={"model": "tts-1", "voice": voice["profile_id"], "input": "Hello there."},
        )
        assert spoken.headers["avatar-voice"]
        changed = await http.put(path, json={"name": "小美", "is_default": True})
        assert (changed.json()["name"], changed.json()["is_default"]) == ("小美", True)
        listed = (await http.get("/api/voice-profiles")).json()["items"]
        assert [item["name"] for item in listed if item["is_default"]] == ["小美"]
        taken = await upload(http, reference, name="小美")
        assert (taken.status_code, taken.json()["code"]) == (409, "CONFLICT")
        assert (await http.delete(path)).json() == {"success": True}
        known = [v["id"] for v in (await engine.get("/v1/voices")).json()["items"]]
        assert not any(v.startswith(voice["profile_id"]) for v in known)
        assert (await http.get(path)).status_code == 404


async def test_a_voice_without_words_is_heard(
    gateway: Callable, profile: Any, stt: Any, tts: Any, reference: bytes
) -> None:
    urls = {"profile": profile.url, "stt": stt.url, "tts": tts.url}
    async with gateway(urls) as base, httpx.AsyncClient(base_url=base, timeout=60) as http:
        voice = (await upload(http, reference)).json()
        assert "weather" in voice["reference_text"].lower()
        path = f"/api/voice-profile/{voice['profile_id']}"
        assert (await http.get(path)).json()["reference_text"] == voice["reference_text"]
        again = await http.put(
            path,
            data={"consent": CONSENT},
            files={"file": ("v.wav", wav_bytes(read_wav(reference)[0] * 2, 16_000), "audio/wav")},
        )
        assert again.status_code == 200, again.text
        assert again.json()["duration"] > voice["duration"]
        assert again.json()["etag"] != voice["etag"]


async def test_a_voice_is_kept_when_the_engines_are_away(
    gateway: Callable, profile: Any, reference: bytes
) -> None:
    async with (
        gateway({"profile": profile.url}) as base,
        httpx.AsyncClient(base_url=base, timeout=60) as http,
    ):
        made = await upload(http, reference)
        assert made.status_code == 201
        path = f"/api/voice-profile/{made.json()['profile_id']}"
        spoken = await http.post(f"{path}/test", json={"text": "Hello."})
        assert (spoken.status_code, spoken.json()["code"]) == (503, "TTS_UNAVAILABLE")
        assert (await http.delete(path)).status_code == 200


@pytest.mark.parametrize("wav", [b"", b"I am text", b"RIFF\0\0\0\0WAVE", wav_bytes(b"", 16_000)])
async def test_voices_that_are_no_sound(wav: bytes, gateway: Callable, profile: Any) -> None:
    async with gateway({"profile": profile.url}) as base, httpx.AsyncClient(base_url=base) as http:
        answer = await upload(http, wav)
        assert answer.status_code in (400, 422)
        assert answer.json()["code"] in ("BAD_AUDIO", "BAD_MESSAGE", "NO_SPEECH")


async def test_an_upload_that_breaks_off_is_forgotten(gateway: Callable, profile: Any) -> None:
    async with gateway({"profile": profile.url}) as base, httpx.AsyncClient(base_url=base) as http:
        before = (await http.get("/api/voice-profiles")).json()
        place = httpx.URL(base)
        _, writer = await asyncio.open_connection(place.host, place.port)
        head = (
            f"POST /api/voice-profile HTTP/1.1\r\nHost: {place.host}\r\nContent-Length: 9999\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
        )
        writer.write(head.encode())
        await writer.drain()
        writer.transport.abort()
        assert (await http.get("/api/voice-profiles")).json() == before


async def test_a_voice_needs_consent(gateway: Callable, profile: Any, reference: bytes) -> None:
    async with gateway({"profile": profile.url}) as base, httpx.AsyncClient(base_url=base) as http:
        answer = await upload(http, reference, consent="")
        assert answer.status_code in (400, 422)


async def test_an_upload_of_22_mib_is_refused(gateway: Callable, profile: Any) -> None:
    async with gateway({"profile": profile.url}) as base, httpx.AsyncClient(base_url=base) as http:
        answer = await upload(http, bytes(22 * 2**20))
        assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


NO_PROFILE = {
    "absent": {},
    "null": {"voice": None},
    "empty": {"voice": ""},
    "OpenAI's": {"voice": "alloy"},
    "unknown": {"voice": "小明"},
    "an object": {"voice": {"id": "nova"}},
}


async def test_the_stored_default_speaks_where_no_profile_is_named_as_in_a_session(
    gateway: Callable, profile: Any, tts: Any, reference: bytes
) -> None:
    text = {"model": "tts-1", "input": "Hello there.", "response_format": "pcm"}
    # The engine's sound differs a little each time; what it calls the voice does not.
    async with (
        gateway({"profile": profile.url, "tts": tts.url}) as base,
        httpx.AsyncClient(base_url=base, timeout=60) as http,
    ):

        async def spoken(**asked: object) -> str:
            answer = await http.post("/v1/audio/speech", json=text | asked)
            assert answer.status_code == 200, answer.text
            return answer.headers["avatar-voice"]

        engines_own = await spoken()
        made = await upload(http, reference, reference_text="Once upon a time.")
        voice = made.json()["profile_id"]
        assert await spoken() == engines_own, "there is a profile, and no default"
        changed = await http.put(f"/api/voice-profile/{voice}", json={"is_default": True})
        assert changed.is_success
        by_id = await spoken(voice=voice)
        assert by_id != engines_own
        assert voice in by_id
        for name, asked in NO_PROFILE.items():
            assert await spoken(**asked) == by_id, name
        assert await _voice_of_a_session(profile.url, tts.url) == UUID(voice)
        assert (await http.delete(f"/api/voice-profile/{voice}")).is_success
        assert await spoken(voice="alloy") == engines_own, "the default is gone"


async def _voice_of_a_session(profile_url: str, tts_url: str) -> UUID | None:
    """Whose voice a clause is spoken with in a session that has chosen none."""
    async with httpx.AsyncClient(trust_env=False) as http:
        stage = Caller(http, Address("tts", "tts-service", tts_url, TtsUnavailable))
        book = Caller(http, Address("profile", "profile-service", profile_url, ProfileUnavailable))
        voices = Voices(Profiles(book), {"fast": stage, "hq": stage}, stage)
        chosen, notice = await voices.choose(ClauseRequest("Hello.", "fast", "en", None))
    assert notice is None
    return chosen.voice_id if chosen else None
