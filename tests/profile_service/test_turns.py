"""Turns: written once, by utterance and revision, with their audio."""

import asyncio
import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import av
import httpx
import numpy as np
import pytest
from turn_steps import put, send

from avatar_contract.errors import BadAudio, BadMessage, Conflict, NotFound
from avatar_contract.records import TurnRecord
from profile_service import opus
from profile_service.api.common import Parts
from profile_service.settings import Settings
from profile_service.turns import Wavs

Records = Callable[..., TurnRecord]
Waves = Callable[..., bytes]


async def sound_of(parts: Parts, record: TurnRecord, side: str) -> bytes:
    file = await parts.turns.audio("local", record.turn_id, side)
    source = await parts.vault.read(file)
    with source:
        data = source.read()
    assert len(data) == file.size
    return data


async def test_a_turn_comes_back_as_it_was_written(
    parts: Parts, make_record: Records, make_wav: Waves
) -> None:
    record = make_record(
        recognised_text="天氣怎麼樣",
        edited_text="天氣好嗎",
        interrupted=True,
        heard_text="很",
        ai_text="很好。",
        language="zh-TW",
        mode="hq",
        voice_profile_id=uuid4(),
        error="NO_SPEECH",
    )
    view = await put(parts, record, user=make_wav(0.5), ai=make_wav(1.0, 24_000))
    assert view == await parts.turns.get("local", record.turn_id)
    assert view == await parts.turns.of_utterance("local", record.utterance_id)
    sent = record.model_dump(exclude={"store_audio", "epoch", "session"})
    assert {name: getattr(view, name) for name in sent} == sent
    assert view.user_text == "天氣好嗎"
    assert (view.user_audio_ms, view.ai_audio_ms) == (500, 1000)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_sound_becomes_ogg_opus_of_the_same_length(make_wav: Waves, rate: int) -> None:
    sound = opus.from_wav(make_wav(0.7, rate))
    assert sound.duration_ms == pytest.approx(700, abs=0.1)
    with av.open(io.BytesIO(sound.data)) as file:
        assert (file.format.name, file.streams.audio[0].codec.name) == ("ogg", "opus")
        resampler = av.AudioResampler("flt", "mono", 48_000)
        frames = [out for frame in file.decode(audio=0) for out in resampler.resample(frame)]
    samples = np.concatenate([frame.to_ndarray().ravel() for frame in frames])
    assert len(samples) / 48_000 == pytest.approx(0.7, abs=0.03)
    spectrum = np.abs(np.fft.rfft(samples[10_000:20_000]))
    assert np.argmax(spectrum) * 48_000 / 10_000 == pytest.approx(440, abs=10)


async def test_what_is_kept_is_the_file_that_is_described(
    parts: Parts, make_record: Records, make_wav: Waves
) -> None:
    record = make_record()
    await put(parts, record, user=make_wav(), ai=make_wav(1.0, 24_000))
    for side, length in (("user", 400), ("ai", 1000)):
        file = await parts.turns.audio("local", record.turn_id, side)
        data = await sound_of(parts, record, side)
        assert (file.sha256, file.duration_ms) == (hashlib.sha256(data).hexdigest(), length)


async def test_a_typed_turn_has_no_user_audio(
    parts: Parts, make_record: Records, make_wav: Waves
) -> None:
    record = make_record(typed=True)
    view = await put(parts, record, user=make_wav(), ai=make_wav())
    assert (view.user_audio_ms, view.ai_audio_ms) == (None, 400)
    with pytest.raises(NotFound):
        await parts.turns.audio("local", record.turn_id, "user")


async def test_store_audio_false_keeps_no_sound(
    parts: Parts, make_record: Records, make_wav: Waves, settings: Settings, files_of: Callable
) -> None:
    view = await put(parts, make_record(store_audio=False), user=make_wav(), ai=make_wav())
    assert (view.user_audio_ms, view.ai_audio_ms) == (None, None)
    assert files_of(settings.home) == set()


