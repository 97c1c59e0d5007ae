"""Voice profiles: what a recording must be, what is kept, and who may see it."""

import asyncio
import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import httpx
import numpy as np
import psutil
import pytest

from avatar_contract.audio import read_wav, wav_bytes
from avatar_contract.errors import AvatarError, BadAudio
from avatar_contract.records import Consent, VoiceProfile
from profile_service import decode_engine, decoding, voice_check
from profile_service.decoding import Decoder, Recording
from profile_service.settings import Settings

SPEECH = Path(__file__).parents[1] / "data" / "speech"
CONSENT = {"by": "Ann", "at": "2026-05-04T12:00:00+08:00", "text": "I agree that my voice is used."}
PATH = "/v1/voice-profiles"
RATE = 16_000

Client = httpx.AsyncClient


def speech(*names: str) -> np.ndarray:
    """Clips in a row, without most of the silence around each."""
    clips = [read_wav((SPEECH / f"{name}.wav").read_bytes())[0] for name in names]
    return np.concatenate([np.frombuffer(clip, "<i2")[4_000:-11_000] for clip in clips])


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    return wav_bytes(np.clip(samples, -32768, 32767).astype("<i2").tobytes(), rate)


@pytest.fixture(scope="session")
def woman() -> np.ndarray:
    return speech("hello", "weather", "coffee", "time", "unfinished")


def decode(upload: bytes) -> Recording:
    """What the decoding process does, in this one."""
    try:
        pcm, clipped = decode_engine.decode(upload)
    except decode_engine.Refused as refusal:
        raise BadAudio(str(refusal), reason=refusal.reason) from refusal
    return Recording(np.frombuffer(pcm, "<i2"), decode_engine.RATE, clipped)


def coded(samples: np.ndarray, container: str, codec: str, rate: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.layout = "mono"
        resampler = av.AudioResampler(stream.format.name, "mono", rate, frame_size=1024)
        frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
        frame.sample_rate = RATE
        for resampled in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(resampled))
        file.mux(stream.encode(None))
    return buffer.getvalue()


async def post(
    client: Client, file: bytes | None, name: str | None = "Ann", **fields: Any
) -> httpx.Response:
    data = {"consent": json.dumps(CONSENT), "reference_text": "hello how are you"} | fields
    if name is not None:
        data["name"] = name
    sent = {key: value for key, value in data.items() if value is not None}
    files = {"file": ("voice.wav", file, "audio/wav")} if file is not None else {"x": b""}
    return await client.post(PATH, data=sent, files=files)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_voice_is_kept_with_its_consent(
    client: Client, woman: np.ndarray, settings: Settings, files_of: Callable
) -> None:
    answer = await post(client, wav(woman))
    assert answer.status_code == 201
    voice = VoiceProfile.model_validate(answer.json())
    assert voice.profile_id == voice.id
    assert (voice.name, voice.reference_text) == ("Ann", "hello how are you")
    assert voice.consent == Consent.model_validate(CONSENT)
    assert 5 < voice.duration < 10
    assert voice.quality is not None
    assert voice.quality.score > 0.8
    assert len(voice.peaks) == 160
    assert 0.2 < max(voice.peaks) <= 1
    assert not voice.has_embedding
    assert not voice.is_default
    assert (await client.get(f"{PATH}/{voice.id}")).json() == answer.json()
    [item] = (await client.get(PATH)).json()["items"]
    assert item == {key: answer.json()[key] for key in item}
    sound = await client.get(f"{PATH}/{voice.id}/audio")
    pcm, rate, channels = read_wav(sound.content)
    assert (rate, channels) == (24_000, 1)
    assert len(pcm) / 2 / rate == pytest.approx(voice.duration, abs=0.001)
    stored = files_of(settings.home)
    assert {name.split(".")[-1] for name in stored} == {"wav", "txt"}
    [text] = [name for name in stored if name.endswith("txt")]
    assert (settings.home / text).read_text() == "hello how are you"


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("mp3", "libmp3lame", 16_000),
        ("ipod", "aac", 16_000),
        ("flac", "flac", 16_000),
        ("ogg", "libopus", 48_000),
        ("webm", "libopus", 48_000),
        ("wav", "pcm_f32le", 44_100),
        ("wav", "pcm_s24le", 48_000),
    ],
)
def test_every_container_is_taken(woman: np.ndarray, container: str, codec: str, rate: int) -> None:
    decoded = decode(coded(woman, container, codec, rate))
    assert decoded.rate == 24_000
    assert len(decoded.samples) / decoded.rate == pytest.approx(len(woman) / RATE, abs=0.15)
    seconds = voice_check.check(decode(wav(woman))).seconds
    assert voice_check.check(decoded).seconds == pytest.approx(seconds, abs=0.1)


