"""Every format in, 16 kHz mono out: nothing lost at the start or the end, whatever the pieces."""

import asyncio
import gc
import io
import random
import threading
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from avatar_contract.audio import AudioFormat, Codec
from avatar_contract.errors import BadAudio, BufferOverflow, ServerFull
from gateway.edge.decode import DecodeLimits, Decoder, DecodeWorkers, make_decoder

LIMITS = DecodeLimits()


def fmt(codec: str, rate: int = 16_000, channels: int = 1) -> AudioFormat:
    return AudioFormat(codec=Codec(codec), sample_rate=rate, channels=channels)


async def decode(decoder: Decoder, data: bytes, step: int = 0) -> np.ndarray:
    """All of `data` in pieces of `step` bytes (0: whole), then the end."""
    step = step or max(len(data), 1)
    try:
        out = [await decoder.feed(data[at : at + step]) for at in range(0, max(len(data), 1), step)]
        out.append(await decoder.finish())
    finally:
        decoder.close()
    return np.frombuffer(b"".join(out), "<i2")


def open_files() -> int:
    """File descriptors of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def likeness(got: np.ndarray, want: np.ndarray) -> float:
    """Correlation at lag 0: a single lost sample at the start would show at 3 kHz."""
    n = min(len(got), len(want))
    return float(np.corrcoef(got[:n].astype(float), want[:n].astype(float))[0, 1])


async def test_house_pcm_is_handed_through_uncopied(workers: DecodeWorkers) -> None:
    decoder = make_decoder(fmt("pcm_s16le"), LIMITS, workers)
    piece = bytes(640)
    assert decoder.passthrough
    assert await decoder.feed(piece) is piece
    assert await decoder.finish() == b""


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
async def test_pcm_of_any_rate_keeps_every_sample(
    rate: int, channels: int, tone: Callable, workers: DecodeWorkers
) -> None:
    mono = tone(1.0, rate)
    data = np.repeat(mono, channels).astype("<i2").tobytes()
    decoder = make_decoder(fmt("pcm_s16le", rate, channels), LIMITS, workers)
    got = await decode(decoder, data, step=rate // 50 * 2 * channels)
    assert abs(len(got) - 16_000) <= 1
    assert likeness(got, tone(1.0, 16_000)) > 0.999


async def test_a_big_piece_gives_the_same_as_small_ones(
    tone: Callable, workers: DecodeWorkers
) -> None:
    data = tone(3.0, 48_000).tobytes()
    big = await decode(make_decoder(fmt("pcm_s16le", 48_000), LIMITS, workers), data)
    small = await decode(make_decoder(fmt("pcm_s16le", 48_000), LIMITS, workers), data, 1920)
    assert np.abs(big.astype(int) - small).max() <= 2


@pytest.mark.parametrize("rate", [7_999, 48_001, 0, -1])
def test_a_rate_out_of_range_is_refused(rate: int, workers: DecodeWorkers) -> None:
    audio = AudioFormat.model_construct(codec=Codec.PCM_S16LE, sample_rate=rate, channels=1)
    with pytest.raises(BadAudio):
        make_decoder(audio, LIMITS, workers)


@pytest.mark.parametrize("data", [b"", b"\0", bytes(641)])
@pytest.mark.parametrize("rate", [16_000, 48_000])
async def test_pcm_of_no_or_odd_bytes_is_bad(
    data: bytes, rate: int, workers: DecodeWorkers
) -> None:
    decoder = make_decoder(fmt("pcm_s16le", rate), LIMITS, workers)
    with pytest.raises(BadAudio):
        await decoder.feed(data)


@pytest.mark.parametrize("kind", ["webm", "ogg"])
@pytest.mark.parametrize("step", [0, 1000, 37])
async def test_opus_as_it_grows(
    kind: str, step: int, tone: Callable, opus: Callable, workers: DecodeWorkers
) -> None:
    data = opus(tone(2.0, 48_000), kind)
    got = await decode(make_decoder(fmt(f"{kind}_opus"), LIMITS, workers), data, step)
    want = tone(2.0, 16_000)
    assert abs(len(got) - len(want)) <= 32
    assert likeness(got, want) > 0.97
    first = np.abs(got[: 16 * 60].astype(float)).mean()
    assert first > 0.8 * np.abs(want[: 16 * 60].astype(float)).mean()


async def test_webm_comes_out_while_it_is_spoken(
    tone: Callable, opus: Callable, workers: DecodeWorkers
) -> None:
    data = opus(tone(2.0, 48_000), "webm")
    decoder = make_decoder(fmt("webm_opus"), LIMITS, workers)
    half = b"".join([await decoder.feed(data[i : i + 500]) for i in range(0, len(data) // 2, 500)])
    decoder.close()
    assert len(half) / 32_000 > 0.85


@pytest.mark.parametrize("kind", ["webm", "ogg"])
async def test_a_truncated_container_gives_what_it_had(
    kind: str, tone: Callable, opus: Callable, workers: DecodeWorkers
) -> None:
    data = opus(tone(2.0, 48_000), kind)
    decoder = make_decoder(fmt(f"{kind}_opus"), LIMITS, workers)
    got = await decode(decoder, data[: len(data) // 2 + 7], 1000)
    assert 0.8 < len(got) / 16_000 < 1.1


@pytest.mark.parametrize("kind", ["webm", "ogg"])
@pytest.mark.parametrize("spoil", ["random", "header", "magic", "later", "empty"])
async def test_spoilt_containers_are_bad_audio(
    kind: str, spoil: str, tone: Callable, opus: Callable, workers: DecodeWorkers
) -> None:
    data = opus(tone(1.0, 48_000), kind)
    noise = random.Random(7).randbytes(300_000)
    bad = {
        "random": noise,
        "header": data[:60],
        "magic": data[:4] + noise,
        "later": data[len(data) // 2 :],
        "empty": b"",
    }[spoil]
    decoder = make_decoder(fmt(f"{kind}_opus"), LIMITS, workers)
    with pytest.raises(BadAudio):
        await decode(decoder, bad, 2000)


async def test_a_container_of_another_codec_is_bad(tone: Callable, workers: DecodeWorkers) -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(1.0, 16_000)[None], "s16", "mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))  # type: ignore[attr-defined]
    with pytest.raises(BadAudio, match="Opus"):
        await decode(make_decoder(fmt("webm_opus"), LIMITS, workers), out.getvalue())


async def test_hours_in_a_few_bytes_are_stopped(
    tone: Callable, opus: Callable, workers: DecodeWorkers
) -> None:
    data = opus(np.zeros(48_000 * 8, np.int16), "webm")
    for limits in (DecodeLimits(max_audio_s=3.0), DecodeLimits(max_audio_s=None, max_feed_s=0.01)):
        with pytest.raises(BufferOverflow):
            await decode(make_decoder(fmt("webm_opus"), limits, workers), data)


@pytest.mark.parametrize("step", [0, 640, 7])
@pytest.mark.parametrize(
    ("rate", "bits", "tag", "channels"),
    [
        (16_000, 16, 1, 1),
        (48_000, 16, 1, 2),
        (44_100, 24, 1, 1),
        (22_050, 32, 1, 1),
        (8_000, 8, 1, 1),
        (48_000, 32, 3, 2),
    ],
)
async def test_wav_declares_its_format(
    step: int,
    rate: int,
    bits: int,
    tag: int,
    channels: int,
    tone: Callable,
    wav: Callable,
    workers: DecodeWorkers,
) -> None:
    mono = np.repeat(tone(0.5, rate), channels)
    wide = mono.astype(np.int64) << 16
    body = {
        (1, 8): ((mono >> 8) + 128).astype(np.uint8).tobytes(),
        (1, 16): mono.astype("<i2").tobytes(),
        (1, 24): wide.astype("<i4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes(),
        (1, 32): wide.astype("<i4").tobytes(),
        (3, 32): (mono / 32768).astype("<f4").tobytes(),
    }[tag, bits]
    decoder = make_decoder(fmt("wav"), LIMITS, workers)
    got = await decode(decoder, wav(body, rate, channels, bits, tag), step)
    assert abs(len(got) - 8_000) <= 1
    assert likeness(got, tone(0.5, 16_000)) > 0.99


@pytest.mark.parametrize("declared", [0, 0xFFFFFFFF, 10_000_000])
async def test_a_wav_that_does_not_know_its_length(
    declared: int, tone: Callable, wav: Callable, workers: DecodeWorkers
) -> None:
    data = wav(tone(0.5, 16_000).tobytes(), 16_000, declared=declared)
    assert len(await decode(make_decoder(fmt("wav"), LIMITS, workers), data, 500)) == 8_000


async def test_tags_after_the_samples_are_no_sound(
    tone: Callable, wav: Callable, workers: DecodeWorkers
) -> None:
    data = wav(tone(0.5, 16_000).tobytes(), 16_000) + b"LIST\x04\0\0\0abcd"
    assert len(await decode(make_decoder(fmt("wav"), LIMITS, workers), data, 500)) == 8_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ID3" + bytes(100),
        b"RIFF\0\0\0\0AVI " + bytes(100),
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WAVE" + b"junk\xff\xff\xff\x7f" + bytes(70_000),
        b"RIFF\0\0\0\0WAVEdata\0\0\0\0" + bytes(100),
        b"RIFF\0\0\0\0WAVEfmt \x04\0\0\0" + bytes(100),
    ],
)
async def test_what_is_no_wav(data: bytes, workers: DecodeWorkers) -> None:
    decoder = make_decoder(fmt("wav"), LIMITS, workers)
    with pytest.raises(BadAudio):
        await decode(decoder, data)


@pytest.mark.parametrize(
    "change", [{"rate": 500}, {"rate": 400_000}, {"channels": 0}, {"bits": 12}, {"tag": 0x55}]
)
async def test_wav_headers_out_of_range(
    change: dict[str, int], wav: Callable, workers: DecodeWorkers
) -> None:
    data = wav(bytes(3200), **{"rate": 16_000, **change})
    with pytest.raises(BadAudio):
        await decode(make_decoder(fmt("wav"), LIMITS, workers), data)


async def test_the_container_one_too_many_is_told_so(opus: Callable, tone: Callable) -> None:
    workers = DecodeWorkers(max_containers=2)
    data = opus(tone(0.5, 48_000), "webm")
    held = [make_decoder(fmt("webm_opus"), LIMITS, workers) for _ in range(3)]
    for decoder in held[:2]:
        await decoder.feed(data[:500])
    with pytest.raises(ServerFull):
        await held[2].feed(data[:500])
    for decoder in held:
        decoder.close()
    await check_threads_gone(workers)
    assert len(await decode(make_decoder(fmt("webm_opus"), LIMITS, workers), data)) > 7_000
    workers.close()


async def test_a_cancelled_feed_leaves_no_thread(
    opus: Callable, tone: Callable, workers: DecodeWorkers
) -> None:
    data = opus(tone(0.5, 48_000), "webm")
    decoder = make_decoder(fmt("webm_opus"), LIMITS, workers)
    await decoder.feed(data[:500])
    task = asyncio.create_task(decoder.feed(data[500:]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    decoder.close()
    decoder.close()
    await check_threads_gone(workers)


async def test_closing_the_workers_ends_open_containers(opus: Callable, tone: Callable) -> None:
    workers = DecodeWorkers()
    decoder = make_decoder(fmt("webm_opus"), LIMITS, workers)
    await decoder.feed(opus(tone(0.5, 48_000), "webm")[:500])
    workers.close()
    await check_threads_gone(workers)


async def test_500_bad_streams_leave_nothing_behind(opus: Callable, tone: Callable) -> None:
    workers = DecodeWorkers(max_containers=8)
    good = opus(tone(0.3, 48_000), "webm")
    rng = random.Random(11)
    await _spoil(good, rng, workers)
    gc.collect()
    threads, files = threading.active_count(), open_files()
    for _ in range(500):
        await _spoil(good, rng, workers)
    await check_threads_gone(workers)
    assert threading.active_count() <= threads
    assert open_files() <= files
    workers.close()


async def _spoil(good: bytes, rng: random.Random, workers: DecodeWorkers) -> None:
    """One stream that is cut, overwritten or given up somewhere."""
    data = bytearray(good)
    at = rng.randrange(len(data))
    if rng.random() < 0.5:
        data[at:] = rng.randbytes(len(data) - at)
    else:
        del data[at:]
    decoder = make_decoder(fmt("webm_opus"), LIMITS, workers)
    try:
        for start in range(0, len(data), 700):
            await decoder.feed(bytes(data[start : start + 700]))
        if rng.random() < 0.7:
            await decoder.finish()
    except (BadAudio, ServerFull):
        pass
    finally:
        decoder.close()


async def check_threads_gone(workers: DecodeWorkers) -> None:
    async with asyncio.timeout(5):
        while workers.open_containers:
            await asyncio.sleep(0.005)
