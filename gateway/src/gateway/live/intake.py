"""The microphone's way in: limits, one conversion to house audio, and on to stt."""

from __future__ import annotations

from collections.abc import Callable

from avatar_contract.audio import HOUSE_RATE, SAMPLE_BYTES, AudioFormat, Codec
from avatar_contract.errors import AvatarError, BadAudio
from gateway.edge.decode import Decoder, container_of, recognised
from gateway.edge.limits import UtteranceMeter
from gateway.session.listening import Utterance
from gateway.session.state import Conversation

MakeDecoder = Callable[[AudioFormat], Decoder]


class Intake:
    """Takes in one session's microphone bytes, in order. It raises what is wrong with them."""

    def __init__(
        self,
        conversation: Conversation,
        send_audio: Callable[[bytes], None],
        make_decoder: MakeDecoder,
        meter: UtteranceMeter,
    ) -> None:
        self._c = conversation
        self._send_audio = send_audio
        self._make_decoder = make_decoder
        self._meter = meter
        self._decoder: Decoder | None = None
        self._declared = AudioFormat()
        self._format = AudioFormat()
        """What the stream is: its first bytes win over what was declared."""
        self._unreadable = False
        """A container was refused: until another begins, its pieces can't be read."""
        self._counted: Utterance | None = None
        """The utterance that the meter counts."""
        self._skip = 0
        """Client samples that are dropped, because the server has them already."""

    def expect(self, sample: int) -> None:
        """The client's next frame begins at its sample number `sample`."""
        offset = self._c.tape.offset
        self._skip = max(0, offset - sample)
        self._c.tape.offset = max(offset, sample)

    async def take(self, data: bytes, audio: AudioFormat, *, binary: bool) -> None:
        """A piece of sound. Raises BadAudio, or the limit that it passes."""
        if self._unreadable and audio == self._declared and container_of(data) is None:
            return
        self._unreadable = False
        if self._decoder is None or audio != self._declared:
            self._drop_decoder()
            self._declared, self._format = audio, recognised(audio, data)
        data = self._new_samples(data)
        if not data and self._skip:
            return
        utterance = self._c.utterance
        if utterance is not None:
            if utterance is not self._counted or not self._meter.is_open:
                self._meter.open()
                self._counted = utterance
            self._meter.chunk(len(data), binary=binary)
        else:
            self._meter.close()
        self._decoder = self._decoder or self._make_decoder(self._format)
        self._forward(await self._decoder.feed(data), binary=binary)

    async def finish(self) -> None:
        """What the decoder still holds. Raises BadAudio, or the limit that it passes."""
        if self._decoder is not None:
            self._forward(await self._decoder.finish(), binary=True)

    def reset(self) -> None:
        """The utterance is over: what comes next begins afresh."""
        self._drop_decoder()
        self._meter.close()
        self._unreadable = False

    def refused(self, error: AvatarError) -> None:
        """The bytes were no good; of a container's other pieces that is not said again."""
        self.reset()
        contained = self._format.codec is not Codec.PCM_S16LE
        self._unreadable = contained and isinstance(error, BadAudio)

    def _new_samples(self, data: bytes) -> bytes:
        """`data` without the samples that came before; counts the rest."""
        frame = SAMPLE_BYTES * self._format.channels
        if self._format.codec is not Codec.PCM_S16LE or len(data) % frame:
            return data
        samples = len(data) // frame
        dropped = min(self._skip, samples)
        self._skip -= dropped
        self._c.tape.offset += samples - dropped
        return data[dropped * frame :] if dropped else data

    def _forward(self, pcm: bytes, *, binary: bool) -> None:
        if not pcm:
            return
        if self._format.codec is not Codec.PCM_S16LE:
            # A container's own samples aren't counted by the client: house samples stand in.
            self._c.tape.offset += len(pcm) // SAMPLE_BYTES * self._format.sample_rate // HOUSE_RATE
        self._meter.decoded(len(pcm), binary=binary)
        self._send_audio(pcm)

    def _drop_decoder(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None
