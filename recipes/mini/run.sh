#!/usr/bin/env bash
# The commands of README.md, in their order: recipes/mini/run.sh CORPUS
set -euo pipefail
if [ ! -d "${1:-}" ]; then
    echo "error: ${1:-CORPUS}: no such folder. Usage: recipes/mini/run.sh CORPUS" >&2
    exit 2
fi
CORPUS="$(cd "$1" && pwd)"
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

wesep-like prepare mini "$CORPUS" -o data/mini
wesep-like train conf/mini/bsrnn.yaml --output exp/mini --resume
wesep-like evaluate exp/mini data/mini/test -o exp/mini/test
wesep-like extract wesep_like/bundle/example/mixture.wav --enroll wesep_like/bundle/example/enrollment.wav --model exp/mini -o exp/mini/voice.wav
wesep-like score data/mini/test/trials.txt --model exp/mini -o exp/mini/scores.txt
wesep-like eer exp/mini/scores.txt
