"""``python -m engines``: measures faster-whisper and F5-TTS, and writes RESULTS.md.

``--device cuda`` measures on a GPU (float16); ``--only whisper`` or ``--only f5`` keeps the other's
figures; ``--shapes`` chooses Whispers. F5-TTS runs in its own environment: AVATAR_F5_PYTHON names
its interpreter, else ``.venv-f5`` has it (`tools/engine_env.sh f5`).
"""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from avatar_bench.report import machine

from engines import hearing, report, speaking, together, whisper_shapes

ROOT = Path(__file__).resolve().parents[2]
USUAL = {"cpu": "tiny,base,small,large-v3-turbo", "cuda": "small,large-v3-turbo,large-v3"}


def f5_python() -> Path:
    """The interpreter of F5-TTS's environment."""
    named = os.environ.get("AVATAR_F5_PYTHON")
    return Path(named) if named else ROOT / ".venv-f5" / "bin" / "python"


async def measure(args: argparse.Namespace, folder: Path, run: dict[str, Any]) -> None:
    """Adds what was asked for to `run`."""
    compute_type = "int8" if args.device == "cpu" else "float16"
    # One GPU is enough, and the first is there wherever one is.
    device = args.device if args.device == "cpu" else f"{args.device}:0"
    if args.only != "f5":
        run["whisper"] = []
        run["versions"] |= hearing.versions()
        for name in args.shapes.split(","):
            print(f"  faster-whisper, {name}", file=sys.stderr, flush=True)
            found = await hearing.measure(name, folder / name, device, compute_type)
            run["whisper"].append(found)
    if args.only != "whisper":
        python = f5_python()
        run["versions"] |= speaking.versions(python)
        run["f5"] = await speaking.measure(python, folder / "f5", device, args.f5_budget)


def main() -> None:
    """Measures into a folder that is removed afterwards; 4 GB of disk and of memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--only", choices=["whisper", "f5"])
    parser.add_argument("--shapes", help=f"of {', '.join(whisper_shapes.SHAPES)}")
    parser.add_argument("--f5-budget", type=float, default=440, help="s, loading aside")
    args = parser.parse_args()
    args.shapes = args.shapes or USUAL[args.device]
    found = report.read()
    gpus = together.gpu_names()
    here = machine()
    name = f"{here['cpu']} with {here['cores']} processors"
    if args.device == "cuda":
        name = f"cuda: {gpus[0] if gpus else 'a GPU that is not there'}"
    run = found.setdefault(name, {"versions": {}})
    run["machine"] = {**here, "gpus": gpus}
    with tempfile.TemporaryDirectory(prefix="avatar-bench-") as folder:
        asyncio.run(measure(args, Path(folder), run))
    print(f"wrote {report.write(found).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
