"""Make a tiny voice with a Piper voice's inputs and outputs. Its sound is noise: proof of the path.

Usage, in an environment with piper-tts and onnx: python tools/tiny_piper.py FOLDER

Each phoneme id looks up 512 samples of noise; `scales` gives loudness and length, as in a real
voice. Nothing was trained, and nothing is to be understood in it.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

SEED = 1
RATE = 22_050
SAMPLES = 512
OPSET = 15
VOICES = {"zh": "cmn", "en": "en-us"}


def graph(symbols: int) -> onnx.ModelProto:
    """`input` (1, N), `input_lengths` (1), `scales` (3: noise, length, width) to (1, 1, 1, T)."""
    random = np.random.default_rng(SEED)
    sounds = random.normal(0, 0.2, (symbols, SAMPLES)).astype(np.float32)
    constants: dict[str, np.ndarray[Any, Any]] = {
        "sounds": sounds,
        "first": np.array([0], np.int64),
        "second": np.array([1], np.int64),
        "third": np.array([2], np.int64),
        "flat": np.array([1, 1, -1], np.int64),
        "whole": np.array([1, 1, 1, -1], np.int64),
        "ones": np.array([1, 1], np.float32),
        "none": np.array([], np.float32),
    }
    nodes = [
        helper.make_node("Gather", ["sounds", "input"], ["looked_up"], axis=0),
        helper.make_node("Reshape", ["looked_up", "flat"], ["line"]),
        helper.make_node("Slice", ["scales", "first", "second"], ["loudness"]),
        helper.make_node("Slice", ["scales", "second", "third"], ["length"]),
        helper.make_node("Concat", ["ones", "length"], ["stretch"], axis=0),
        helper.make_node("Resize", ["line", "none", "stretch"], ["stretched"], mode="linear"),
        helper.make_node("Mul", ["stretched", "loudness"], ["loud"]),
        helper.make_node("Reshape", ["loud", "whole"], ["output"]),
    ]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "noise in the shape of a Piper voice",
            [
                helper.make_tensor_value_info("input", TensorProto.INT64, [1, "phonemes"]),
                helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
                helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
            ],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1, "samples"])],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
    )
    onnx.checker.check_model(model)
    return model


def config(espeak_voice: str) -> dict[str, object]:
    """The JSON beside it, as Piper writes it."""
    return {
        "audio": {"sample_rate": RATE},
        "espeak": {"voice": espeak_voice},
        "phoneme_type": "espeak",
        "num_symbols": len(DEFAULT_PHONEME_ID_MAP),
        "num_speakers": 1,
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
        "speaker_id_map": {},
    }


def main() -> None:
    """One graph, and a config for each language."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    symbols = max(max(ids) for ids in DEFAULT_PHONEME_ID_MAP.values()) + 1
    for language, voice in VOICES.items():
        onnx.save(graph(symbols), folder / f"{language}.onnx")
        text = json.dumps(config(voice), ensure_ascii=False, indent=1)
        (folder / f"{language}.onnx.json").write_text(text, encoding="utf-8")
    (folder / "README.md").write_text(
        "Made by tools/tiny_piper.py. The sound is noise: it proves the path, not a voice.\n"
    )


if __name__ == "__main__":
    main()
