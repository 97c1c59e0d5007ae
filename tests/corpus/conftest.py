"""The corpus is a package beside its tests; its voices come from bench/."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / "bench", ROOT / "tests" / "corpus"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
