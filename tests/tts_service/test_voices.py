"""Voices that are put: checks of the reference, the effect, and forgetting."""

import numpy as np
import pytest

from avatar_contract.audio import wav_bytes
from tts_service.espeak.measure import measure

PHRASE = "The quick brown fox jumps over the lazy dog. We were away a year ago, and you know why."


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def _put(client, voice_id, wav, text="some words"):
    files = {"file": ("reference.wav", wav, "audio/wav")}
    return await client.put(f"/v1/voices/{voice_id}", files=files, data={"reference_text": text})


async def _say(client, text, **fields):
    body = {"input": text, "response_format": "pcm", **fields}
    return await client.post("/v1/audio/speech", json=body)


def _speaker(pcm: bytes):
    return measure(np.frombuffer(pcm, np.int16), 24_000)


async def test_a_profile_changes_pitch_and_formants_in_both_languages(client, voiced_wav):
    high = voiced_wav(190.0, formants=(550, 1650, 2750, 3850))
    own = _speaker((await _say(client, PHRASE)).content)
    put = await _put(client, "ada", high)
    name = f"ada@{put.json()['etag']}"
    english = await _say(client, PHRASE, voice=name)
    chinese = await _say(client, "今天天氣很好，我們去公園散步，你要不要一起去呢", voice=name)
    assert put.status_code == 200
    assert english.headers["avatar-voice"] == "en-us+klatt4; voice=ada"
    assert _speaker(english.content).pitch == pytest.approx(190, rel=0.08)
    assert _speaker(chinese.content).pitch == pytest.approx(190, rel=0.12)
    assert _speaker(english.content).spacing > own.spacing * 1.05


async def test_far_voices_are_clamped_to_clear_speech(client, voiced_wav):
    put = await _put(client, "child", voiced_wav(380.0, formants=(900, 2700, 4300)))
    answer = await _say(client, PHRASE, voice=f"child@{put.json()['etag']}")
    assert _speaker(answer.content).pitch < 290


async def test_the_same_reference_has_the_same_etag_and_another_has_another(client, voiced_wav):
    first = (await _put(client, "a", voiced_wav(120.0))).json()["etag"]
    again = (await _put(client, "a", voiced_wav(120.0))).json()["etag"]
    other = (await _put(client, "a", voiced_wav(140.0))).json()["etag"]
    stale = await _say(client, "Hello.", voice=f"a@{first}")
    assert first == again != other
    assert stale.json()["code"] == "VOICE_NOT_LOADED"


async def test_a_repeated_put_is_not_prepared_again(serve, odd, voiced_wav):
    """The engine answers how many voices it has prepared."""
    async with serve(odd(has_voices=True)) as client:
        first = await _put(client, "a", voiced_wav(120.0))
        again = await _put(client, "a", voiced_wav(120.0))
        other = await _put(client, "a", voiced_wav(140.0))
    assert first.json() == again.json()
    assert [first.json()["embedding"], other.json()["embedding"]] == [[1.0], [2.0]]


async def test_listed_then_deleted_then_unknown(client, voiced_wav):
    etag = (await _put(client, "b", voiced_wav(120.0))).json()["etag"]
    listed = [item["id"] for item in (await client.get("/v1/voices")).json()["items"]]
    deleted = await client.delete("/v1/voices/b")
    gone = await _say(client, "Hello.", voice=f"b@{etag}")
    again = await client.delete("/v1/voices/b")
    assert listed[0] == "default"
    assert f"b@{etag}" in listed
    assert deleted.status_code == 204
    assert gone.json()["code"] == "VOICE_NOT_LOADED"
    assert (again.status_code, again.json()["code"]) == (404, "NOT_FOUND")


async def test_deleting_removes_every_file_of_the_voice(serve, voiced_wav, tmp_path):
    async with serve() as client:
        etag = (await _put(client, "c", voiced_wav(120.0))).json()["etag"]
        before = list(tmp_path.rglob(f"v{etag}*"))
        await client.delete("/v1/voices/c")
        await _say(client, "Now the worker has read what it was told.")
        after = list(tmp_path.rglob(f"v{etag}*"))
    assert len(before) == 2
    assert after == []
    assert list((tmp_path / "run").iterdir()) == []


