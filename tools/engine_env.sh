#!/bin/sh
# Build the environment of an engine that can't share ours: tools/engine_env.sh f5|vllm|llama [folder]
# `make test-engines` calls it; a second call takes a second. Needs 2.5 GB (f5), 3.4 GB (vllm) or a C++
# compiler and 8 CPU minutes (llama), and an index. AVATAR_F5_PYTHON and the like name an interpreter
# that is there already: then nothing is built.
set -eu

cd "$(dirname "$0")/.."
engine=$1
if [ $# -lt 2 ]; then
    name=AVATAR_$(printf %s "$engine" | tr '[:lower:]' '[:upper:]')_PYTHON
    named=$(printenv "$name" || true)
    if [ -n "$named" ]; then
        echo "$engine: $named ($name)"
        exit 0
    fi
fi
folder=${2:-.venv-$engine}
lock=requirements/engine-$engine.lock
stamp=$folder/.made

if [ -f "$stamp" ] && cmp -s "$lock" "$stamp"; then
    exit 0
fi
echo "making the environment of $engine in $folder (minutes)"
rm -rf "$folder"
"${PYTHON:-python3}" -m venv "$folder"
pip="$folder/bin/python -m pip --disable-pip-version-check -q"
# torch, which no lock holds: its build depends on the device and on the index, and pip would bring
# several GB of CUDA along with whatever asks for it first.
first=$(sed -n 's/^# first: //p' "$lock")
if [ -n "$first" ]; then
    # shellcheck disable=SC2086 # one word each
    $pip install $first
fi
# For any x86-64 processor, where something is built from source: llama.cpp takes this machine's otherwise.
CMAKE_ARGS=${CMAKE_ARGS:--DGGML_NATIVE=OFF} $pip install --no-deps --require-hashes -r "$lock"
# torchaudio's native part is linked to CUDA and does not load beside a CPU build of torch. Nothing
# that runs here calls it, so it is kept out; on a GPU the real one loads.
if [ "$engine" = f5 ] && ! "$folder/bin/python" -c 'import torchaudio' 2>/dev/null; then
    cat >"$("$folder/bin/python" -c 'import site; print(site.getsitepackages()[0])')/sitecustomize.py" <<'PY'
import sys
import types

extension = types.ModuleType("torchaudio._extension")
extension._IS_TORCHAUDIO_EXT_AVAILABLE = False
extension.fail_if_no_align = lambda function: function
sys.modules.setdefault("torchaudio._extension", extension)
PY
fi
cp "$lock" "$stamp"
