"""The routes: they parse and encode, no more."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from avatar_contract.errors import BadMessage, PayloadTooLarge
from avatar_contract.speech import (
    NOTICE_HEADER,
    VOICE_HEADER,
    SpeechRequest,
    Voice,
    VoicePut,
    Voices,
)
from tts_service.speech import Speaker
from tts_service.streaming import StreamedResponse
from tts_service.utterance import Utterance

T = TypeVar("T", bound=BaseModel)

router = APIRouter(prefix="/v1", tags=["speech"])

_MAX_JSON_BYTES = 2 * 2**20
_FORM_SLACK_BYTES = 64 * 2**10


class PhonemesRequest(BaseModel):
    """What would be said, and how: for tests and for the curious."""

    input: str = Field(description="text to speak")
    language: str | None = Field(None, description="BCP 47 tag; left out: by the text's script")


class PhonemeRun(BaseModel):
    """One piece in one language."""

    language: str = Field(description="`en` or `zh`")
    text: str = Field(description="the words that are spoken")
    phonemes: str = Field(description="IPA, as the engine says it")


class Phonemes(BaseModel):
    """The whole text."""

    voice: str = Field(description="the engine's voices")
    runs: list[PhonemeRun]


class Model(BaseModel):
    """An entry of ``GET /v1/models``, as OpenAI writes it."""

    id: str
    object: str = "model"
    created: int = 0
    owned_by: str = "avatar"


class Models(BaseModel):
    """The answer to ``GET /v1/models``."""

    object: str = "list"
    data: list[Model]


def _speaker(request: Request) -> Speaker:
    speaker: Speaker = request.app.state.speaker
    return speaker


Heart = Annotated[Speaker, Depends(_speaker)]
VoiceId = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


async def _bytes(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    """The body, refused as soon as it is longer than `limit`."""
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise PayloadTooLarge(f"The body is larger than {limit:,} bytes.")
        yield chunk


async def _asked(request: Request, kind: type[T]) -> T:
    raw = b"".join([chunk async for chunk in _bytes(request, _MAX_JSON_BYTES)])
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise BadMessage(f"{where}: {first['msg']}.") from error


def _body(kind: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI part for a body that is read by hand, in bounded memory."""
    schema = {"application/json": {"schema": kind.model_json_schema()}}
    return {"requestBody": {"required": True, "content": schema}}


class _MemoryForm(MultiPartParser):
    """A form whose files never touch a disk: voices live in memory only."""

    spool_max_size = 2**31


@router.post("/audio/speech", openapi_extra=_body(SpeechRequest))
async def speak(request: Request, speaker: Heart) -> Response:
    """Text and a voice in, sound out, as it is made. Hanging up stops the engine."""
    speech = speaker.begin(await _asked(request, SpeechRequest))
    headers = {VOICE_HEADER: speech.label}
    if speech.notice is not None:
        headers[NOTICE_HEADER] = speech.notice.header()
    return StreamedResponse(speech.chunks, speech.media_type, headers)


@router.post("/audio/phonemes", openapi_extra=_body(PhonemesRequest))
async def phonemes(request: Request, speaker: Heart) -> Phonemes:
    """What would be said: the words, the language of each piece, and its phonemes."""
    asked = await _asked(request, PhonemesRequest)
    utterance = Utterance(speaker.speakable(asked.input, asked.language).runs)
    said = await speaker.backend.phonemes(utterance)
    runs = [
        PhonemeRun(language=run.language, text=run.text, phonemes=ipa)
        for run, ipa in zip(utterance.runs, said, strict=True)
    ]
    return Phonemes(voice=speaker.backend.label(utterance, None), runs=runs)


@router.get("/voices")
async def voices(speaker: Heart) -> Voices:
    """The engine's own voices, the one that it takes unasked first, and those that were put."""
    info = speaker.backend.info
    own = Voice(id="default", languages=info.languages, description=info.name)
    put = [Voice(id=voice.name, languages=info.languages) for voice in speaker.voices.all()]
    return Voices(items=[own, *speaker.backend.own_voices, *put])


@router.put("/voices/{voice_id}")
async def put_voice(request: Request, voice_id: VoiceId, speaker: Heart) -> VoicePut:
    """A reference (multipart: `file`, a 16-bit PCM wav, and `reference_text`, its words)."""
    body = _bytes(request, speaker.max_reference_bytes + _FORM_SLACK_BYTES)
    try:
        form = await _MemoryForm(request.headers, body).parse()
    except (MultiPartException, KeyError) as error:
        raise BadMessage("Send multipart/form-data with `file` and `reference_text`.") from error
    try:
        file, text = form.get("file"), form.get("reference_text", "")
        if not isinstance(file, UploadFile) or not isinstance(text, str):
            raise BadMessage("`file` must be a wav file, and `reference_text` its words.")
        data = await file.read()
    finally:
        await form.close()
    return await speaker.put_voice(voice_id, data, text.strip())


@router.delete("/voices/{voice_id}", status_code=204)
async def delete_voice(voice_id: VoiceId, speaker: Heart) -> None:
    """Forgets a voice, here and in the engine's processes."""
    speaker.drop_voice(voice_id)


@router.get("/models")
async def models(speaker: Heart) -> Models:
    """The engine, in OpenAI's form."""
    return Models(data=[Model(id=speaker.backend.info.name)])
