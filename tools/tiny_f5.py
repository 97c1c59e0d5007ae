"""Make a tiny F5-TTS and a tiny Vocos with random weights: what they say is noise.

Usage, in F5-TTS's own environment: python tools/tiny_f5.py FOLDER

They prove that the real library loads, runs, cancels and answers with finite sound at 24 kHz and
of plausible length. They prove nothing about voices. About 1 MB, made in seconds, not committed.
"""

import json
import sys
from pathlib import Path

import torch
import yaml
from f5_tts.model import CFM, DiT
from safetensors.torch import save_file
from vocos import Vocos

SEED = 1
SHAPE = {"dim": 64, "depth": 2, "heads": 2, "ff_mult": 2, "text_dim": 32, "conv_layers": 1}
MEL = {
    "n_fft": 1024, "hop_length": 256, "win_length": 1024, "n_mel_channels": 100,
    "target_sample_rate": 24_000, "mel_spec_type": "vocos",
}  # fmt: skip
LETTERS = " abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,.!?'-;:，。！？、"
SYLLABLES = ["ni3", "hao3", "wo3", "men2", "jin1", "tian1", "qi4", "hen3", "shi4", "de5", "yi1"]
VOCOS = {
    "feature_extractor": {
        "class_path": "vocos.feature_extractors.MelSpectrogramFeatures",
        "init_args": {
            "sample_rate": 24_000, "n_fft": 1024, "hop_length": 256, "n_mels": 100,
            "padding": "center",
        },
    },
    "backbone": {
        "class_path": "vocos.models.VocosBackbone",
        "init_args": {
            "input_channels": 100, "dim": 32, "intermediate_dim": 64, "num_layers": 2,
        },
    },
    "head": {
        "class_path": "vocos.heads.ISTFTHead",
        "init_args": {"dim": 32, "n_fft": 1024, "hop_length": 256, "padding": "center"},
    },
}  # fmt: skip


def make_f5(folder: Path) -> None:
    """`model.safetensors`, `vocab.txt` and `model.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = list(dict.fromkeys([*LETTERS, *SYLLABLES]))
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8")
    (folder / "model.json").write_text(json.dumps(SHAPE))
    transformer = DiT(**SHAPE, text_num_embeds=len(tokens), mel_dim=100)
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


def make_vocos(folder: Path) -> None:
    """`config.yaml` and `pytorch_model.bin`."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(VOCOS))
    torch.save(Vocos.from_hparams(str(config)).state_dict(), folder / "pytorch_model.bin")


def main() -> None:
    """Both, below the folder that is named."""
    torch.manual_seed(SEED)
    folder = Path(sys.argv[1])
    make_f5(folder / "f5-tts")
    make_vocos(folder / "vocos")


if __name__ == "__main__":
    main()
