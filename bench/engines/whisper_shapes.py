"""Whispers of the published shapes with random weights, as faster-whisper loads them.

What a forward pass costs follows from its shapes, so these cost what the published weights cost.
Words can't be had from random weights; their number is forced instead, by the weights themselves:
at each position the decoder's position encoding points along an axis of its own, and the embedding
of the token that is due there points along the same axis. So the unchanged service decodes exactly
`TOKENS` tokens and the end, surely (no fallback to other temperatures), at any beam.

Source of the shapes: the `config.json` of the published models; of the file's layout:
ctranslate2/converters/transformers.py, `WhisperLoader`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import tokenizers
from faster_whisper.tokenizer import _LANGUAGE_CODES as LANGUAGES
from numpy.typing import NDArray

TOKENS = 15
SEED = 1
TEXT_TOKENS = 50_257
"""Of the published vocabulary; the special tokens begin after it."""
SPECIAL = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
TIMES = 1501
_PROMPT = 4
"""startoftranscript, the language, transcribe, notimestamps."""
_AUDIO_POSITIONS, _TEXT_POSITIONS = 1500, 448
_SPREAD = 0.02
_PULL = 100.0
"""Of a position along its axis: above all that random layers add, within half precision."""


@dataclass(frozen=True)
class Shape:
    """What a Whisper's cost follows from."""

    width: int
    encoder: int
    """Layers."""
    decoder: int
    heads: int
    mels: int = 80
    languages: int = 99
    text_tokens: int = TEXT_TOKENS
    audio_positions: int = _AUDIO_POSITIONS


SHAPES = {
    "tiny": Shape(384, 4, 4, 6),
    "base": Shape(512, 6, 6, 8),
    "small": Shape(768, 12, 12, 12),
    "medium": Shape(1024, 24, 24, 16),
    "large-v3-turbo": Shape(1280, 32, 4, 20, mels=128, languages=100),
    "large-v3": Shape(1280, 32, 32, 20, mels=128, languages=100),
}


def words() -> list[str]:
    """What such a Whisper says."""
    return [f"w{n:02}" for n in range(TOKENS)]


def make(shape: Shape, folder: Path, quantization: str) -> int:
    """Writes the weights, their config, vocabulary and tokenizer, and the extractor's settings.

    Returns how many numbers it has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokens = vocabulary(shape)
    spec = _spec(shape, tokens)
    spec.register_vocabulary(tokens)
    first = tokens.index("<|startoftranscript|>") + 1
    spec.config.lang_ids = list(range(first, first + shape.languages))
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], []
    spec.config.alignment_heads = [(shape.decoder - 1, head) for head in range(shape.heads)]
    spec.validate()
    numbers = sum(
        int(np.prod(value.shape))
        for name, value in spec.variables().items()
        if not value.is_scalar() and name != "decoder/projection/weight"
    )
    spec.optimize(quantization)
    spec.save(str(folder))
    _tokenizer(tokens).save(str(folder / "tokenizer.json"))
    extractor = {"feature_size": shape.mels, "sampling_rate": 16_000, "hop_length": 160}
    extractor |= {"chunk_length": 30, "n_fft": 400}
    (folder / "preprocessor_config.json").write_text(json.dumps(extractor))
    return numbers


def vocabulary(shape: Shape) -> list[str]:
    """Tokens in the published order: text, end, start, languages, tasks, times."""
    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    text = [*letters, *(f"Ġ{word}" for word in words())]
    text += [f"Ġx{n}" for n in range(shape.text_tokens - len(text) - 1)]
    # ctranslate2 knows a multilingual model by the empty string.
    text.append("")
    special = ["<|endoftext|>", "<|startoftranscript|>"]
    special += [f"<|{code}|>" for code in LANGUAGES[: shape.languages]]
    special += [f"<|{name}|>" for name in SPECIAL]
    return [*text, *special, *(f"<|{n * 0.02:.2f}|>" for n in range(TIMES))]


def _tokenizer(tokens: list[str]) -> tokenizers.Tokenizer:
    at = {token: n for n, token in enumerate(tokens)}
    start, times = at["<|endoftext|>"], at["<|0.00|>"]
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=at, merges=[]))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    for names, special in ((tokens[start:times], True), (tokens[times:], False)):
        made.add_tokens(
            [tokenizers.AddedToken(name, special=special, normalized=False) for name in names]
        )
    return made


def _spec(shape: Shape, tokens: list[str]) -> Any:
    spec = ctranslate2.specs.WhisperSpec(shape.encoder, shape.heads, shape.decoder, shape.heads)
    random, width = np.random.default_rng(SEED), shape.width

    def numbers(*sizes: int) -> NDArray[np.float32]:
        return random.standard_normal(sizes, np.float32) * np.float32(_SPREAD)

    def linear(one: Any, out: int, into: int) -> None:
        one.weight, one.bias = numbers(out, into), numbers(out)

    def norm(one: Any) -> None:
        one.gamma, one.beta = np.ones(width, np.float32), np.zeros(width, np.float32)

    def attention(one: Any, parts: tuple[int, ...]) -> None:
        norm(one.layer_norm)
        for each, part in zip(one.linear, parts, strict=True):
            linear(each, part * width, width)

    def feed_forward(one: Any) -> None:
        norm(one.layer_norm)
        linear(one.linear_0, 4 * width, width)
        linear(one.linear_1, width, 4 * width)

    encoder, decoder = spec.encoder, spec.decoder
    for conv, channels in ((encoder.conv1, shape.mels), (encoder.conv2, width)):
        conv.weight, conv.bias = numbers(width, channels, 3), numbers(width)
    encoder.position_encodings.encodings = numbers(shape.audio_positions, width)
    for layer in (*encoder.layer, *decoder.layer):
        attention(layer.self_attention, (3, 1))
        feed_forward(layer.ffn)
    for layer in decoder.layer:
        attention(layer.attention, (1, 2, 1))
    norm(encoder.layer_norm)
    norm(decoder.layer_norm)
    decoder.scale_embeddings = 1.0
    embeddings, positions = numbers(len(tokens), width), numbers(_TEXT_POSITIONS, width)
    _force(tokens, embeddings, positions)
    decoder.position_encodings.encodings = positions
    decoder.embeddings.weight = decoder.projection.weight = embeddings
    return spec


def _force(
    tokens: list[str], embeddings: NDArray[np.float32], positions: NDArray[np.float32]
) -> None:
    """What position `n` reads decides the token after it: the words one by one, then the end."""
    first = tokens.index(f"Ġ{words()[0]}")
    due = [first] * (_PROMPT - 1) + [first + n for n in range(TOKENS)]
    due += [tokens.index("<|endoftext|>")] * (len(positions) - len(due))
    axis = {token: n for n, token in enumerate(dict.fromkeys(due))}
    for position, token in enumerate(due):
        positions[position, axis[token]] += _PULL
        embeddings[token, axis[token]] = 1.0
