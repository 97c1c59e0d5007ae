"""What the model is told about its task."""

from __future__ import annotations

from gateway.session.config import SessionConfig

DEFAULT_INSTRUCTIONS = (
    "You are a voice assistant. What you write is spoken aloud: answer in short, plain sentences, "
    "without Markdown, lists, tables or emoji. Put the answer first. "
    "Answer in the language of the question."
)

_LOCALE = {
    "zh-TW": "Write Chinese in Traditional characters, in the words used in Taiwan.",
    "en": "When the language of the question is unclear, answer in English.",
}


def instructions(operator: str, config: SessionConfig) -> str:
    """The system message: the operator's instructions, the locale's, and the client's."""
    parts = [operator or DEFAULT_INSTRUCTIONS, _LOCALE[config.locale], config.instructions or ""]
    return "\n".join(part for part in parts if part)