async def test_turning_storage_off_in_a_later_revision_removes_the_sound(
    parts: Parts, make_record: Records, make_wav: Waves, settings: Settings, files_of: Callable
) -> None:
    record = make_record()
    await put(parts, record, user=make_wav())
    await put(parts, record.model_copy(update={"revision": 1, "store_audio": False}))
    assert files_of(settings.home) == set()


async def test_a_taken_number_becomes_the_next_free_one(parts: Parts, make_record: Records) -> None:
    session = uuid4()
    numbers = [
        (await put(parts, make_record(session, turn_number=wanted))).turn_number
        for wanted in (1, 2, 5, 2, 2, 1, 5)
    ]
    assert numbers == [1, 2, 5, 3, 4, 6, 7]


async def test_many_at_once_get_numbers_of_their_own(parts: Parts, make_record: Records) -> None:
    session = uuid4()
    views = await asyncio.gather(*(put(parts, make_record(session)) for _ in range(12)))
    assert sorted(view.turn_number for view in views) == list(range(1, 13))


async def test_the_same_turn_many_times_at_once_is_one(
    parts: Parts, make_record: Records, make_wav: Waves, settings: Settings, files_of: Callable
) -> None:
    record = make_record()
    views = await asyncio.gather(*(put(parts, record, user=make_wav()) for _ in range(8)))
    assert all(view == views[0] for view in views)
    assert len((await parts.conversations.get("local", record.session_id)).turns) == 1
    assert len(files_of(settings.home)) == 1


async def test_the_first_closed_wins(parts: Parts, make_record: Records, make_wav: Waves) -> None:
    record = make_record(ai_text="first")
    await put(parts, record, ai=make_wav())
    again = record.model_copy(update={"ai_text": "second", "turn_number": 9})
    view = await put(parts, again, ai=make_wav(2.0))
    assert (view.ai_text, view.turn_number, view.ai_audio_ms) == ("first", 1, 400)


async def test_closed_replaces_open_and_keeps_what_was_said(
    parts: Parts, make_record: Records, make_wav: Waves, settings: Settings, files_of: Callable
) -> None:
    closed = make_record(ai_text="all of it")
    opened = closed.model_copy(update={"state": "open", "ai_text": "all"})
    await put(parts, opened, user=make_wav(), ai=make_wav(0.2))
    view = await put(parts, closed, ai=make_wav(0.8))
    assert (view.state, view.ai_text) == ("closed", "all of it")
    assert (view.user_audio_ms, view.ai_audio_ms) == (400, 800)
    assert len(files_of(settings.home)) == 2
    late = await put(parts, opened)
    assert late == view


async def test_a_higher_revision_replaces_and_a_lower_one_does_not(
    parts: Parts, make_record: Records, make_wav: Waves
) -> None:
    record = make_record()
    await put(parts, record, user=make_wav(), ai=make_wav())
    edited = record.model_copy(
        update={
            "revision": 2,
            "edited_text": "No: the feather.",
            "ai_text": "Light.",
            "state": "open",
        }
    )
    view = await put(parts, edited)
    assert (view.revision, view.user_text, view.ai_text) == (2, "No: the feather.", "Light.")
    assert (view.user_audio_ms, view.ai_audio_ms) == (400, None), "said so, answered anew"
    older = await put(parts, record.model_copy(update={"revision": 1}))
    assert older == view


async def test_an_id_that_belongs_to_another_utterance_conflicts(
    parts: Parts, make_record: Records
) -> None:
    record = make_record()
    await put(parts, record)
    other = record.model_copy(update={"utterance_id": uuid4()})
    with pytest.raises(Conflict):
        await put(parts, other)


async def test_the_same_utterance_under_another_turn_id_is_the_same_turn(
    parts: Parts, make_record: Records
) -> None:
    record = make_record()
    await put(parts, record)
    view = await put(parts, record.model_copy(update={"turn_id": uuid4()}))
    assert view.turn_id == record.turn_id