def lying(
    *,
    channels: int = 1,
    rate: int = 16_000,
    byte_rate: int = 32_000,
    block: int = 2,
    size: int = 32_000,
) -> bytes:
    """A wav of a second of silence in whose header some fields are wrong."""
    fmt = struct.pack("<IHHIIHH", 16, 1, channels, rate, byte_rate, block, 16)
    data = b"data" + struct.pack("<I", size) + bytes(32_000)
    return b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + fmt + data


def bomb() -> bytes:
    """Hours of silence in a few kilobytes."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="flac") as file:
        stream = file.add_stream("flac", rate=48_000)
        stream.layout = "mono"
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), "i2"), "s16", "mono")
        silence.sample_rate = 48_000
        for _ in range(600):
            silence.pts = None
            file.mux(stream.encode(silence))
        file.mux(stream.encode(None))
    return buffer.getvalue()


def music(seconds: int = 8) -> np.ndarray:
    """Struck chords of four notes with their overtones, over a beat."""
    time = np.arange(RATE // 2) / RATE
    beat = np.random.default_rng(3).normal(size=len(time)) * np.exp(-40 * time)
    bars = []
    for root in (220.0, 174.6, 130.8, 196.0) * (seconds // 2):
        tones = [root * 2 ** (step / 12) * over for step in (0, 4, 7, 12) for over in (1, 2, 3)]
        chord = sum(np.sin(2 * np.pi * tone * time) / (1 + n % 3) for n, tone in enumerate(tones))
        bars.append(chord * np.exp(-3 * time) + 4 * beat)
    sound = np.concatenate(bars)
    return sound / np.abs(sound).max() * 12_000


RNG = np.random.default_rng(7)
UNUSABLE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a text file": (lambda: b"Dear sir, this is no sound.\n" * 40, "BAD_AUDIO"),
    "nothing": (lambda: b"", "BAD_AUDIO"),
    "a page": (lambda: b"<html></html>", "BAD_AUDIO"),
    "a playlist": (lambda: b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n", "BAD_AUDIO"),
    "a zip": (lambda: b"PK\x03\x04" + bytes(500), "BAD_AUDIO"),
    "random": (lambda: RNG.bytes(50_000), "BAD_AUDIO"),
    "random in RIFF": (lambda: b"RIFF\x00\x10\x00\x00WAVE" + RNG.bytes(9_000), "BAD_AUDIO"),
    "random in Ogg": (lambda: b"OggS" + RNG.bytes(9_000), "BAD_AUDIO"),
    "random in WebM": (lambda: b"\x1a\x45\xdf\xa3" + RNG.bytes(9_000), "BAD_AUDIO"),
    "random in MP4": (lambda: b"\x00\x00\x00\x18ftypM4A " + RNG.bytes(9_000), "BAD_AUDIO"),
    "random in FLAC": (lambda: b"fLaC" + RNG.bytes(9_000), "BAD_AUDIO"),
    "a lie about size": (lambda: lying(size=2_000_000_000), "BAD_AUDIO"),
    "a lie about rate": (lambda: lying(rate=4_000_000_000), "BAD_AUDIO"),
    "a rate of none": (lambda: lying(rate=0), "BAD_AUDIO"),
    "a lie about channels": (lambda: lying(channels=60_000), "BAD_AUDIO"),
    "no channel": (lambda: lying(channels=0), "BAD_AUDIO"),
    "a lie about bytes": (lambda: lying(byte_rate=7), "BAD_AUDIO"),
    "a lie about blocks": (lambda: lying(block=9), "BAD_AUDIO"),
    "a header alone": (lambda: lying()[:44], "BAD_AUDIO"),
    "half a header": (lambda: lying()[:30], "BAD_AUDIO"),
    "a bomb": (bomb, "BAD_AUDIO"),
    "silence": (lambda: wav(np.zeros(RATE * 6)), "NO_SPEECH"),
    "noise": (lambda: wav(RNG.normal(0, 6_000, RATE * 6)), "NO_SPEECH"),
    "a tone": (lambda: wav(np.sin(np.arange(RATE * 6) / 6) * 9_000), "NO_SPEECH"),
    "too short": (lambda: wav(speech("time")), "BAD_AUDIO"),
    "too long": (lambda: wav(np.tile(speech("hello", "weather", "coffee"), 5)), "BAD_AUDIO"),
    "far too long": (lambda: wav(np.tile(speech("hello"), 80)[: RATE * 125]), "BAD_AUDIO"),
    "distorted": (lambda: wav(speech("hello", "weather", "coffee") * 60.0), "BAD_AUDIO"),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_an_unusable_recording_is_refused(what: str) -> None:
    make, expected = UNUSABLE[what]
    upload = make()
    with pytest.raises(AvatarError) as refused:
        voice_check.check(decode(upload))
    assert refused.value.code == expected
    assert len(refused.value.message) > 15


async def test_nothing_of_a_refused_recording_is_kept(
    client: Client, settings: Settings, files_of: Callable
) -> None:
    for what, status in (("a text file", 400), ("a bomb", 400), ("silence", 422)):
        make, expected = UNUSABLE[what]
        assert code(await post(client, make())) == (status, expected)
    assert files_of(settings.home) == set()
    assert (await client.get(PATH)).json()["items"] == []


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("nothing", "EMPTY_FILE"),
        ("a text file", "UNKNOWN_FORMAT"),
        ("random in FLAC", "DAMAGED"),
        ("far too long", "FILE_TOO_LONG"),
        ("silence", "SILENT"),
        ("too short", "SPEECH_TOO_SHORT"),
        ("too long", "SPEECH_TOO_LONG"),
        ("distorted", "DISTORTED"),
    ],
)
async def test_a_refusal_names_its_reason(client: Client, what: str, reason: str) -> None:
    make, expected = UNUSABLE[what]
    answer = await post(client, make())
    assert answer.json()["code"] == expected
    assert answer.json()["reason"] == reason


def test_a_cut_off_recording_says_so(woman: np.ndarray) -> None:
    with pytest.raises(BadAudio, match="cut off"):
        decode(wav(woman)[:-5_000])


async def test_decoding_has_a_process_and_a_time_limit(
    woman: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder, before = Decoder(2), set(psutil.Process().children())
    apart = await decoder.decode(wav(woman))
    here = decode(wav(woman))
    assert np.array_equal(apart.samples, here.samples)
    assert (apart.rate, apart.clipped) == (here.rate, here.clipped)
    for upload in (b"", b"no sound", bomb()):
        with pytest.raises(BadAudio):
            await decoder.decode(upload)
    monkeypatch.setattr(decoding, "TIMEOUT_S", 0.0)
    with pytest.raises(BadAudio, match="too long"):
        await decoder.decode(wav(woman))
    assert set(psutil.Process().children()) == before


@pytest.mark.parametrize(
    ("advice", "spoil"),
    [
        ("TOO_QUIET", lambda voice: voice * 0.03),
        ("NOISY", lambda voice: voice + RNG.normal(0, 700, len(voice))),
        ("CLIPPING", lambda voice: voice * 2.0),
        ("SHORT", lambda voice: voice[: RATE * 5]),
        ("MORE_THAN_ONE_VOICE", lambda voice: np.concatenate([voice, speech("story", "homework")])),
        ("MANY_PAUSES", lambda voice: np.insert(voice, RATE * 3, np.zeros(RATE * 9))),
    ],
)
def test_advice_in_words(woman: np.ndarray, advice: str, spoil: Callable) -> None:
    good = voice_check.check(decode(wav(woman))).quality
    assert advice not in [remark.code for remark in good.advice]
    spoilt = voice_check.check(decode(wav(spoil(woman.astype(float))))).quality
    assert advice in [remark.code for remark in spoilt.advice], spoilt
    assert spoilt.score < good.score
    for remark in spoilt.advice:
        assert set(remark.text) == {"en", "zh-TW"}


def test_music_is_told_from_a_good_recording() -> None:
    """It has pitch and pauses, and so passes for a voice; the owner sees what is wrong with it."""
    quality = voice_check.check(decode(wav(music()))).quality
    assert quality.score < 0.5
    assert "NOISY" in [remark.code for remark in quality.advice]


BAD_NAMES = [
    "",
    "   ",
    "x" * 10_000,
    "../",
    "../../etc/passwd",
    "a/b",
    "a\\b",
    "..",
    ".",
    "a\x00b",
    "a\x07",
    "\u202eevil",
    "abc\u200f",
    "a\u2066b",
    "\u200b",
    "\ufeff",
    "-",
    None,
]


async def test_bad_names(client: Client, woman: np.ndarray) -> None:
    for name in BAD_NAMES:
        assert code(await post(client, wav(woman), name)) == (400, "BAD_MESSAGE"), name


async def test_good_names_and_taken_ones(client: Client, woman: np.ndarray) -> None:
    sound = wav(woman)
    assert (await post(client, sound, "👩‍🚀 小美")).json()["name"] == "👩‍🚀 小美"
    assert (await post(client, sound, " José  2 ")).json()["name"] == "José 2"
    for name in ("👩‍🚀  小美", "JOSE\u0301 2", "\uff2aosé 2"):
        assert code(await post(client, sound, name)) == (409, "CONFLICT")
    other = await client.post(
        PATH,
        data={"name": "José 2", "consent": json.dumps(CONSENT)},
        files={"file": sound},
        headers={"Avatar-Owner": "someone else"},
    )
    assert other.status_code == 201


async def test_two_of_one_name_at_once(
    client: Client, woman: np.ndarray, settings: Settings, files_of: Callable
) -> None:
    answers = await asyncio.gather(*(post(client, wav(woman), "twin") for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert len((await client.get(PATH)).json()["items"]) == 1
    assert len(files_of(settings.home)) == 2


BAD_CONSENTS = [
    None,
    "",
    "yes",
    "{}",
    json.dumps({"by": "", "at": CONSENT["at"], "text": "x"}),
    json.dumps({"by": " ", "at": CONSENT["at"], "text": "x"}),
    json.dumps({"by": "A", "text": "x"}),
    json.dumps({"by": "A", "at": CONSENT["at"]}),
]


async def test_without_consent_nothing_is_stored(
    client: Client, woman: np.ndarray, settings: Settings, files_of: Callable
) -> None:
    for consent in BAD_CONSENTS:
        answer = await post(client, wav(woman), consent=consent)
        assert code(answer) == (400, "BAD_MESSAGE"), consent
    assert files_of(settings.home) == set()


async def test_changing_a_voice(client: Client, woman: np.ndarray) -> None:
    voice = (await post(client, wav(woman))).json()
    other = (await post(client, wav(woman), "Bob")).json()
    path = f"{PATH}/{voice['id']}"
    renamed = (await client.put(path, json={"name": "Anna"})).json()
    assert (renamed["name"], renamed["etag"]) == ("Anna", voice["etag"])
    told = (await client.put(path, json={"reference_text": "good day"})).json()
    assert (told["reference_text"], told["name"]) == ("good day", "Anna")
    assert told["etag"] != voice["etag"]
    embedded = (await client.put(path, json={"embedding": [0.5] * 256})).json()
    assert embedded["has_embedding"]
    assert embedded["etag"] == told["etag"]
    for wrong in ({"name": "bob"},):
        assert code(await client.put(path, json=wrong)) == (409, "CONFLICT")
    for wrong in (
        {"name": ""},
        {"embedding": [1.0]},
        {"name": 7},
        {"reference_text": "x" * 10_001},
    ):
        assert code(await client.put(path, json=wrong)) == (400, "BAD_MESSAGE")
    assert code(await client.put(path, content=b"{")) == (400, "BAD_MESSAGE")
    assert (await client.get(path)).json() == embedded
    for chosen in (path, f"{PATH}/{other['id']}"):
        assert (await client.put(chosen, json={"is_default": True})).json()["is_default"]
    items = (await client.get(PATH)).json()["items"]
    assert {item["name"]: item["is_default"] for item in items} == {"Anna": False, "Bob": True}
    unset = (await client.put(f"{PATH}/{other['id']}", json={"is_default": False})).json()
    assert not unset["is_default"]


async def test_replacing_the_recording(
    client: Client, woman: np.ndarray, settings: Settings, files_of: Callable
) -> None:
    voice = (await post(client, wav(woman))).json()
    path = f"{PATH}/{voice['id']}"
    await client.put(path, json={"embedding": [1.0] * 256})
    man = wav(speech("story", "homework", "sum"))
    assert code(await client.put(path, files={"file": man})) == (400, "BAD_MESSAGE")
    sent = {"consent": json.dumps(CONSENT | {"by": "Bob"}), "reference_text": "tell me a story"}
    replaced = (await client.put(path, data=sent, files={"file": man})).json()
    assert replaced["consent"]["by"] == "Bob"
    assert replaced["etag"] != voice["etag"]
    assert not replaced["has_embedding"]
    assert replaced["reference_text"] == "tell me a story"
    assert len(files_of(settings.home)) == 2
    form = {
        "name": (None, "Robert"),
        "is_default": (None, "true"),
        "embedding": (None, json.dumps([0.1] * 256)),
    }
    changed = (await client.put(path, files=form)).json()
    assert changed["name"] == "Robert"
    assert (changed["is_default"], changed["has_embedding"]) == (True, True)
    bad = {"embedding": (None, "[1,2")}
    assert code(await client.put(path, files=bad)) == (400, "BAD_MESSAGE")


async def test_deleting_a_voice(
    client: Client, woman: np.ndarray, settings: Settings, files_of: Callable
) -> None:
    voice = (await post(client, wav(woman))).json()
    path = f"{PATH}/{voice['id']}"
    assert (await client.delete(path)).json() == {"success": True}
    assert files_of(settings.home) == set()
    assert list((settings.home / "profiles").iterdir()) == []
    for call in (client.get(path), client.delete(path), client.get(f"{path}/audio")):
        assert code(await call) == (404, "NOT_FOUND")
    assert (await post(client, wav(woman))).status_code == 201, "its name is free again"


async def test_another_owners_voice_is_not_there(client: Client, woman: np.ndarray) -> None:
    voice = (await post(client, wav(woman))).json()
    path, bob = f"{PATH}/{voice['id']}", {"Avatar-Owner": "bob"}
    for call in (
        client.get(path, headers=bob),
        client.get(f"{path}/audio", headers=bob),
        client.delete(path, headers=bob),
        client.put(path, json={"name": "x"}, headers=bob),
        client.get(f"{PATH}/{uuid4()}"),
    ):
        assert code(await call) == (404, "NOT_FOUND")
    assert (await client.get(PATH, headers=bob)).json()["items"] == []


async def test_pages_of_voices(client: Client, woman: np.ndarray) -> None:
    for name in "abc":
        await post(client, wav(woman), name)
    names, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(PATH, params=params)).json()
        names += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == ["c", "b", "a"]


async def test_too_large_an_upload(client: Client) -> None:
    answer = await post(client, lying() + bytes(21 * 2**20))
    assert code(answer) == (413, "PAYLOAD_TOO_LARGE")
    answer = await post(client, None)
    assert code(answer) == (400, "BAD_MESSAGE")
