"""A stream of wav files, as of clients that make each chunk a file of its own: no clicks."""

import struct
from collections.abc import Callable

import numpy as np
import pytest

from avatar_contract.audio import AudioFormat, Codec
from avatar_contract.errors import BadAudio
from gateway.edge.decode import DecodeLimits, DecodeWorkers, make_decoder, recognised

WAV = AudioFormat(codec=Codec.WAV)
LIST = b"LIST" + struct.pack("<I", 26) + b"INFOISFT\x0e\0\0\0Lavf61.7.100\0\0"


async def decode(workers: DecodeWorkers, pieces: list[bytes]) -> np.ndarray:
    decoder = make_decoder(WAV, DecodeLimits(), workers)
    try:
        out = [await decoder.feed(piece) for piece in pieces]
        out.append(await decoder.finish())
    finally:
        decoder.close()
    return np.frombuffer(b"".join(out), "<i2")


def cut(data: bytes, step: int) -> list[bytes]:
    return [data[at : at + step] for at in range(0, len(data), step)]


def likeness(got: np.ndarray, want: np.ndarray) -> float:
    """Correlation at lag 0."""
    n = min(len(got), len(want))
    return float(np.corrcoef(got[:n].astype(float), want[:n].astype(float))[0, 1])


@pytest.fixture
def files(tone: Callable, wav: Callable) -> Callable[..., list[bytes]]:
    """A second of a tone, each 100 ms a file; `declared` bytes of samples, else the truth."""

    def make(rate: int = 16_000, declared: int | None = None, extra: bytes = b"") -> list[bytes]:
        sound = tone(1.0, rate).tobytes()
        made = [wav(part, rate, declared=declared) for part in cut(sound, rate // 10 * 2)]
        return [one.replace(b"data", extra + b"data", 1) for one in made]

    return make


@pytest.mark.parametrize("declared", [None, 0, 0xFFFFFFFF, 10_000_000])
@pytest.mark.parametrize("rate", [16_000, 48_000])
async def test_each_chunk_its_own_file(
    rate: int, declared: int | None, files: Callable, tone: Callable, workers: DecodeWorkers
) -> None:
    got = await decode(workers, files(rate, declared))
    assert abs(len(got) - 16_000) <= 1
    want = tone(1.0, 16_000)
    if rate == 16_000:
        assert np.array_equal(got, want)
    else:
        assert likeness(got, want) > 0.999


@pytest.mark.parametrize("declared", [None, 0, 0xFFFFFFFF])
@pytest.mark.parametrize("step", [1, 7, 44, 1000, 3243, 5000, 100_000])
async def test_files_may_be_cut_anywhere(
    step: int, declared: int | None, files: Callable, tone: Callable, workers: DecodeWorkers
) -> None:
    """As a proxy may join and cut them: a header lies in two chunks."""
    got = await decode(workers, cut(b"".join(files(declared=declared)), step))
    assert np.array_equal(got, tone(1.0, 16_000))


@pytest.mark.parametrize("at", range(1, 46))
async def test_a_header_in_two_chunks(
    at: int, files: Callable, tone: Callable, workers: DecodeWorkers
) -> None:
    pieces = [part for one in files(declared=0xFFFFFFFF) for part in (one[:at], one[at:])]
    assert np.array_equal(await decode(workers, pieces), tone(1.0, 16_000))


@pytest.mark.parametrize("step", [0, 50, 7])
async def test_a_list_chunk_before_the_samples_is_no_sound(
    step: int, files: Callable, tone: Callable, workers: DecodeWorkers
) -> None:
    pieces = files(extra=LIST)
    pieces = cut(b"".join(pieces), step) if step else pieces
    assert np.array_equal(await decode(workers, pieces), tone(1.0, 16_000))


async def test_tags_after_the_samples_of_each_file_are_no_sound(
    files: Callable, tone: Callable, workers: DecodeWorkers
) -> None:
    """However many there are: what one file may have after its samples is no sum over all."""
    tags = b"LIST" + struct.pack("<I", 20_000) + bytes(20_000)
    got = await decode(workers, [one + tags for one in files()])
    assert np.array_equal(got, tone(1.0, 16_000))


async def test_each_file_is_read_by_its_own_header(
    tone: Callable, wav: Callable, workers: DecodeWorkers
) -> None:
    """A headset that is plugged in changes the rate in the middle."""
    parts = [
        wav(tone(0.5, 48_000).tobytes(), 48_000),
        wav(np.repeat(tone(0.5, 8_000), 2).tobytes(), 8_000, 2),
    ]
    got = await decode(workers, parts)
    assert abs(len(got) - 16_000) <= 2
    assert likeness(got[:8_000], tone(0.5, 16_000)) > 0.99
    assert likeness(got[8_000:], tone(0.5, 16_000)) > 0.99


async def test_a_file_cut_in_a_sample_does_not_shift_the_next(
    files: Callable, tone: Callable, workers: DecodeWorkers
) -> None:
    first, *rest = files()
    got = await decode(workers, [first[:-1], *rest])
    want = tone(1.0, 16_000)
    assert np.array_equal(got[1599:], want[1600:])


@pytest.mark.parametrize(
    ("at", "spoilt"),
    [(24, struct.pack("<I", 500)), (22, struct.pack("<H", 9)), (34, struct.pack("<H", 12))],
    ids=["rate", "channels", "bits"],
)
async def test_a_later_header_is_checked_as_the_first_is(
    at: int, spoilt: bytes, files: Callable, workers: DecodeWorkers
) -> None:
    first, second, *_ = files()
    bad = second[:at] + spoilt + second[at + len(spoilt) :]
    with pytest.raises(BadAudio, match="wav"):
        await decode(workers, [first, bad])


async def test_files_without_samples_are_bad_audio(wav: Callable, workers: DecodeWorkers) -> None:
    with pytest.raises(BadAudio, match="no samples"):
        await decode(workers, [wav(b"", 16_000)] * 3)


async def test_an_empty_file_among_others_is_passed_over(
    files: Callable, wav: Callable, tone: Callable, workers: DecodeWorkers
) -> None:
    pieces = [part for one in files() for part in (wav(b"", 16_000), one)]
    assert np.array_equal(await decode(workers, pieces), tone(1.0, 16_000))


async def test_words_that_look_like_a_header_end_as_sound(workers: DecodeWorkers) -> None:
    """What was held back as the beginning of a header is heard when none comes of it."""
    fmt = struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
    head = b"RIFF" + bytes(4) + b"WAVEfmt " + fmt + b"data" + bytes(4)
    for body in (b"abRI", b"RIFF", b"abRIFFabcdWAVO", b"RIFFabcdWAVo" * 3):
        got = await decode(workers, [head, body])
        assert got.tobytes() == body


@pytest.mark.parametrize(
    ("declared", "head", "codec"),
    [
        ("pcm_s16le", b"RIFF\xff\xff\xff\xffWAVEfmt ", "wav"),
        ("webm_opus", b"RIFF\x24\0\0\0WAVE", "wav"),
        ("pcm_s16le", b"RIFF", "pcm_s16le"),
        ("pcm_s16le", b"RIFF\0\0\0\0AVI ", "pcm_s16le"),
        ("pcm_s16le", b"\x1a\x45\xdf\xa3more", "webm_opus"),
        ("webm_opus", b"\0\0\0\x1cftypiso5", "mp4_aac"),
        ("webm_opus", b"OggS\0", "ogg_opus"),
        ("webm_opus", b"", "webm_opus"),
        ("pcm_s16le", bytes(640), "pcm_s16le"),
    ],
)
def test_the_first_bytes_win_over_what_was_declared(declared: str, head: bytes, codec: str) -> None:
    audio = AudioFormat(codec=Codec(declared), sample_rate=24_000)
    assert recognised(audio, head) == AudioFormat(codec=Codec(codec), sample_rate=24_000)