async def test_another_owners_turns_are_not_there(parts: Parts, make_record: Records) -> None:
    record = make_record()
    await put(parts, record, owner="ann")
    for call in (
        parts.turns.get("bob", record.turn_id),
        parts.turns.of_utterance("bob", record.utterance_id),
        parts.turns.audio("bob", record.turn_id, "user"),
        parts.turns.delete("bob", record.turn_id),
        put(parts, make_record(record.session_id), owner="bob"),
        parts.conversations.get("bob", record.session_id),
        parts.conversations.delete("bob", record.session_id),
        parts.conversations.rename("bob", record.session_id, "mine"),
    ):
        with pytest.raises(NotFound):
            await call
    assert (await parts.conversations.page("bob", 10, None, "weather")).items == []
    assert (await parts.turns.get("ann", record.turn_id)).turn_id == record.turn_id


async def test_a_deleted_turn_takes_its_files_and_does_not_come_back(
    parts: Parts, make_record: Records, make_wav: Waves, settings: Settings, files_of: Callable
) -> None:
    session = uuid4()
    kept, gone = make_record(session), make_record(session, recognised_text="forget me")
    for record in (kept, gone):
        await put(parts, record, user=make_wav(), ai=make_wav())
    await parts.turns.delete("local", gone.turn_id)
    assert len(files_of(settings.home)) == 2
    assert (await parts.conversations.page("local", 10, None, "forget")).items == []
    with pytest.raises(NotFound, match="deleted"):
        await put(parts, gone)
    with pytest.raises(NotFound):
        await parts.turns.delete("local", gone.turn_id)
    await parts.turns.delete("local", kept.turn_id)
    assert files_of(settings.home) == set()
    with pytest.raises(NotFound):
        await parts.conversations.get("local", session)


async def test_unusable_sound_is_refused_and_leaves_nothing(
    parts: Parts, make_record: Records, make_wav: Waves, settings: Settings, files_of: Callable
) -> None:
    record = make_record()
    with pytest.raises(BadAudio):
        await put(parts, record, user=b"no wav at all", ai=make_wav())
    assert files_of(settings.home) == set()
    with pytest.raises(NotFound):
        await parts.turns.get("local", record.turn_id)


async def test_a_wav_without_samples_is_no_sound(parts: Parts, make_record: Records) -> None:
    from avatar_contract.audio import wav_bytes

    view = await put(parts, make_record(), user=wav_bytes(b"", 16_000))
    assert view.user_audio_ms is None


async def test_the_address_must_be_the_records(parts: Parts, make_record: Records) -> None:
    record = make_record()
    with pytest.raises(BadMessage):
        await parts.turns.put("local", uuid4(), record, Wavs())


async def test_characters_that_databases_refuse_are_left_out(
    parts: Parts, make_record: Records
) -> None:
    view = await put(
        parts, make_record(recognised_text="a\x00b", ai_text="c\x00", language="x" * 99)
    )
    assert (view.recognised_text, view.ai_text, len(view.language)) == ("ab", "c", 35)


EXTREMES = [
    {"turn_number": 2**40},
    {"revision": 2**40},
    {"created_at": "0001-01-01T00:00:00+14:00"},
    {"created_at": "9999-12-31T23:59:59-14:00"},
]


@pytest.mark.parametrize("fields", EXTREMES)
async def test_numbers_and_moments_beyond_reason(
    parts: Parts, make_record: Records, fields: dict
) -> None:
    with pytest.raises(BadMessage):
        await put(parts, make_record(**fields))


async def test_odd_but_harmless_fields(parts: Parts, make_record: Records) -> None:
    record = make_record(
        timings={"a": float("nan"), "b": float("inf"), "c\x00": 1.0},
        created_at="2026-01-01T00:00:00",
        recognised_text="\ufdfa" * 60_000,
        ai_text="x" * 1_000_000,
    )
    view = await put(parts, record)
    assert view.timings == {"c\x00": 1.0}
    assert view.created_at.isoformat() == "2026-01-01T00:00:00+00:00"
    assert len(view.recognised_text) == 60_000


