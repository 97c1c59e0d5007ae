"""First clauses that are kept. The engine throws dice: equal sound was not made again."""

import pytest

from tts_service.openings import Openings, opening
from tts_service.utterance import Run, Utterance

TEXT = "dice,"


async def _say(client, text=TEXT, **fields) -> bytes:
    body = {"input": text, "response_format": "pcm", "language": "en", "opening": True, **fields}
    answer = await client.post("/v1/audio/speech", json=body)
    assert answer.status_code == 200
    return answer.content


async def _counted(client) -> dict[str, float]:
    lines = (await client.get("/metrics")).text.splitlines()
    found = [line for line in lines if line.startswith("avatar_tts_openings_total")]
    return {line.split('result="')[1].split('"')[0]: float(line.split()[-1]) for line in found}


async def test_the_second_time_it_is_kept_and_from_the_third_it_comes_from_memory(serve, odd):
    async with serve(odd()) as client:
        sounds = [await _say(client) for _ in range(4)]
        counted = await _counted(client)
    assert sounds[0] != sounds[1]
    assert sounds[1] == sounds[2] == sounds[3]
    assert counted == {"miss": 2, "hit": 2}


@pytest.mark.parametrize(
    "fields",
    [
        {"opening": False},
        {"text": "dice " + "and so on " * 3},
        {"text": "dice 42,"},
    ],
)
async def test_nothing_else_is_kept(serve, odd, fields):
    async with serve(odd()) as client:
        assert len({await _say(client, **fields) for _ in range(4)}) == 4
        assert await _counted(client) == {}


async def test_speed_mode_and_voice_have_sounds_of_their_own(serve, odd, voiced_wav):
    files = {"file": ("a.wav", voiced_wav(), "audio/wav")}
    async with serve(odd(has_voices=True, has_hq=True)) as client:
        put = await client.put("/v1/voices/a", files=files, data={"reference_text": "x"})
        name = f"a@{put.json()['etag']}"
        kinds = [{}, {"speed": 1.5}, {"mode": "hq"}, {"voice": name}]
        kept = [[await _say(client, **kind) for _ in range(3)][2] for kind in kinds]
        again = [await _say(client, **kind) for kind in kinds]
    assert len(set(kept)) == len(kinds)
    assert again == kept


async def test_a_deleted_voice_leaves_no_sound(serve, odd, voiced_wav):
    files = {"file": ("a.wav", voiced_wav(), "audio/wav")}
    words = {"reference_text": "x"}
    async with serve(odd(has_voices=True)) as client:
        name = f"a@{(await client.put('/v1/voices/a', files=files, data=words)).json()['etag']}"
        before = [await _say(client, voice=name) for _ in range(3)]
        await client.delete("/v1/voices/a")
        await client.put("/v1/voices/a", files=files, data=words)
        after = await _say(client, voice=name)
    assert before[1] == before[2] != after


async def test_a_broken_answer_is_not_kept(serve, odd):
    async with serve(odd()) as client:
        for _ in range(3):
            body = {"input": "crash", "language": "en", "opening": True}
            assert (await client.post("/v1/audio/speech", json=body)).status_code == 503
        assert await _counted(client) == {"miss": 3}


async def test_compressed_answers_come_from_memory_too(serve, odd):
    async with serve(odd()) as client:
        plain = [await _say(client) for _ in range(2)][1]
        wav = await _say(client, response_format="wav")
    assert wav.endswith(plain)


def test_the_least_recently_used_goes_first():
    kept = Openings(max_bytes=250)
    keys = [opening("x", Utterance((Run("en", word),)), None) for word in ("a", "b", "c")]
    for key in keys[:2]:
        kept.keep(key, bytes(100))
    assert kept.find(keys[0])
    kept.keep(keys[2], bytes(100))
    assert [kept.find(key) is not None for key in keys] == [True, False, True]
    kept.keep(keys[1], bytes(300))
    assert kept.find(keys[1]) is None


@pytest.mark.parametrize(
    ("language", "text", "short"),
    [
        ("zh", "好的，我來看一下喔。", True),
        ("zh", "好的，我現在馬上就來看一下。", False),
        ("en", "Sure, I can do that.", True),
        ("en", "Sure, I can do that for you.", False),
    ],
)
def test_only_short_ones(language, text, short):
    key = opening(text, Utterance((Run(language, text),)), None)
    assert (key is not None) is short
