"""Make a tiny Whisper that knows three clips of tests/data/speech by heart.

    python -m venv /tmp/whisper-venv
    /tmp/whisper-venv/bin/pip install torch==2.13.0 transformers tokenizers ctranslate2 numpy
    /tmp/whisper-venv/bin/python tests/data/models/make_tiny_whisper.py

It is over-fitted on purpose: it proves that loading, decoding, word times and partials work with
the real faster-whisper, and says nothing about accuracy. Partial audio is in its lessons too (the
beginning of a clip, with the words that are in it), so that words can be seen to grow.
Training takes minutes on one core; the result is int8 and under 2 MB.
"""

import argparse
import json
import random
import shutil
import tempfile
import wave
from pathlib import Path

import ctranslate2
import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)
from transformers.models.whisper.tokenization_whisper import LANGUAGES

ROOT = Path(__file__).resolve().parents[3]
SPEECH = ROOT / "tests" / "data" / "speech"
TARGET = ROOT / "tests" / "data" / "models" / "tiny-whisper"
CLIPS = ("hello", "weather", "nihao")
DRAWN = (*CLIPS, "nihao")
"""The hardest is drawn twice."""
RATE, LEAD_S, TAIL_S = 16_000, 0.3, 0.8
CUTS = (0.5, 0.75)
"""Beginnings that are learned: this part of the words, and of the sound."""
STAGES = ((10, 600, 3e-3), (30, 160, 1e-3))
"""Window in s, steps and learning rate. Most is learned in a window of 10 s, for a ninth of the
work; then it gets used to Whisper's own of 30 s."""
FRAMES_PER_S = 100
SPECIAL = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
TIMES = [f"<|{n * 0.02:.2f}|>" for n in range(1501)]


def samples(name: str) -> np.ndarray:
    """A clip in -1 … 1."""
    with wave.open(str(SPEECH / f"{name}.wav")) as clip:
        pcm = clip.readframes(clip.getnframes())
    return np.frombuffer(pcm, np.int16).astype(np.float32) / 32768


