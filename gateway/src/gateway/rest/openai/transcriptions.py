"""`/v1/audio/transcriptions`: any audio file in, words out in five forms.

The file is decoded here, so that every engine gets 16 kHz mono; the engine answers its fullest
form, and the others are made of that.
"""

import json
import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BeforeValidator

from avatar_contract.audio import HOUSE_RATE, pcm_ms, wav_bytes
from avatar_contract.errors import BadAudio, BadMessage, ErrorCode, NoSpeech
from avatar_contract.languages import language_tag
from avatar_contract.nulls import is_null
from avatar_contract.transcription import (
    TranscriptionFormat,
    TranscriptionJson,
    TranscriptionVerbose,
)
from gateway.edge.decode.file import decode_file
from gateway.rest.deps import Deps, RestDeps
from gateway.rest.docs import EVENTS
from gateway.rest.openai import subtitles
from gateway.rest.openai.errors import OpenAiRoute, failures
from gateway.services.caller import UPLOAD, Patience

router = APIRouter(route_class=OpenAiRoute)

Granularity = Literal["word", "segment"]

_LIST = "timestamp_granularities[]"
_GRANULARITIES = re.compile(r"timestamp_granularities(\[\d*\])?")
_WHOLE_S = 180.0
_BETWEEN = re.compile(r'[\s,\[\]"]+')


def _or(default: Any) -> Any:
    """Takes a form's way to say null for `default`."""
    return BeforeValidator(lambda value: default if is_null(value) else value)


async def _granularities(
    request: Request,
    listed: Annotated[
        list[str] | None, Form(alias=_LIST, description="`word`, `segment`, or both")
    ] = None,
) -> list[Granularity]:
    """What times are wanted, in any of the spellings of a list that forms have.

    `timestamp_granularities[]=word` is OpenAI's; clients also leave the brackets out, number
    them, or write the whole list in one field.
    """
    form = (await request.form()).multi_items()
    spelled = [value for name, value in form if name != _LIST and _GRANULARITIES.fullmatch(name)]
    fields = [value for value in (*(listed or []), *spelled) if isinstance(value, str)]
    names = _BETWEEN.split(" ".join(fields))
    return [_granularity(name) for name in names if not is_null(name)]


def _granularity(name: str) -> Granularity:
    match name.lower():
        case "word" | "segment" as known:
            return known
    raise BadMessage(f"timestamp_granularities: word or segment, not {name[:40]!r}.")


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
                **EVENTS,
            },
        },
    },
)
async def transcribe(
    deps: Deps,
    granularities: Annotated[list[Granularity], Depends(_granularities)],
    file: Annotated[UploadFile, File(description="flac, m4a, mp3, mp4, ogg, wav or webm")],
    model: Annotated[
        str, Form(description="unknown names mean the default"), _or("whisper-1")
    ] = "whisper-1",
    language: Annotated[
        str | None,
        Form(max_length=35, description="BCP 47 tag, ISO 639 code or English name"),
        _or(None),
    ] = None,
    prompt: Annotated[str | None, Form(max_length=2000), _or(None)] = None,
    response_format: Annotated[TranscriptionFormat, Form(), _or("json")] = "json",
    temperature: Annotated[float | None, Form(ge=0, le=1), _or(None)] = None,
    stream: Annotated[
        bool, Form(description="json as two events: engines answer at once"), _or(False)
    ] = False,
) -> Response:
    """Transcribe a recording. Silence is an empty text, as OpenAI has it."""
    pcm = await decode_file(await _read(file), deps.max_recording_s, deps.decoding)
    fields = {
        "model": model,
        "language": language_tag(language) if language else None,
        "prompt": prompt,
        "temperature": temperature,
        "response_format": "verbose_json",
        "timestamp_granularities[]": granularities or ["segment"],
    }
    found = await _hear(deps, pcm, {k: v for k, v in fields.items() if v is not None})
    if stream and response_format == "json":
        return Response(_events(found.text), media_type="text/event-stream")
    return _encode(found, response_format, granularities)


async def _read(file: UploadFile) -> bytes:
    data = await file.read()
    if not data:
        raise BadAudio("The file holds 0 bytes.")
    return data


async def _hear(deps: RestDeps, pcm: bytes, fields: dict[str, Any]) -> TranscriptionVerbose:
    wav = wav_bytes(pcm, HOUSE_RATE)
    # An engine on a slow machine may need as long as the recording itself.
    seconds = pcm_ms(len(pcm)) / 1000
    patience = Patience(silence=UPLOAD.silence + seconds, whole=_WHOLE_S + seconds)
    try:
        answer = await deps.stt.call(
            "POST",
            "/v1/audio/transcriptions",
            files={"file": ("audio.wav", wav, "audio/wav")},
            data=fields,
            patience=patience,
        )
    except NoSpeech:
        language = fields.get("language") or "und"
        return TranscriptionVerbose(language=language, duration=seconds, text="")
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
