#!/usr/bin/env bash
# The commands of README.md, in their order: recipes/mini_verification/run.sh CORPUS [SYSTEM [OVERRIDE...]]
# CONDITIONS may be set from outside. What is there already is not made again.
set -euo pipefail
if [ ! -d "${1:-}" ]; then
    echo "error: ${1:-CORPUS}: no such folder. Usage: recipes/mini_verification/run.sh CORPUS [SYSTEM [OVERRIDE...]]" >&2
    exit 2
fi
CORPUS="$(cd "$1" && pwd)"
SYSTEM="${2:-ecapa}"
shift $(($# < 2 ? $# : 2))
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

case "$SYSTEM" in
    bundled | gmm_ubm)
        if [ $# -gt 0 ]; then
            echo "error: $1: $SYSTEM takes no overrides, as it has no config" >&2
            exit 2
        fi
        ;;
esac

CONDITIONS="${CONDITIONS:-clean clean_hard hard}"
TOP_N="${TOP_N:-100}"
TEST=data/mini_verification
UBM=exp/mini_verification/gmm_ubm
EXP="exp/mini_verification/$SYSTEM"
MODEL="$EXP"
[ "$SYSTEM" != bundled ] || MODEL=bundled
SCORINGS="cosine as_norm plda"
[ "$SYSTEM" != gmm_ubm ] || SCORINGS=ratio
mkdir -p "$EXP"

unless_there() { # FILE COMMAND...
    [ -e "$1" ] || "${@:2}"
}
forget_older() { # THAN FILE...
    for file in "${@:2}"; do [ "$file" -nt "$1" ] || rm -f "$file"; done
}

unless_there data/mini/dev/trials.txt wesep-like prepare mini "$CORPUS" -o data/mini
unless_there "$TEST/hard.txt" python recipes/mini_verification/hard_trials.py data/mini/test -o "$TEST"
case "$SYSTEM" in
    bundled) ;;
    gmm_ubm | ivector) unless_there "$UBM/model" wesep-like baseline gmm_ubm data/mini/train/utterances.jsonl -o "$UBM" ;;
    *) wesep-like train "conf/mini_verification/$SYSTEM.yaml" --output "$EXP" --resume "$@" ;;
esac
if [ "$SYSTEM" = ivector ]; then
    unless_there "$EXP/model" wesep-like baseline ivector data/mini/train/utterances.jsonl --ubm "$UBM" -o "$EXP" "$@"
fi
if [ "$SYSTEM" != gmm_ubm ]; then
    # A run that went on has another model, and embeddings of the former one would be refused.
    forget_older "$EXP/model/model.safetensors" "$EXP/train.npz" "$EXP/test.npz"
    wesep-like embed --utterances data/mini/train/utterances.jsonl --model "$MODEL" -o "$EXP/train.npz"
    wesep-like embed --utterances "$TEST/utterances.jsonl" --model "$MODEL" -o "$EXP/test.npz"
    wesep-like backend "$EXP/train.npz" -o "$EXP/plda.npz" --kind plda --centre
fi
score() { # SCORING
    case "$1" in
        ratio) wesep-like score "$TEST/$CONDITION.txt" --model "$UBM" -o "$EXP/$CONDITION.ratio.txt" ;;
        cosine) wesep-like score "$TEST/$CONDITION.txt" --embeddings "$EXP/test.npz" --mean "$EXP/train.npz" -o "$EXP/$CONDITION.cosine.txt" ;;
        as_norm) wesep-like score "$TEST/$CONDITION.txt" --embeddings "$EXP/test.npz" --mean "$EXP/train.npz" --norm as --cohort "$EXP/train.npz" --top-n "$TOP_N" -o "$EXP/$CONDITION.as_norm.txt" ;;
        plda) wesep-like score "$TEST/$CONDITION.txt" --embeddings "$EXP/test.npz" --backend "$EXP/plda.npz" -o "$EXP/$CONDITION.plda.txt" ;;
    esac
}
for CONDITION in $CONDITIONS; do
    for SCORING in $SCORINGS; do
        score "$SCORING"
        wesep-like eer "$EXP/$CONDITION.$SCORING.txt" --utterances "$TEST/utterances.jsonl"
    done
done
