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
RATE, LEAD_S, TAIL_S = 16_000, 0.3, 0.8
CUTS = (0.5, 0.75)
"""Beginnings that are learned: this part of the words, and of the sound."""
CHUNK_S = 10
"""Its window, s: a third of Whisper's, for a ninth of the work."""
TARGET_LOSS = 0.03
SPECIAL = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
TIMES = [f"<|{n * 0.02:.2f}|>" for n in range(1501)]


def samples(name: str) -> np.ndarray:
    """A clip in -1 … 1."""
    with wave.open(str(SPEECH / f"{name}.wav")) as clip:
        pcm = clip.readframes(clip.getnframes())
    return np.frombuffer(pcm, np.int16).astype(np.float32) / 32768


def make_tokenizer(texts: list[str]) -> Tokenizer:
    """Byte-level BPE with Whisper's special tokens in Whisper's order."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    # The empty string in the vocabulary is what ctranslate2 knows a multilingual model by.
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=[""])
    tokenizer.train_from_iterator(texts, trainer)
    names = ["<|endoftext|>", "<|startoftranscript|>"]
    names += [f"<|{code}|>" for code in LANGUAGES]
    names += [f"<|{name}|>" for name in SPECIAL]
    tokenizer.add_special_tokens([AddedToken(n, special=True, normalized=False) for n in names])
    tokenizer.add_tokens([AddedToken(n, special=False, normalized=False) for n in TIMES])
    return tokenizer


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
            [np.zeros(int(lead * RATE), np.float32), spoken * rng.uniform(0.6, 1.0),
             np.zeros(int(tail * RATE), np.float32)]
        )  # fmt: skip
        sound += np.float32(rng.uniform(0, 0.002)) * np.random.randn(len(sound)).astype(np.float32)
        mel = self._extractor(sound, sampling_rate=RATE, return_tensors="np").input_features[0]
        text = (" " if clip["language"] == "en" else "").join(words[:kept])
        lead_in = ["startoftranscript", clip["language"], "transcribe"]
        said = self._tokenizer.encode(" " + text).ids
        start, end = (f"{round(x / 0.02) * 0.02:.2f}" for x in (lead, lead + len(spoken) / RATE))
        if rng.random() < 0.3:
            tokens = [*map(self.token, [*lead_in, "notimestamps"]), *said]
        else:
            tokens = [*map(self.token, [*lead_in, start]), *said, self.token(end)]
        return mel, [*tokens, self.token("endoftext")]

    def batch(self, size: int, rng: random.Random) -> tuple[torch.Tensor, torch.Tensor]:
        """Mels ``[n, 80, 1000]`` and tokens ``[n, longest]``, filled up with -100."""
        made = [
            self.one(rng.choice(CLIPS), rng.choice((*CUTS, 1.0, 1.0)), rng) for _ in range(size)
        ]
        longest = max(len(tokens) for _, tokens in made)
        rows = [tokens + [-100] * (longest - len(tokens)) for _, tokens in made]
        return torch.from_numpy(np.stack([mel for mel, _ in made])), torch.tensor(rows)


def make_model(lessons: Lessons, vocabulary: int) -> WhisperForConditionalGeneration:
    """Two layers of 64."""
    end = lessons.token("endoftext")
    size = {"encoder_layers": 2, "decoder_layers": 2, "d_model": 64}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    feed = {"encoder_ffn_dim": 128, "decoder_ffn_dim": 128}
    config = WhisperConfig(
        vocab_size=vocabulary, num_mel_bins=80, max_source_positions=50 * CHUNK_S,
        max_target_positions=448, bos_token_id=end, eos_token_id=end, pad_token_id=end,
        decoder_start_token_id=lessons.token("startoftranscript"), **size, **heads, **feed,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    # Made anew: one that is edited in place is lost when the converter loads the model.
    model.generation_config = GenerationConfig(
        bos_token_id=end, eos_token_id=end, pad_token_id=end,
        decoder_start_token_id=lessons.token("startoftranscript"),
        lang_to_id={f"<|{code}|>": lessons.token(code) for code in LANGUAGES},
        task_to_id={name: lessons.token(name) for name in ("transcribe", "translate")},
        no_timestamps_token_id=lessons.token("notimestamps"),
        alignment_heads=[[0, 0], [0, 1], [1, 0], [1, 1]],
        suppress_tokens=[], begin_suppress_tokens=[end], is_multilingual=True, max_length=448,
    )  # fmt: skip
    return model


def train(model: WhisperForConditionalGeneration, lessons: Lessons, steps: int) -> None:
    """Until the loss says that the clips are known by heart."""
    rng = random.Random(1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    model.train()
    average = 5.0
    for step in range(steps):
        mels, tokens = lessons.batch(8, rng)
        given = tokens[:, :-1].clamp(min=0)
        wanted = tokens[:, 1:].clone()
        wanted[:, :2] = -100  # the language is learned, the rest of the lead-in is given
        wanted[:, 0] = tokens[:, 1]
        logits = model(mels, decoder_input_ids=given).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        average = 0.9 * average + 0.1 * loss.item()
        if step % 25 == 0:
            print(f"step {step}: loss {average:.4f}", flush=True)
        if average < TARGET_LOSS:
            break


def save(model: WhisperForConditionalGeneration, tokenizer: Tokenizer,
         extractor: WhisperFeatureExtractor, target: Path) -> None:  # fmt: skip
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
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    np.random.seed(0)
    torch.set_num_threads(1)
    extractor = WhisperFeatureExtractor(feature_size=80, chunk_length=CHUNK_S)
    texts = [one["text"] for one in json.loads((SPEECH / "clips.json").read_text())]
    tokenizer = make_tokenizer([" " + text for text in texts])
    lessons = Lessons(tokenizer, extractor)
    model = make_model(lessons, tokenizer.get_vocab_size())
    train(model, lessons, arguments.steps)
    save(model, tokenizer, extractor, arguments.out)


if __name__ == "__main__":
    main()
