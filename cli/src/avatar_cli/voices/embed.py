"""Speaker embeddings of wav files, from an environment that can compute them.

resemblyzer needs torch, which AVATAR's own environment keeps out; so it runs as a process of the
interpreter that is named.
"""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from avatar_cli.voices.gateway import VoicesError

_PROGRAM = """
import json, sys
from pathlib import Path
from resemblyzer import VoiceEncoder, preprocess_wav
encoder = VoiceEncoder("cpu", verbose=False)
print(json.dumps([encoder.embed_utterance(preprocess_wav(Path(p))).tolist() for p in sys.argv[1:]]))
"""
_TIMEOUT_S = 300


def embeddings(python: Path, wavs: Sequence[bytes]) -> list[list[float]]:
    """One embedding of 256 numbers for each wav.

    Raises:
        VoicesError: that interpreter has no resemblyzer, or it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.wav" for number in range(len(wavs))]
        for path, wav in zip(paths, wavs, strict=True):
            path.write_bytes(wav)
        command = [str(python), "-c", _PROGRAM, *map(str, paths)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as cause:
            raise VoicesError(f"{python}: {cause}") from cause
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise VoicesError(
            f"{python} can't compute embeddings ({last}). In an environment of its own: "
            "pip install torch resemblyzer 'setuptools<81'"
        )
    found: list[list[float]] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