async def test_a_second_worker_gets_the_voice_with_its_first_job(serve, voiced_wav):
    async with serve(workers=2) as client:
        etag = (await _put(client, "d", voiced_wav(180.0))).json()["etag"]
        answers = [await _say(client, PHRASE, voice=f"d@{etag}") for _ in range(4)]
    pitches = [_speaker(answer.content).pitch for answer in answers]
    assert max(pitches) - min(pitches) < 2


def _noise(seconds: float, level: float, rate: int = 16_000) -> bytes:
    random = np.random.default_rng(1)
    return wav_bytes(
        (random.normal(0, level, int(seconds * rate))).astype(np.int16).tobytes(), rate
    )


def _music(rate: int = 16_000) -> bytes:
    """Struck chords of four notes with their overtones, over a beat."""
    time = np.arange(rate // 2) / rate
    beat = np.random.default_rng(3).normal(size=len(time)) * np.exp(-40 * time)
    bars = []
    for root in (220.0, 174.6, 130.8, 196.0) * 4:
        tones = [root * 2 ** (step / 12) * over for step in (0, 4, 7, 12) for over in (1, 2, 3)]
        chord = sum(np.sin(2 * np.pi * tone * time) / (1 + n % 3) for n, tone in enumerate(tones))
        bars.append(chord * np.exp(-3 * time) + 4 * beat)
    sound = np.concatenate(bars)
    return wav_bytes((sound / np.abs(sound).max() * 12_000).astype(np.int16).tobytes(), rate)


@pytest.mark.parametrize(
    ("case", "status", "code"),
    [
        ("0.2 s", 400, "BAD_AUDIO"),
        ("10 minutes", 413, "PAYLOAD_TOO_LARGE"),
        ("90 s", 400, "BAD_AUDIO"),
        ("silence", 422, "NO_SPEECH"),
        ("noise", 400, "BAD_AUDIO"),
        ("music", 400, "BAD_AUDIO"),
        ("text named wav", 400, "BAD_AUDIO"),
        ("cut header", 400, "BAD_AUDIO"),
        ("nothing", 400, "BAD_AUDIO"),
        ("4 kHz", 400, "BAD_AUDIO"),
    ],
)
async def test_bad_references_have_their_codes(client, voiced_wav, case, status, code):
    wavs = {
        "0.2 s": voiced_wav(seconds=0.2),
        "10 minutes": wav_bytes(bytes(2 * 600 * 16_000), 16_000),
        "90 s": wav_bytes(bytes(2 * 90 * 8_000), 8_000),
        "silence": _noise(4, 3),
        "noise": _noise(4, 4000),
        "music": _music(),
        "text named wav": b"hello, I am a text" * 100,
        "cut header": voiced_wav()[:30],
        "nothing": b"",
        "4 kHz": voiced_wav(rate=4_000),
    }
    answer = await _put(client, "x", wavs[case])
    well = await _say(client, "Still here.")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert well.status_code == 200


async def test_stereo_at_8_khz_is_taken(client, voiced_wav):
    put = await _put(client, "s", voiced_wav(150.0, rate=8_000, channels=2))
    answer = await _say(client, PHRASE, voice=f"s@{put.json()['etag']}")
    assert put.status_code == 200
    assert _speaker(answer.content).pitch == pytest.approx(150, rel=0.08)


@pytest.mark.parametrize("voice_id", ["a b", "聲音", "a@b", "x" * 65, "a\u202eb"])
async def test_odd_names_are_bad_messages(client, voiced_wav, voice_id):
    answer = await _put(client, voice_id, voiced_wav(seconds=1.5))
    assert (answer.status_code, answer.json()["code"]) == (422, "BAD_MESSAGE")


async def test_a_put_that_is_no_form_is_a_bad_message(client):
    bare = await client.put("/v1/voices/x", content=b"RIFF")
    text = await client.put("/v1/voices/x", data={"file": "a text", "reference_text": "x"})
    assert [bare.json()["code"], text.json()["code"]] == ["BAD_MESSAGE"] * 2
