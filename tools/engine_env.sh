#!/bin/sh
# Build the environment of an engine that can't share ours: tools/engine_env.sh f5|vllm|llama [folder]
# `make test-engines` calls it; a second call takes a second. Needs 2.5 GB (f5), 3.4 GB (vllm) or a C++
# compiler and 8 CPU minutes (llama), and an index.
set -eu

cd "$(dirname "$0")/.."
engine=$1
folder=${2:-.venv-$engine}
inputs=$(ls -- *-service/engines/"$engine".in)
stamp=$folder/.made

if [ -f "$stamp" ] && cmp -s "$inputs" "$stamp"; then
    exit 0
fi
rm -rf "$folder"
"${PYTHON:-python3}" -m venv "$folder"
pip="$folder/bin/python -m pip --disable-pip-version-check -q"
# Before anything that needs it: a later one would bring several GB of CUDA along.
$pip install "torch==2.13.0"
$pip install -r "$inputs"
if [ "$engine" = vllm ]; then
    # Linked to CUDA, and not needed to serve a language model.
    $pip uninstall -y torchvision torchaudio torchcodec
    cp "$inputs" "$stamp"
    exit 0
fi
# torchaudio's native part is linked to CUDA and does not load beside a CPU build of torch. Nothing
# that runs here calls it, so it is kept out; on a GPU the real one loads.
if ! "$folder/bin/python" -c 'import torchaudio' 2>/dev/null; then
    cat >"$("$folder/bin/python" -c 'import site; print(site.getsitepackages()[0])')/sitecustomize.py" <<'PY'
import sys
import types

extension = types.ModuleType("torchaudio._extension")
extension._IS_TORCHAUDIO_EXT_AVAILABLE = False
extension.fail_if_no_align = lambda function: function
sys.modules.setdefault("torchaudio._extension", extension)
PY
fi
cp "$inputs" "$stamp"
