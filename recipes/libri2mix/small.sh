#!/usr/bin/env bash
# A small Libri2Mix, made of a small corpus, goes through the recipe on a CPU: recipes/libri2mix/small.sh CORPUS OUT [OVERRIDE...]
# CORPUS is laid out as for recipes/mini. The variables below may be set from outside; RUNS are SYSTEM:RATE:MIXTURES.
set -euo pipefail
if [ ! -d "${1:-}/LibriSpeech" ] || [ -z "${2:-}" ]; then
    echo "error: '${1:-}': expected a folder with LibriSpeech in it, and one to write. Usage: recipes/libri2mix/small.sh CORPUS OUT [OVERRIDE...]" >&2
    exit 2
fi
CORPUS="$(cd "$1" && pwd)"
OUT="$(mkdir -p "$2" && cd "$2" && pwd)"
shift 2
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

NUM_TRAIN="${NUM_TRAIN:-500}"
NUM_DEV="${NUM_DEV:-20}"
NUM_TEST="${NUM_TEST:-60}"
RUNS="${RUNS:-$(echo {bsrnn,spex_plus}:{16000,8000}:{mix_clean,mix_both})}"
WORKERS=(--workers "${WORKERS:-$(nproc)}") # processes that make mixtures

draw() { # SUBSET SET NUM OPTION...
    python recipes/libri2mix/draw_metadata.py "$CORPUS/LibriSpeech" --subset "$1" --set "$2" --num "$3" --wham "$CORPUS/noise" -o "$OUT/metadata" "${WORKERS[@]}" "${@:4}"
}
draw train-clean-100 train-100 "$NUM_TRAIN"
draw test-other dev "$NUM_DEV" --utterances 0 0.5
draw test-other test "$NUM_TEST" --utterances 0.5 1
wesep-like prepare librimix --librispeech "$CORPUS/LibriSpeech" --wham "$CORPUS/noise" --metadata "$OUT/metadata" -o "$OUT" --sample-rate 16000 --sample-rate 8000 --mode min --mode max --mixtures mix_clean,mix_both "${WORKERS[@]}"
# Enrollments are drawn once, and fixed for all variants: a map names mixtures, and these have the same names in each.
IFS=: read -r _ rate mixtures <<< "${RUNS%% *}"
wesep-like prepare libri2mix "$OUT/Libri2Mix" -o "$OUT/max" --mode max --sample-rate "$rate" --mixtures "$mixtures" --speakers "$CORPUS/LibriSpeech/SPEAKERS.TXT"
for run in $RUNS; do
    IFS=: read -r system rate mixtures <<< "$run"
    RATE="$rate" MIXTURES="$mixtures" DATA="$OUT/data/$rate/$mixtures" EXP="$OUT/exp/${run//://}" \
        recipes/libri2mix/run.sh "$OUT/Libri2Mix" "$OUT/max" "small/$system" "$@"
done
# The first system also on mixtures that are as long as the longer voice.
first="${RUNS%% *}"
first="$OUT/exp/${first//://}"
wesep-like evaluate "$first/averaged" "$OUT/max/test" -o "$first/test_max"
