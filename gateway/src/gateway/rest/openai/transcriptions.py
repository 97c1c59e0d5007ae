"""`/v1/audio/transcriptions`: any audio file in, words out in five forms.

The file is decoded here, so that every engine gets 16 kHz mono; the engine answers its fullest
form, and the others are made of that.
"""

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Response, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse

from avatar_contract.audio import HOUSE_RATE, pcm_ms, wav_bytes
from avatar_contract.errors import BadAudio, ErrorCode, NoSpeech
from avatar_contract.transcription import (
    TranscriptionFormat,
    TranscriptionJson,
    TranscriptionVerbose,
)
from gateway.edge.decode.file import decode_file
from gateway.rest.deps import Deps, RestDeps
from gateway.rest.openai import subtitles
from gateway.rest.openai.errors import OpenAiRoute, failures

router = APIRouter(route_class=OpenAiRoute)

MAX_AUDIO_S = 600.0
"""Longest recording; longer ones are to be cut by the caller."""

Granularity = Literal["word", "segment"]


@router.post(
    "/audio/transcriptions",
    response_model=TranscriptionVerbose | TranscriptionJson,
    responses={
        **failures(
            ErrorCode.BAD_AUDIO,
            ErrorCode.BUFFER_OVERFLOW,
            ErrorCode.UNSUPPORTED_LANGUAGE,
            ErrorCode.STT_UNAVAILABLE,
            ErrorCode.SERVER_FULL,
        ),
        200: {
            "description": "The words",
            "content": {
                "text/plain": {"schema": {"type": "string"}},
                "text/vtt": {"schema": {"type": "string"}},
                "text/event-stream": {"schema": {"type": "string"}},
            },
        },
    },
)
async def transcribe(
    deps: Deps,
    file: Annotated[UploadFile, File(description="flac, m4a, mp3, mp4, ogg, wav or webm")],
    model: Annotated[str, Form(description="unknown names mean the default")] = "whisper-1",
    language: Annotated[str | None, Form(max_length=35, description="BCP 47 tag")] = None,
    prompt: Annotated[str | None, Form(max_length=2000)] = None,
    response_format: Annotated[TranscriptionFormat, Form()] = "json",
    temperature: Annotated[float | None, Form(ge=0, le=1)] = None,
    stream: Annotated[bool, Form(description="json as two events: engines answer at once")] = False,
    granularities: Annotated[
        list[Granularity] | None, Form(alias="timestamp_granularities[]")
    ] = None,
) -> Response:
    """Transcribe a recording. Silence is an empty text, as OpenAI has it."""
    pcm = await decode_file(await _read(file), MAX_AUDIO_S, deps.decoding)
    fields = {
        "model": model,
        "language": language,
        "prompt": prompt,
        "temperature": temperature,
        "response_format": "verbose_json",
        "timestamp_granularities[]": granularities or ["segment"],
    }
    found = await _hear(deps, pcm, {k: v for k, v in fields.items() if v is not None})
    if stream and response_format == "json":
        return Response(_events(found.text), media_type="text/event-stream")
    return _encode(found, response_format, granularities or [])


async def _read(file: UploadFile) -> bytes:
    data = await file.read()
    if not data:
        raise BadAudio("The file holds 0 bytes.")
    return data


async def _hear(deps: RestDeps, pcm: bytes, fields: dict[str, Any]) -> TranscriptionVerbose:
    wav = wav_bytes(pcm, HOUSE_RATE)
    try:
        answer = await deps.stt.call(
            "POST",
            "/v1/audio/transcriptions",
            files={"file": ("audio.wav", wav, "audio/wav")},
            data=fields,
        )
    except NoSpeech:
        language = fields.get("language") or "und"
        return TranscriptionVerbose(language=language, duration=pcm_ms(len(pcm)) / 1000, text="")
    return deps.stt.read(TranscriptionVerbose, answer)


def _encode(
    found: TranscriptionVerbose, form: TranscriptionFormat, granularities: list[Granularity]
) -> Response:
    match form:
        case "text":
            return PlainTextResponse(found.text.strip() + "\n")
        case "srt":
            return PlainTextResponse(subtitles.srt(found))
        case "vtt":
            return Response(subtitles.vtt(found), media_type="text/vtt; charset=utf-8")
        case "verbose_json":
            left_out = {"words"} if "word" not in granularities else set()
            return JSONResponse(found.model_dump(mode="json", exclude=left_out))
        case "json":
            return JSONResponse({"text": found.text.strip()})


def _events(text: str) -> str:
    """OpenAI's `transcript.text.*` events."""
    delta = json.dumps({"type": "transcript.text.delta", "delta": text})
    done = json.dumps({"type": "transcript.text.done", "text": text})
    return f"data: {delta}\n\ndata: {done}\n\ndata: [DONE]\n\n"