def make_tokenizer(texts: list[str]) -> Tokenizer:
    """Byte-level BPE with Whisper's special tokens in Whisper's order.

    Words and Han characters are a token each, for a small model learns those quickest.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    # The empty string in the vocabulary is what ctranslate2 knows a multilingual model by.
    trainer = trainers.BpeTrainer(vocab_size=900, initial_alphabet=alphabet, special_tokens=[""])
    tokenizer.train_from_iterator([unit for text in texts for unit in units(text)], trainer)
    names = ["<|endoftext|>", "<|startoftranscript|>"]
    names += [f"<|{code}|>" for code in LANGUAGES]
    names += [f"<|{name}|>" for name in SPECIAL]
    tokenizer.add_special_tokens([AddedToken(n, special=True, normalized=False) for n in names])
    tokenizer.add_tokens([AddedToken(n, special=False, normalized=False) for n in TIMES])
    return tokenizer


def units(text: str) -> list[str]:
    """Latin words with the space before them; anything else a character each."""
    return [f" {word}" for word in text.split()] if text.isascii() else list(text)


class Lessons:
    """Mel windows and the tokens they should give."""

    def __init__(self, tokenizer: Tokenizer, extractor: WhisperFeatureExtractor) -> None:
        self._tokenizer = tokenizer
        self._extractor = extractor
        listed = json.loads((SPEECH / "clips.json").read_text())
        self.clips = {one["file"].removesuffix(".wav"): one for one in listed}

    def token(self, name: str) -> int:
        """A special token's number."""
        return self._tokenizer.token_to_id(f"<|{name}|>")

    def one(self, name: str, part: float, rng: random.Random) -> tuple[np.ndarray, list[int]]:
        """A clip's beginning (`part` of its words) with silence of a random length before it."""
        clip, audio = self.clips[name], samples(name)
        spoken = audio[int(LEAD_S * RATE) : len(audio) - int(TAIL_S * RATE)]
        words = clip["text"].split() if clip["language"] == "en" else list(clip["text"])
        kept = max(1, round(part * len(words)))
        if kept < len(words):
            spoken = spoken[: int(len(spoken) * kept / len(words) * rng.uniform(0.97, 1.03))]
        lead, tail = rng.uniform(0.0, 0.7), rng.uniform(0.0, 1.2)
        sound = np.concatenate(
            [
                np.zeros(int(lead * RATE), np.float32),
                spoken * rng.uniform(0.6, 1.0),
                np.zeros(int(tail * RATE), np.float32),
            ]
        )
        if rng.random() < 0.4:  # digital silence is another thing to a logarithm than quiet is
            noise = np.random.randn(len(sound)).astype(np.float32)
            sound += np.float32(rng.uniform(0, 0.002)) * noise
        mel = self._extractor(
            sound, sampling_rate=RATE, padding="do_not_pad", return_tensors="np"
        ).input_features[0]
        text = (" " if clip["language"] == "en" else "").join(words[:kept])
        lead_in = ["startoftranscript", clip["language"], "transcribe"]
        said = self._tokenizer.encode(f" {text}" if clip["language"] == "en" else text).ids
        start, end = (f"{round(x / 0.02) * 0.02:.2f}" for x in (lead, lead + len(spoken) / RATE))
        if rng.random() < 0.5:
            tokens = [*map(self.token, [*lead_in, "notimestamps"]), *said]
        else:
            tokens = [*map(self.token, [*lead_in, start]), *said, self.token(end)]
        return mel, [*tokens, self.token("endoftext")]

    def batch(
        self, size: int, window_s: int, rng: random.Random
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mels ``[n, 80, frames]`` and tokens ``[n, longest]``, filled up with -100.

        Mels are filled up with zeros, as faster-whisper does.
        """
        parts = (*CUTS, 1.0, 1.0)
        made = [self.one(rng.choice(DRAWN), rng.choice(parts), rng) for _ in range(size)]
        longest = max(len(tokens) for _, tokens in made)
        rows = [tokens + [-100] * (longest - len(tokens)) for _, tokens in made]
        mels = np.zeros((size, 80, window_s * FRAMES_PER_S), np.float32)
        for filled, (mel, _) in zip(mels, made, strict=True):
            filled[:, : mel.shape[1]] = mel
        return torch.from_numpy(mels), torch.tensor(rows)


def make_model(lessons: Lessons, vocabulary: int, window_s: int) -> WhisperForConditionalGeneration:
    """Two layers of 64."""
    end = lessons.token("endoftext")
    size = {"encoder_layers": 2, "decoder_layers": 2, "d_model": 64}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    feed = {"encoder_ffn_dim": 128, "decoder_ffn_dim": 128}
    config = WhisperConfig(
        vocab_size=vocabulary,
        num_mel_bins=80,
        max_source_positions=window_s * FRAMES_PER_S // 2,
        max_target_positions=448,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=lessons.token("startoftranscript"),
        **size,
        **heads,
        **feed,
    )
    model = WhisperForConditionalGeneration(config)
    # Made anew: one that is edited in place is lost when the converter loads the model.
    model.generation_config = GenerationConfig(
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=lessons.token("startoftranscript"),
        lang_to_id={f"<|{code}|>": lessons.token(code) for code in LANGUAGES},
        task_to_id={name: lessons.token(name) for name in ("transcribe", "translate")},
        no_timestamps_token_id=lessons.token("notimestamps"),
        alignment_heads=[[0, 0], [0, 1], [1, 0], [1, 1]],
        suppress_tokens=[],
        begin_suppress_tokens=[end],
        is_multilingual=True,
        max_length=448,
    )
    return model


def train(lessons: Lessons, vocabulary: int) -> WhisperForConditionalGeneration:
    """Through all stages, each beginning with what the one before has learned."""
    rng = random.Random(1)
    learned: dict[str, torch.Tensor] = {}
    for window_s, steps, rate in STAGES:
        model = make_model(lessons, vocabulary, window_s)
        model.load_state_dict(learned, strict=False)
        train_stage(model, lessons, rng, (window_s, steps, rate))
        # Where in the window something is, is not learned: the encoder's positions are sines.
        learned = {
            name: weights
            for name, weights in model.state_dict().items()
            if name != "model.encoder.embed_positions.weight"
        }
    return model


def train_stage(
    model: WhisperForConditionalGeneration,
    lessons: Lessons,
    rng: random.Random,
    stage: tuple[int, int, float],
) -> None:
    """The stage's steps."""
    window_s, steps, rate = stage
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    model.train()
    average = None
    for step in range(steps):
        mels, tokens = lessons.batch(8, window_s, rng)
        given = tokens[:, :-1].clamp(min=0)
        wanted = tokens[:, 1:].clone()
        wanted[:, 1] = -100  # the task is given; the language is learned
        logits = model(mels, decoder_input_ids=given).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        average = loss.item() if average is None else 0.9 * average + 0.1 * loss.item()
        if step % 25 == 0:
            print(f"window {window_s} s, step {step}: loss {average:.4f}", flush=True)


def save(
    model: WhisperForConditionalGeneration,
    tokenizer: Tokenizer,
    extractor: WhisperFeatureExtractor,
    target: Path,
) -> None:
    """Converts to int8 for ctranslate2, with the files that faster-whisper reads."""
    with tempfile.TemporaryDirectory() as folder:
        model.eval().save_pretrained(folder)
        extractor.save_pretrained(folder)
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, eos_token="<|endoftext|>", bos_token="<|endoftext|>"
        ).save_pretrained(folder)
        tokenizer.save(str(Path(folder) / "tokenizer.json"))
        shutil.rmtree(target, ignore_errors=True)
        ctranslate2.converters.TransformersConverter(
            folder, copy_files=["tokenizer.json", "preprocessor_config.json"]
        ).convert(str(target), quantization="int8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    np.random.seed(0)
    torch.set_num_threads(1)
    extractor = WhisperFeatureExtractor(feature_size=80)
    texts = [one["text"] for one in json.loads((SPEECH / "clips.json").read_text())]
    tokenizer = make_tokenizer(texts)
    lessons = Lessons(tokenizer, extractor)
    model = train(lessons, tokenizer.get_vocab_size())
    save(model, tokenizer, extractor, arguments.out)


if __name__ == "__main__":
    main()
