#!/bin/sh
# make_venv.sh FOLDER: a virtual environment of the first Python that will do, or what to install.
# $PYTHON, when set, is the only candidate.
set -eu
venv=$1
least='import sys; sys.exit(sys.version_info < (3, 11))'

for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c "$least" >/dev/null 2>&1; then
        python=$candidate
        break
    fi
done
if [ -z "${python:-}" ]; then
    echo "AVATAR needs Python 3.11 or newer; none of these is: ${PYTHON:-python3 python3.13 python3.12 python3.11}." >&2
    echo "Install one (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python@3.13)," >&2
    echo "or name one: make run PYTHON=/path/to/python3" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    echo "$python has no venv module. On Debian and Ubuntu: apt install python3-venv" >&2
    exit 1
fi
# pocketsphinx, the embedded recogniser, has wheels for 3.11 to 3.13; elsewhere it is built from source.
if ! "$python" -c 'import sys; sys.exit(sys.version_info >= (3, 14))' && ! command -v cc >/dev/null 2>&1; then
    echo "$("$python" -V) needs a C compiler to build pocketsphinx. Install one," >&2
    echo "or name a Python from 3.11 to 3.13: make run PYTHON=python3.13" >&2
    exit 1
fi
echo "making $venv with $("$python" -V)"
rm -rf "$venv"
exec "$python" -m venv "$venv"
