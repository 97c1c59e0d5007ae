"""The microphone's way in: limits, one conversion to house audio, and on to stt."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from avatar_contract.audio import HOUSE_RATE, SAMPLE_BYTES, AudioFormat, Codec
from avatar_contract.errors import AvatarError
from gateway.edge.decode import Decoder
from gateway.edge.limits import UtteranceMeter
from gateway.session import inputs as on
from gateway.session.state import Conversation

MakeDecoder = Callable[[AudioFormat], Decoder]


class Intake:
    """Takes in one session's microphone bytes, in order."""

    def __init__(
        self,
        conversation: Conversation,
        post: Callable[[on.Input], None],
        send_audio: Callable[[bytes], None],
        make_decoder: MakeDecoder,
        meter: UtteranceMeter,
    ) -> None:
        self._c = conversation
        self._post = post
        self._send_audio = send_audio
        self._make_decoder = make_decoder
        self._meter = meter
        self._decoder: Decoder | None = None
        self._format = AudioFormat()
        self._open = False
        self._skip = 0
        """Client samples that are dropped, because the server has them already."""

    @property
    def is_open(self) -> bool:
        """Whether microphone bytes are wanted."""
        return self._open

    def set_open(self, *, is_open: bool, fresh: bool) -> None:
        """Follows the reducer's `TakeMicrophone`."""
        self._open = is_open
        if fresh or not is_open:
            self._drop_decoder()
            self._meter.close()

    def announce(self, utterance_id: UUID | None, sample: int) -> None:
        """`audio_start`: the client's next frame begins at its sample number `sample`."""
        self._post(on.UtteranceAnnounced(utterance_id, sample))
        offset = self._c.tape.offset
        self._skip = max(0, offset - sample)
        self._c.tape.offset = max(offset, sample)

    async def chunk(
        self, data: bytes, audio: AudioFormat, *, utterance_id: UUID | None, binary: bool
    ) -> None:
        """A piece of microphone sound as the client sent it."""
        if not self._wants(utterance_id):
            self._post(on.ChunkArrived(utterance_id))
        self._c.tape.fed_at = self._c.tools.clock()
        if not self._wants(utterance_id):
            return
        try:
            await self._take(data, audio, binary=binary)
        except AvatarError as error:
            self.fail(error)

    async def end(self, utterance_id: UUID | None) -> None:
        """`audio_end`: what the decoder still holds goes first."""
        utterance = self._c.utterance
        mine = utterance and utterance_id in {None, utterance.utterance_id}
        try:
            if mine and self._decoder is not None and not self._c.free_mode:
                self._forward(await self._decoder.finish(), binary=True)
        except AvatarError as error:
            self.fail(error)
            return
        self._post(on.UtteranceEnded(utterance_id))

    def fail(self, error: AvatarError) -> None:
        """The bytes were no good: forget them, and tell the conversation."""
        self._drop_decoder()
        self._meter.close()
        self._post(on.IntakeFailed(error))

    def close(self) -> None:
        """The session ends."""
        self._drop_decoder()

    def _wants(self, utterance_id: UUID | None) -> bool:
        if not self._open:
            return False
        utterance = self._c.utterance
        if utterance is None or utterance.hands_free:
            return self._c.free_mode
        return utterance_id in {None, utterance.utterance_id}

    async def _take(self, data: bytes, audio: AudioFormat, *, binary: bool) -> None:
        data = self._new_samples(data, audio)
        if not data and self._skip:
            return
        if self._c.utterance is not None:
            if not self._meter.is_open:
                self._meter.open()
            self._meter.chunk(len(data), binary=binary)
        else:
            self._meter.close()
        if self._decoder is None or audio != self._format:
            self._drop_decoder()
            self._decoder = self._make_decoder(audio)
            self._format = audio
        self._forward(await self._decoder.feed(data), binary=binary)

    def _new_samples(self, data: bytes, audio: AudioFormat) -> bytes:
        """`data` without the samples that came before; counts the rest."""
        frame = SAMPLE_BYTES * audio.channels
        if audio.codec is not Codec.PCM_S16LE or len(data) % frame:
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
