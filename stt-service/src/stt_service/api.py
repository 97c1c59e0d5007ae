"""The routes: they parse and encode, no more."""

import asyncio
from typing import Annotated, Any, cast

from fastapi import APIRouter, Form, Request, Response, UploadFile, WebSocket
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.websockets import WebSocketDisconnect

from avatar_contract.audio import pcm_ms
from avatar_contract.errors import AvatarError, BadMessage, PayloadTooLarge
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
from stt_service.words.script import transcript_in_script

router = APIRouter(prefix="/v1")

_MOST_EVENTS = 1000
_TOO_SLOW = 1013


def _service(carrier: Request | WebSocket) -> Service:
    return cast("Service", carrier.app.state.service)


@router.websocket("/listen")
async def listen(socket: WebSocket) -> None:
    """Microphone frames in, speech events out: see `avatar_contract.listen`."""
    await socket.accept()
    events: asyncio.Queue[ListenEvent] = asyncio.Queue(_MOST_EVENTS)
    listener = _service(socket).listener(events.put_nowait)
    try:
        async with asyncio.TaskGroup() as group:
            sender = group.create_task(_send(socket, events))
            group.create_task(_receive(socket, listener, events, sender))
    except* (WebSocketDisconnect, RuntimeError):
        # Starlette raises RuntimeError for a send after the peer has gone.
        pass
    except* asyncio.QueueFull:
        await socket.close(_TOO_SLOW, "events are not read")
    finally:
        await listener.close()


async def _receive(
    socket: WebSocket, listener: Listener, events: asyncio.Queue[ListenEvent],
    sender: asyncio.Task[None],
) -> None:  # fmt: skip
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            sender.cancel()
            return
        try:
            _obey(message, listener)
        except AvatarError as error:
            events.put_nowait(_socket_error(error))
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


async def _send(socket: WebSocket, events: asyncio.Queue[ListenEvent]) -> None:
    while True:
        event = await events.get()
        await socket.send_text(event.model_dump_json())


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
    limit = service.settings.max_file_bytes
    if file.size is not None and file.size > limit:
        raise PayloadTooLarge(f"A file may have {limit / 2**20:.0f} MiB: send it in pieces.")
    if not language:
        raise BadMessage("language: leave it out, or give an ISO 639-1 code such as en.")
    pcm = await service.decoder.decode(await file.read())
    said = await service.recogniser.transcribe(pcm, Hints(language, locale, prompt))
    return _answer(transcript_in_script(said, locale), pcm_ms(len(pcm)), response_format)


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
