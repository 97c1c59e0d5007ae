"""The routes: they parse and encode, no more."""

import asyncio
from typing import Annotated, Any, cast

from fastapi import APIRouter, Form, Request, Response, UploadFile, WebSocket
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.websockets import WebSocketDisconnect

from avatar_contract.audio import pcm_ms
from avatar_contract.errors import AvatarError, PayloadTooLarge
from avatar_contract.languages import language_tag
from avatar_contract.listen import (
    Clear,
    Commit,
    ListenConfigure,
    ListenError,
    ListenEvent,
    parse_command,
)
from avatar_contract.transcription import TranscriptionFormat, TranscriptionJson
from stt_service.backends.base import Hints, Transcript
from stt_service.listening.listener import Listener
from stt_service.service import Service
from stt_service.words import captions
from stt_service.words.script import as_written

router = APIRouter(prefix="/v1")

_MOST_EVENTS = 1000
_TOO_SLOW = 1013


def _service(carrier: Request | WebSocket) -> Service:
    return cast("Service", carrier.app.state.service)


class Outbox:
    """Events on their way to one socket; bounded, for a peer may not read."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[ListenEvent] = asyncio.Queue(_MOST_EVENTS)
        self._full = asyncio.Event()

    def put(self, event: ListenEvent) -> None:
        """Never fails: a full outbox ends the socket instead."""
        if self._events.full():
            self._full.set()
        else:
            self._events.put_nowait(event)

    async def send(self, socket: WebSocket) -> None:
        """Sends until cancelled."""
        while True:
            event = await self._events.get()
            await socket.send_text(event.model_dump_json())

    async def overflow(self) -> None:
        """Waits until events were lost."""
        await self._full.wait()


@router.websocket("/listen")
async def listen(socket: WebSocket) -> None:
    """Microphone frames in, speech events out: see `avatar_contract.listen`."""
    await socket.accept()
    outbox = Outbox()
    listener = _service(socket).listener(outbox.put)
    # The first to end, ends the others: the peer left, can't be sent to, or does not read.
    tasks = [
        asyncio.create_task(_receive(socket, listener, outbox), name="listen-receive"),
        asyncio.create_task(outbox.send(socket), name="listen-send"),
        asyncio.create_task(outbox.overflow(), name="listen-overflow"),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[2].done():
            await socket.close(_TOO_SLOW, "events are not read")
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        await listener.close()
    for end in ends:
        # Starlette raises RuntimeError for a send after the peer has gone.
        gone = (WebSocketDisconnect, RuntimeError, asyncio.CancelledError)
        if isinstance(end, BaseException) and not isinstance(end, gone):
            raise end


async def _receive(socket: WebSocket, listener: Listener, outbox: Outbox) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            _obey(message, listener)
        except AvatarError as error:
            outbox.put(_socket_error(error))
        await listener.room()


def _obey(message: Any, listener: Listener) -> None:
    pcm = message.get("bytes")
    if pcm is not None:
        listener.feed(pcm)
        return
    match parse_command(message["text"]):
        case ListenConfigure() as config:
            listener.configure(config)
        case Commit():
            listener.commit()
        case Clear():
            listener.clear()


def _socket_error(error: AvatarError) -> ListenError:
    return ListenError(
        utterance=0, audio_ms=0, code=error.code, message=error.message, retryable=error.retryable
    )


@router.post("/audio/transcriptions", response_model=None)
async def transcriptions(
    request: Request,
    file: UploadFile,
    model: Annotated[str, Form()] = "",
    language: Annotated[str, Form()] = "auto",
    prompt: Annotated[str, Form(max_length=2000)] = "",
    response_format: Annotated[TranscriptionFormat, Form()] = "json",
    locale: Annotated[str, Form()] = "zh-TW",
) -> Response:
    """OpenAI's transcription of a recording. Any `model` means the one that runs here.

    https://platform.openai.com/docs/api-reference/audio/createTranscription
    """
    service = _service(request)
    limit = service.settings.largest_file
    if file.size is not None and file.size > limit:
        raise PayloadTooLarge(f"A file may have {limit / 2**20:.0f} MiB: send it in pieces.")
    pcm = await service.decoder.decode(await file.read())
    hints = Hints(language_tag(language), locale, service.settings.tai, prompt)
    said = await service.recogniser.transcribe(pcm, hints)
    return _answer(as_written(said, hints), pcm_ms(len(pcm)), response_format)


def _answer(said: Transcript, duration_ms: float, form: TranscriptionFormat) -> Response:
    match form:
        case "text":
            return PlainTextResponse(said.text + "\n")
        case "srt":
            return PlainTextResponse(captions.srt(said), media_type="application/x-subrip")
        case "vtt":
            return PlainTextResponse(captions.vtt(said), media_type="text/vtt")
        case "verbose_json":
            return JSONResponse(captions.verbose(said, duration_ms).model_dump(mode="json"))
        case _:
            return JSONResponse(TranscriptionJson(text=said.text).model_dump())


@router.get("/models")
async def models(request: Request) -> dict[str, Any]:
    """The recogniser, as OpenAI lists models."""
    info = _service(request).recogniser.info()
    card = {"id": info.name, "object": "model", "created": 0, "owned_by": "avatar"}
    return {"object": "list", "data": [card]}
