"""One spoken turn through the real faster-whisper, vLLM and F5-TTS, as processes of `avatar up`.

The tiny Whisper and the tiny Qwen know what they say by heart, and the tiny F5's sound is noise:
this proves the path between the real engines, never their quality.
"""

import json
import os
import signal
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1200)]

ROOT = Path(__file__).resolve().parents[2]
AVATAR = Path(sys.executable).with_name("avatar")
PORT = 8177


@pytest.fixture
def running(vllm: str, f5_python: Path, f5_models: Path, tmp_path: Path):
    env = {
        **os.environ,
        "AVATAR_HOME": str(tmp_path / "home"),
        "AVATAR_PORT": str(PORT),
        "STT_BACKEND": "faster_whisper",
        "STT_MODEL": str(ROOT / "tests" / "data" / "models" / "tiny-whisper"),
        "LLM_URL": vllm,
        "LLM_MODEL": "tiny",
        "LLM_MAX_TOKENS": "64",
        "LLM_TEMPERATURE": "0",
        "TTS_ENGINE": "f5",
        "TTS_ENGINE_PYTHON": str(f5_python),
        "TTS_MODELS_DIR": str(f5_models),
        "TTS_F5_STEPS_FAST": "4",
        "TTS_WAIT_TIMEOUT_S": "120",
        "INSTRUCTIONS": "how are you today",
    }
    up = subprocess.Popen([AVATAR, "up"], env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    for line in up.stdout:
        if "is ready" in line:
            break
    else:
        pytest.fail("avatar up ended")
    yield env
    up.send_signal(signal.SIGINT)
    up.communicate(timeout=60)


def test_a_spoken_turn_through_the_real_engines(running, tmp_path: Path) -> None:
    said = ROOT / "tests" / "data" / "speech" / "hello.wav"
    answer = tmp_path / "answer.wav"
    talk = [AVATAR, "talk", said, "-o", answer, "--json", "--timeout", "300"]
    run = subprocess.run(talk, env=running, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    (turn,) = json.loads(run.stdout)["turns"]
    print(json.dumps(turn, indent=1, ensure_ascii=False))
    assert turn["words"].strip(" .") == "hello how are you today"
    assert turn["answer"] == "Hello! How can I help you today?"
    with wave.open(str(answer)) as wav:
        assert wav.getframerate() == 24_000
        samples = np.frombuffer(wav.readframes(wav.getnframes()), np.int16)
    assert 1.0 < len(samples) / 24_000 < 15.0
    assert samples.any()
