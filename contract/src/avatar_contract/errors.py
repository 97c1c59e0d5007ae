"""Every error AVATAR shows: a stable code, an HTTP status, and whether a retry may help.

The tree::

    AvatarError
    ├── RequestError          the caller's doing; the same request fails again
    │   ├── BadMessage        400   no JSON, unknown type, wrong field
    │   ├── BadAudio          400   not decodable, empty, wrong format
    │   ├── NoSpeech          422   nothing said in the audio
    │   ├── BufferOverflow    413   more audio than an utterance may hold
    │   ├── TooManyChunks     413   more chunks than an utterance may have
    │   ├── AudioTimeout      408   no chunk for too long while an utterance was open
    │   ├── AlreadyProcessing 409   a second utterance between `audio_end` and `final`
    │   ├── Unauthorized      401
    │   ├── Forbidden         403
    │   ├── NotFound          404
    │   ├── Conflict          409
    │   ├── PayloadTooLarge   413
    │   └── UnsupportedLanguage 422
    ├── BusyError             a retry later may help
    │   ├── ServerFull        503
    │   └── RateLimited       429
    ├── StageError            a part of the turn failed; raised ``from`` its cause
    │   ├── SttUnavailable    503
    │   ├── LlmUnavailable    503
    │   ├── TtsUnavailable    503
    │   ├── ProfileUnavailable 503
    │   ├── StorageFull       507
    │   └── VoiceNotLoaded    409   put the voice and ask again
    └── Internal              500
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field


class ErrorCode(StrEnum):
    """The stable codes of the wire and of REST problem documents."""

    BAD_MESSAGE = "BAD_MESSAGE"
    BAD_AUDIO = "BAD_AUDIO"
    NO_SPEECH = "NO_SPEECH"
    BUFFER_OVERFLOW = "BUFFER_OVERFLOW"
    TOO_MANY_CHUNKS = "TOO_MANY_CHUNKS"
    AUDIO_TIMEOUT = "AUDIO_TIMEOUT"
    ALREADY_PROCESSING = "ALREADY_PROCESSING"
    SERVER_FULL = "SERVER_FULL"
    UNAUTHORIZED = "UNAUTHORIZED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    RATE_LIMITED = "RATE_LIMITED"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_LANGUAGE = "UNSUPPORTED_LANGUAGE"
    STT_UNAVAILABLE = "STT_UNAVAILABLE"
    LLM_UNAVAILABLE = "LLM_UNAVAILABLE"
    TTS_UNAVAILABLE = "TTS_UNAVAILABLE"
    PROFILE_UNAVAILABLE = "PROFILE_UNAVAILABLE"
    STORAGE_FULL = "STORAGE_FULL"
    VOICE_NOT_LOADED = "VOICE_NOT_LOADED"
    INTERNAL = "INTERNAL"


class AvatarError(Exception):
    """Base of all errors that reach a client. `message`: what is wrong and what to do.

    Args:
        reason: a stable name of what exactly is wrong, where the code has several causes.
    """

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(
        self, message: str, *, reason: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.retry_after_s = retry_after_s


class RequestError(AvatarError):
    """The caller's doing: the same request would fail again."""

    status = 400


class BadMessage(RequestError):
    code = ErrorCode.BAD_MESSAGE


class BadAudio(RequestError):
    code = ErrorCode.BAD_AUDIO


class NoSpeech(RequestError):
    code = ErrorCode.NO_SPEECH
    status = 422


class BufferOverflow(RequestError):
    code = ErrorCode.BUFFER_OVERFLOW
    status = 413


class TooManyChunks(RequestError):
    code = ErrorCode.TOO_MANY_CHUNKS
    status = 413


class AudioTimeout(RequestError):
    code = ErrorCode.AUDIO_TIMEOUT
    status = 408


class AlreadyProcessing(RequestError):
    code = ErrorCode.ALREADY_PROCESSING
    status = 409
    retryable = True


class Unauthorized(RequestError):
    code = ErrorCode.UNAUTHORIZED
    status = 401


class Forbidden(RequestError):
    code = ErrorCode.FORBIDDEN
    status = 403


class NotFound(RequestError):
    code = ErrorCode.NOT_FOUND
    status = 404


class Conflict(RequestError):
    code = ErrorCode.CONFLICT
    status = 409


class PayloadTooLarge(RequestError):
    code = ErrorCode.PAYLOAD_TOO_LARGE
    status = 413


class UnsupportedLanguage(RequestError):
    code = ErrorCode.UNSUPPORTED_LANGUAGE
    status = 422


class BusyError(AvatarError):
    """There is no room now: a later try may succeed."""

    status = 503
    retryable = True


class ServerFull(BusyError):
    code = ErrorCode.SERVER_FULL


class RateLimited(BusyError):
    code = ErrorCode.RATE_LIMITED
    status = 429


class StageError(AvatarError):
    """A stage of the turn failed. Raise it ``from`` the cause."""

    status = 503
    retryable = True


class SttUnavailable(StageError):
    code = ErrorCode.STT_UNAVAILABLE


class LlmUnavailable(StageError):
    code = ErrorCode.LLM_UNAVAILABLE


class TtsUnavailable(StageError):
    code = ErrorCode.TTS_UNAVAILABLE


class ProfileUnavailable(StageError):
    code = ErrorCode.PROFILE_UNAVAILABLE


class StorageFull(StageError):
    code = ErrorCode.STORAGE_FULL
    status = 507


class VoiceNotLoaded(StageError):
    code = ErrorCode.VOICE_NOT_LOADED
    status = 409


class Internal(AvatarError):
    code = ErrorCode.INTERNAL


def _leaves(base: type[AvatarError]) -> list[type[AvatarError]]:
    children = base.__subclasses__()
    return [leaf for child in children for leaf in _leaves(child)] if children else [base]


ERRORS: dict[ErrorCode, type[AvatarError]] = {leaf.code: leaf for leaf in _leaves(AvatarError)}
"""Each code's exception class; every code has exactly one."""


class Problem(BaseModel):
    """A REST error body: RFC 9457 problem document with AVATAR's code.

    Media type ``application/problem+json``.
    """

    model_config = ConfigDict(extra="ignore")

    type: str = Field("about:blank", description="RFC 9457: a URI for the kind of problem")
    title: str = Field(description="RFC 9457: the code in words")
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="what is wrong and what to do")
    code: ErrorCode = Field(description="the stable code")
    reason: str | None = Field(
        None,
        description="a stable name of what exactly is wrong, where the code has several causes",
    )
    retryable: bool = Field(False, description="whether the same request may succeed later")
    retry_after_s: float | None = Field(None, description="seconds to wait before a retry")

    @classmethod
    def of(cls, error: AvatarError) -> Problem:
        """The document for `error`."""
        return cls(
            title=error.code.replace("_", " ").capitalize(),
            status=error.status,
            detail=error.message,
            code=error.code,
            reason=error.reason,
            retryable=error.retryable,
            retry_after_s=error.retry_after_s,
        )

    def to_error(self) -> AvatarError:
        """The exception this document was made of, to raise in the calling service."""
        return ERRORS[self.code](self.detail, reason=self.reason, retry_after_s=self.retry_after_s)
