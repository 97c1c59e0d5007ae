"""Measures pitch and formant spacing of Kokoro's voices: tts_service/kokoro/styles.json.

    python tools/kokoro_styles.py var/models/kokoro

`nearest` (tts_service/kokoro/styles.py) picks a voice for a person by these. Each voice speaks in
its own language where that is Chinese, else in English.
"""

import json
import sys
from pathlib import Path

import numpy as np

from tts_service.espeak.measure import measure
from tts_service.kokoro.speaking import Kokoro

OUT = Path(__file__).resolve().parent.parent / "tts-service/src/tts_service/kokoro/styles.json"
PHRASES = {
    "en": "We were away a year ago, and you know why no one may yell.",
    "zh": "我們一月也要用那樣的燈，你們來不來呢。",
}


def main() -> None:
    """Writes the table."""
    kokoro = Kokoro(Path(sys.argv[1]), threads=2)
    found = {}
    for name in kokoro.voices:
        language = "zh" if name.startswith("z") else "en"
        runs = [(language, PHRASES[language])]
        sound = np.concatenate(list(kokoro.say(runs, name, 1.0, lambda: False)))
        heard = measure((np.clip(sound, -1, 1) * 32767).astype(np.int16), 24_000)
        if heard is None:
            raise SystemExit(f"{name} can't be measured")
        found[name] = [round(heard.pitch, 1), round(heard.spacing, 1)]
    rows = [f'  "{name}": {json.dumps(numbers)}' for name, numbers in found.items()]
    OUT.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