async def test_put_over_http(
    client: httpx.AsyncClient, make_record: Records, make_wav: Waves
) -> None:
    record = make_record()
    path = f"/v1/turns/{record.turn_id}"
    body = {"record": record.model_dump_json()}
    files = {"user_audio": make_wav(), "ai_audio": make_wav()}
    first = await client.put(path, data=body, files=files)
    assert first.status_code == 200
    assert first.json()["user_audio_ms"] == 400
    assert (await client.put(path, data=body, files=files)).json() == first.json()
    assert (await client.get(path)).json() == first.json()
    found = await client.get("/v1/turns", params={"utterance_id": str(record.utterance_id)})
    assert found.json() == first.json()
    assert (await client.delete(path)).json() == {"success": True}
    missing = await client.get(path)
    assert (missing.status_code, missing.json()["code"]) == (404, "NOT_FOUND")


BAD_FORMS = [
    None,
    {"record": (None, "no json")},
    {"record": (None, "{}")},
    {"record": (None, "x"), "user_audio": (None, "text")},
    {"record": ("record.json", b"\xff\xfe")},
]


async def test_bad_forms(client: httpx.AsyncClient) -> None:
    for files in BAD_FORMS:
        answer = await client.put(f"/v1/turns/{uuid4()}", files=files)
        assert (answer.status_code, answer.json()["code"]) == (400, "BAD_MESSAGE")
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_bad_owner_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/conversations", headers={"Avatar-Owner": "x" * 65})
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_MESSAGE")


async def test_too_much_is_refused(
    settings: Settings, make_record: Records, tmp_path: Path
) -> None:
    from profile_service import app as service

    app = service.build(settings.model_copy(update={"max_turn_mib": 1}))
    record = make_record()
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://p") as client:

            async def endless():
                yield b'--b\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'
                for _ in range(40):
                    yield b"x" * 65_536

            for content in (b"x" * 2_000_000, endless()):
                answer = await client.put(
                    f"/v1/turns/{record.turn_id}",
                    content=content,
                    headers={"content-type": "multipart/form-data; boundary=b"},
                )
                assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


RANGES = [
    (None, 200, 0, None),
    ("bytes=0-9", 206, 0, 10),
    ("bytes=10-", 206, 10, None),
    ("bytes=-7", 206, -7, 7),
    ("bytes=5-999999", 206, 5, None),
    ("bytes=0-1,5-6", 200, 0, None),
    ("bytes=9-5", 200, 0, None),
    ("lines=1-2", 200, 0, None),
]
PAST_THE_END = ["bytes=999999-", "bytes=999999-1000000", "bytes=-0"]


@pytest.fixture
async def sound(client: httpx.AsyncClient, make_record: Records, make_wav: Waves) -> str:
    """The address of a turn's sound."""
    record = make_record()
    await send(client, record, user_audio=make_wav())
    return f"/v1/turns/{record.turn_id}/audio/user"


async def test_ranges(client: httpx.AsyncClient, sound: str) -> None:
    whole = (await client.get(sound)).content
    for wanted, status, begin, length in RANGES:
        headers = {"Range": wanted} if wanted else {}
        answer = await client.get(sound, headers=headers)
        expected = whole[begin:] if length is None else whole[begin:][:length]
        assert (answer.status_code, answer.content) == (status, expected), wanted
        at = begin % len(whole)
        place = f"bytes {at}-{at + len(expected) - 1}/{len(whole)}" if status == 206 else None
        assert answer.headers.get("content-range") == place


async def test_a_range_past_the_end(client: httpx.AsyncClient, sound: str) -> None:
    size = len((await client.get(sound)).content)
    for wanted in PAST_THE_END:
        answer = await client.get(sound, headers={"Range": wanted})
        assert (answer.status_code, answer.json()["status"]) == (416, 416)
        assert answer.headers["content-range"] == f"bytes */{size}"


async def test_what_a_client_has_is_not_sent_again(client: httpx.AsyncClient, sound: str) -> None:
    etag = (await client.get(sound)).headers["etag"]
    assert (await client.get(sound, headers={"If-None-Match": etag})).status_code == 304
    for known, status in ((etag, 206), ('"older"', 200)):
        headers = {"Range": "bytes=0-3", "If-Range": known}
        assert (await client.get(sound, headers=headers)).status_code == status
