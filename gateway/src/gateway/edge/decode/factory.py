"""Which decoder for which declared format."""

from avatar_contract.audio import HOUSE_RATE, MAX_RATE, MIN_RATE, AudioFormat, Codec
from avatar_contract.errors import BadAudio
from gateway.edge.decode.base import DecodeLimits, Decoder
from gateway.edge.decode.container import MP4, OGG, WEBM, ContainerDecoder
from gateway.edge.decode.pcm import HousePcm, PcmResampling
from gateway.edge.decode.wav import WavDecoder, is_wav
from gateway.edge.decode.workers import DecodeWorkers


def make_decoder(audio: AudioFormat, limits: DecodeLimits, workers: DecodeWorkers) -> Decoder:
    """The decoder for `audio`; raises `BadAudio` for a sample rate that can't be taken.

    `sample_rate` and `channels` matter for `pcm_s16le` only: the others declare them inside.
    """
    match audio.codec:
        case Codec.PCM_S16LE:
            return _pcm(audio, limits, workers)
        case Codec.WAV:
            return WavDecoder(limits, workers)
        case Codec.WEBM_OPUS:
            return ContainerDecoder(WEBM, limits, workers)
        case Codec.OGG_OPUS:
            return ContainerDecoder(OGG, limits, workers)
        case Codec.MP4_AAC:
            return ContainerDecoder(MP4, limits, workers)


_CONTAINERS = {Codec.WEBM_OPUS: WEBM, Codec.OGG_OPUS: OGG, Codec.MP4_AAC: MP4}


def container_of(head: bytes) -> Codec | None:
    """What a stream that begins with `head` is by its first bytes; None for raw samples."""
    if is_wav(head):
        return Codec.WAV
    return next((codec for codec, kind in _CONTAINERS.items() if kind.is_sure(head)), None)


def recognised(declared: AudioFormat, head: bytes) -> AudioFormat:
    """What a stream is that begins with `head`: a container's first bytes win over `declared`.

    Else a wav that is declared as PCM is heard with its header, and as noise when it has another
    rate.
    """
    codec = container_of(head) or declared.codec
    return declared if codec is declared.codec else declared.model_copy(update={"codec": codec})


def _pcm(audio: AudioFormat, limits: DecodeLimits, workers: DecodeWorkers) -> Decoder:
    if not MIN_RATE <= audio.sample_rate <= MAX_RATE:
        raise BadAudio(
            f"A sample rate of {audio.sample_rate} Hz is out of range. "
            f"Send {MIN_RATE} to {MAX_RATE} Hz, best {HOUSE_RATE}."
        )
    if audio.sample_rate == HOUSE_RATE and audio.channels == 1:
        return HousePcm(limits)
    return PcmResampling(audio.sample_rate, audio.channels, limits, workers)
