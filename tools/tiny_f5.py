"""Make an F5-TTS and a Vocos with random weights: what they say is noise.

Usage, in F5-TTS's own environment: python tools/tiny_f5.py FOLDER [--size base]

They prove that the real library loads, runs, cancels and answers with finite sound at 24 kHz and
of plausible length. They prove nothing about voices. Tiny is about 1 MB, made in seconds. Base has
the published shapes (F5TTS_v1_Base, vocos-mel-24khz; 1.4 GB): it costs what the published weights
cost, and is for bench/engines. Neither is committed.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from f5_tts.model import CFM, DiT
from safetensors.torch import save_file
from vocos import Vocos

SEED = 1


@dataclass(frozen=True)
class Size:
    """How large to make them."""

    shape: dict[str, int]
    """Of the DiT."""
    tokens: int
    """At least so many in the vocabulary."""
    named: bool
    """Whether `model.json` tells the shape; the service takes its absence for the base model."""
    vocos: tuple[int, int, int]
    """Width, inner width, layers."""


SIZES = {
    "tiny": Size(
        {"dim": 64, "depth": 2, "heads": 2, "ff_mult": 2, "text_dim": 32, "conv_layers": 1},
        0,
        True,
        (32, 64, 2),
    ),
    "base": Size(
        {"dim": 1024, "depth": 22, "heads": 16, "ff_mult": 2, "text_dim": 512, "conv_layers": 4},
        2545,
        False,
        (512, 1536, 8),
    ),
}
MEL = {
    "n_fft": 1024,
    "hop_length": 256,
    "win_length": 1024,
    "n_mel_channels": 100,
    "target_sample_rate": 24_000,
    "mel_spec_type": "vocos",
}
LETTERS = " abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,.!?'-;:，。！？、"
SYLLABLES = ["ni3", "hao3", "wo3", "men2", "jin1", "tian1", "qi4", "hen3", "shi4", "de5", "yi1"]
FIRST_HAN = 0x4E00


def vocos_config(size: Size) -> dict[str, Any]:
    """What `Vocos.from_hparams` reads."""
    width, inner, layers = size.vocos
    mel = {"sample_rate": 24_000, "n_fft": 1024, "hop_length": 256, "n_mels": 100}
    sizes = {"input_channels": 100, "dim": width, "intermediate_dim": inner, "num_layers": layers}
    head = {"dim": width, "n_fft": 1024, "hop_length": 256, "padding": "center"}
    return {
        "feature_extractor": {
            "class_path": "vocos.feature_extractors.MelSpectrogramFeatures",
            "init_args": {**mel, "padding": "center"},
        },
        "backbone": {"class_path": "vocos.models.VocosBackbone", "init_args": sizes},
        "head": {"class_path": "vocos.heads.ISTFTHead", "init_args": head},
    }


def make_f5(folder: Path, size: Size) -> None:
    """`model.safetensors`, `vocab.txt` and, where it is named, `model.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = list(dict.fromkeys([*LETTERS, *SYLLABLES]))
    tokens += [chr(FIRST_HAN + n) for n in range(size.tokens - len(tokens))]
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8")
    if size.named:
        (folder / "model.json").write_text(json.dumps(size.shape))
    transformer = DiT(**size.shape, text_num_embeds=len(tokens), mel_dim=100)
    model = CFM(
        transformer=transformer,
        mel_spec_kwargs=MEL,
        vocab_char_map={token: index for index, token in enumerate(tokens)},
    )
    # DiT begins with a zero output: the solver would then return its own noise.
    for parameter in transformer.proj_out.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    state = {f"ema_model.{key}": value.contiguous() for key, value in model.state_dict().items()}
    save_file(state, folder / "model.safetensors")


def make_vocos(folder: Path, size: Size) -> None:
    """`config.yaml` and `pytorch_model.bin`."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(vocos_config(size)))
    torch.save(Vocos.from_hparams(str(config)).state_dict(), folder / "pytorch_model.bin")


def main() -> None:
    """Both, below the folder that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", choices=sorted(SIZES), default="tiny")
    args = parser.parse_args()
    torch.manual_seed(SEED)
    make_f5(args.folder / "f5-tts", SIZES[args.size])
    make_vocos(args.folder / "vocos", SIZES[args.size])


if __name__ == "__main__":
    main()
