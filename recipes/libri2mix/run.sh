#!/usr/bin/env bash
# The commands of README.md, in their order: recipes/libri2mix/run.sh LIBRI2MIX MAPS [SYSTEM [OVERRIDE...]]
# The variables below may be set from outside, SHARDS and GPUS too. What is there already is not made again.
set -euo pipefail
for folder in "${1:-}" "${2:-}"; do
    if [ ! -d "$folder" ]; then
        echo "error: '$folder': there is no such folder. Usage: recipes/libri2mix/run.sh LIBRI2MIX MAPS [SYSTEM [OVERRIDE...]]" >&2
        exit 2
    fi
done
LIBRI2MIX="$(cd "$1" && pwd)"
MAPS="$(cd "$2" && pwd)"
SYSTEM="${3:-bsrnn}"
shift $(($# < 3 ? $# : 3))
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

RATE="${RATE:-16000}"
MIXTURES="${MIXTURES:-mix_clean}"
DATA="${DATA:-data/libri2mix/${RATE%000}k/${MIXTURES#mix_}}"
EXP="${EXP:-exp/libri2mix/${RATE%000}k/${MIXTURES#mix_}/$SYSTEM}"
TRAIN="${TRAIN:-data.train.mixtures=$DATA/train/premixed.jsonl}"

unless_there() { # FILE COMMAND...
    [ -e "$1" ] || "${@:2}"
}
unless_newer() { # FILE THAN COMMAND...
    [ "$1" -nt "$2" ] || "${@:3}"
}
wesep-like() {
    if [ "$1" = train ] && [ "${GPUS:-1}" -gt 1 ]; then
        torchrun --standalone --nproc-per-node "$GPUS" -m wesep_like "$@"
    else
        command wesep-like "$@"
    fi
}

unless_there "$DATA/test/mixtures.jsonl" wesep-like prepare libri2mix "$LIBRI2MIX" -o "$DATA" --sample-rate "$RATE" --mixtures "$MIXTURES" --enroll-map "$MAPS/dev/map_mixture2enrollment" --enroll-map "$MAPS/test/map_mixture2enrollment"
if [ -n "${SHARDS:-}" ]; then
    wesep-like shard "$DATA/train" -o "$DATA/shards"
    TRAIN="data.train={name: premixed_shards, mixture_shards: $DATA/shards/mixtures.list, speakers: $DATA/shards/speakers.txt, mixture_seconds: 3, enrollment_seconds: 3}"
fi
wesep-like train "conf/libri2mix/$SYSTEM.yaml" "$TRAIN" data.valid.mixtures="$DATA/dev/mixtures.jsonl" sample_rate="$RATE" --output "$EXP" --resume "$@"
# A run that went on has another model: what was made of the former one is made again.
unless_newer "$EXP/averaged/model.safetensors" "$EXP/checkpoints/last.ckpt" wesep-like average "$EXP"
unless_newer "$EXP/test/summary.json" "$EXP/averaged/model.safetensors" wesep-like extract --list "$DATA/test/jobs.tsv" --model "$EXP/averaged" -o "$EXP/voices"
unless_newer "$EXP/test/summary.json" "$EXP/averaged/model.safetensors" wesep-like evaluate "$EXP/averaged" "$DATA/test" -o "$EXP/test"
