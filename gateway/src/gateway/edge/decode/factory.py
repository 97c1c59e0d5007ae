"""Which decoder for which declared format."""

from avatar_contract.audio import HOUSE_RATE, MAX_RATE, MIN_RATE, AudioFormat, Codec
from avatar_contract.errors import BadAudio
from gateway.edge.decode.base import DecodeLimits, Decoder
from gateway.edge.decode.container import OGG, WEBM, ContainerDecoder
from gateway.edge.decode.pcm import HousePcm, PcmResampling
from gateway.edge.decode.wav import WavDecoder
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


def _pcm(audio: AudioFormat, limits: DecodeLimits, workers: DecodeWorkers) -> Decoder:
    if not MIN_RATE <= audio.sample_rate <= MAX_RATE:
        raise BadAudio(
            f"A sample rate of {audio.sample_rate} Hz is out of range. "
            f"Send {MIN_RATE} to {MAX_RATE} Hz, best {HOUSE_RATE}."
        )
    if audio.sample_rate == HOUSE_RATE and audio.channels == 1:
        return HousePcm(limits)
    return PcmResampling(audio.sample_rate, audio.channels, limits, workers)
