"""mp4 as phones record it, decoded while it comes; one that can't be is refused at once."""

import asyncio
import random
import struct
from collections.abc import Callable

import numpy as np
import pytest

from avatar_contract.audio import AudioFormat, Codec
from avatar_contract.errors import BadAudio
from gateway.edge.decode import DecodeLimits, Decoder, DecodeWorkers, make_decoder

MP4 = AudioFormat(codec=Codec.MP4_AAC)
LIMITS = DecodeLimits()


def decoder(workers: DecodeWorkers) -> Decoder:
    return make_decoder(MP4, LIMITS, workers)


async def decode(chosen: Decoder, data: bytes, step: int = 0) -> np.ndarray:
    """All of `data` in pieces of `step` bytes (0: whole), then the end."""
    step = step or max(len(data), 1)
    try:
        out = [await chosen.feed(data[at : at + step]) for at in range(0, max(len(data), 1), step)]
        out.append(await chosen.finish())
    finally:
        chosen.close()
    return np.frombuffer(b"".join(out), "<i2")


def likeness(got: np.ndarray, want: np.ndarray) -> float:
    """Correlation at the best shift: an AAC encoder begins with some silence of its own."""
    size = len(got) + len(want)
    across = np.fft.irfft(np.fft.rfft(want, size).conj() * np.fft.rfft(got, size), size)
    return float(across.max() / (np.linalg.norm(got * 1.0) * np.linalg.norm(want * 1.0)))


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """The top boxes, by name."""
    found = []
    while data:
        size, name = struct.unpack_from(">I4s", data)
        found.append((name, data[:size]))
        data = data[size:]
    return found


@pytest.mark.parametrize("step", [0, 1000, 37, 1])
@pytest.mark.parametrize(("rate", "codec"), [(48_000, "aac"), (44_100, "aac"), (48_000, "libopus")])
async def test_fragments_as_they_come(
    step: int, rate: int, codec: str, tone: Callable, mp4: Callable, workers: DecodeWorkers
) -> None:
    data = mp4(tone(1.0, rate), rate, codec)
    got = await decode(decoder(workers), data, step)
    assert len(got) / 16_000 == pytest.approx(1.0, abs=0.1)
    assert likeness(got, tone(1.0, 16_000)) > 0.95


async def test_sound_comes_out_while_it_is_spoken(
    tone: Callable, mp4: Callable, workers: DecodeWorkers
) -> None:
    data = mp4(tone(2.0, 48_000))
    speaking = decoder(workers)
    half = [await speaking.feed(data[at : at + 500]) for at in range(0, len(data) // 2, 500)]
    speaking.close()
    assert len(b"".join(half)) / 32_000 > 0.75


async def test_one_whose_index_is_in_front_needs_no_fragments(
    tone: Callable, mp4: Callable, workers: DecodeWorkers
) -> None:
    data = mp4(tone(1.0, 48_000), movflags="faststart")
    assert [name for name, _ in boxes(data)].index(b"moov") == 1
    got = await decode(decoder(workers), data, 500)
    assert likeness(got, tone(1.0, 16_000)) > 0.95


@pytest.mark.parametrize("step", [0, 300, 1])
async def test_one_whose_index_is_at_the_end_is_refused_before_its_sound(
    step: int, tone: Callable, mp4: Callable, workers: DecodeWorkers
) -> None:
    data = mp4(tone(1.0, 48_000), movflags=None)
    refusing = decoder(workers)
    with pytest.raises(BadAudio, match="moov"):
        await decode(refusing, data[:600], step)
    await gone(workers)


@pytest.mark.parametrize("lacking", [b"moov", b"ftyp"])
async def test_a_stream_from_its_middle_is_refused(
    lacking: bytes, tone: Callable, mp4: Callable, workers: DecodeWorkers
) -> None:
    """What a client sends after a resume, when it goes on where it was."""
    parts = [part for name, part in boxes(mp4(tone(1.0, 48_000))) if name != lacking]
    with pytest.raises(BadAudio):
        await decode(decoder(workers), b"".join(parts), 500)


async def test_long_sizes_and_boxes_that_nobody_knows_are_passed_over(
    tone: Callable, mp4: Callable, workers: DecodeWorkers
) -> None:
    (_, head), *rest = boxes(mp4(tone(1.0, 48_000)))
    free = struct.pack(">I4s", 8 + 50, b"free") + bytes(50)
    long = struct.pack(">I4sQ", 1, b"uuid", 16 + 40) + bytes(40)
    data = head + free + long + b"".join(part for _, part in rest)
    assert likeness(await decode(decoder(workers), data, 11), tone(1.0, 16_000)) > 0.95


async def test_a_truncated_one_gives_what_it_had(
    tone: Callable, mp4: Callable, workers: DecodeWorkers
) -> None:
    data = mp4(tone(2.0, 48_000))
    got = await decode(decoder(workers), data[: len(data) // 2 + 7], 1000)
    assert 0.7 < len(got) / 16_000 < 1.2


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "text": lambda _: b"Dear recogniser, this is a letter and no sound at all. " * 50,
    "noise": lambda _: random.Random(7).randbytes(300_000),
    "its first bytes": lambda data: data[:6],
    "its head": lambda data: data[:200],
    "its head and noise": lambda data: data[:100] + random.Random(8).randbytes(300_000),
    "a box smaller than its header": lambda data: data[:28] + b"\0\0\0\3free" + data[28:],
}


@pytest.mark.parametrize("spoil", SPOILT)
async def test_what_is_no_mp4(
    spoil: str, tone: Callable, mp4: Callable, workers: DecodeWorkers
) -> None:
    data = SPOILT[spoil](mp4(tone(0.5, 48_000)))
    with pytest.raises(BadAudio) as refused:
        await decode(decoder(workers), data, 2000)
    assert len(refused.value.message) > 20
    await gone(workers)


async def test_an_mp4_of_another_codec_is_told_which_are_taken(
    tone: Callable, mp4: Callable, workers: DecodeWorkers
) -> None:
    with pytest.raises(BadAudio, match="AAC or Opus"):
        await decode(decoder(workers), mp4(tone(0.5, 48_000), codec="alac"))


async def gone(workers: DecodeWorkers) -> None:
    """Waits until no container is open."""
    async with asyncio.timeout(30):
        while workers.open_containers:
            await asyncio.sleep(0.005)
