#!/usr/bin/env bash
# The commands of README.md, in their order: recipes/voxceleb/run.sh VOXCELEB MUSAN RIRS META [SYSTEM [OVERRIDE...]]
# The variables below may be set from outside, GPUS too. What is there already is not made again, but for scores.
set -euo pipefail
for folder in "${@:1:4}"; do
    [ -d "$folder" ] || set --
done
if [ $# -lt 4 ]; then
    echo "error: expected four folders. Usage: recipes/voxceleb/run.sh VOXCELEB MUSAN RIRS META [SYSTEM [OVERRIDE...]]" >&2
    exit 2
fi
VOXCELEB="$(cd "$1" && pwd)"
MUSAN="$(cd "$2" && pwd)"
RIRS="$(cd "$3" && pwd)"
META="$(cd "$4" && pwd)"
SYSTEM="${5:-ecapa}"
shift $(($# < 5 ? $# : 5))
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

EXP="${EXP:-exp/voxceleb/$SYSTEM}"
FINE_TUNING="${FINE_TUNING:-}" # overrides, with spaces between them
LISTS="${LISTS-veri_test2 list_test_all2 list_test_hard2}"
CALIBRATION_TRIALS="${CALIBRATION_TRIALS:-30000}"
TOP_N="${TOP_N:-300}"
WORKERS="${WORKERS:-8}"

unless_there() { # FILE COMMAND...
    [ -e "$1" ] || "${@:2}"
}
unless_newer() { # FILE THAN COMMAND...
    [ "$1" -nt "$2" ] || "${@:3}"
}
forget_older() { # THAN FILE...
    for file in "${@:2}"; do [ "$file" -nt "$1" ] || rm -f "$file"; done
}
wesep-like() {
    if [ "$1" = train ] && [ "${GPUS:-1}" -gt 1 ]; then
        torchrun --standalone --nproc-per-node "$GPUS" -m wesep_like "$@"
    else
        command wesep-like "$@"
    fi
}
speaker_of() { # MODEL: the section that says what it is, without spaces
    python -c 'import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))["model"]["speaker"], separators=(",", ":")))' "$1/config.yaml"
}

unless_there data/voxceleb/calibration/trials.txt wesep-like prepare voxceleb "$VOXCELEB" -o data/voxceleb --meta "$META/vox1_meta.csv" --meta "$META/vox2_meta.csv" --trials "$META/veri_test2.txt" --trials "$META/list_test_all2.txt" --trials "$META/list_test_hard2.txt" --calibration-trials "$CALIBRATION_TRIALS"
unless_there data/musan/noise.jsonl wesep-like prepare musan "$MUSAN" -o data/musan
unless_there data/rirs/rooms.jsonl wesep-like prepare rirs "$RIRS" -o data/rirs
wesep-like train "conf/voxceleb/$SYSTEM.yaml" --output "$EXP" --resume "$@"
# A run that went on has another model, and embeddings of the former one would be refused.
unless_newer "$EXP/averaged/model.safetensors" "$EXP/checkpoints/last.ckpt" wesep-like average "$EXP" --last 10
MODELS=("$EXP")
if [[ " simclr moco dino " != *" $SYSTEM "* ]]; then # these have learnt no speakers, whose margin could be larger
    SPEAKER="$(speaker_of "$EXP/averaged")"
    wesep-like train conf/voxceleb/ecapa_lm.yaml model.speaker=$SPEAKER init.speaker="$EXP/averaged" init.head="$EXP/checkpoints/last.ckpt" --output "$EXP/lm" --resume $FINE_TUNING
    unless_newer "$EXP/lm/averaged/model.safetensors" "$EXP/lm/checkpoints/last.ckpt" wesep-like average "$EXP/lm" --last 3
    MODELS+=("$EXP/lm")
fi
for MODEL in "${MODELS[@]}"; do
    forget_older "$MODEL/averaged/model.safetensors" "$MODEL/vox2_dev.npz" "$MODEL/test.npz"
    unless_there "$MODEL/vox2_dev.npz" wesep-like embed --utterances data/voxceleb/vox2_dev/utterances.jsonl --model "$MODEL/averaged" --workers "$WORKERS" -o "$MODEL/vox2_dev.npz"
    unless_there "$MODEL/test.npz" wesep-like embed --utterances data/voxceleb/test/utterances.jsonl --model "$MODEL/averaged" --workers "$WORKERS" -o "$MODEL/test.npz"
    wesep-like score data/voxceleb/calibration/trials.txt --embeddings "$MODEL/vox2_dev.npz" --mean "$MODEL/vox2_dev.npz" --norm as --cohort "$MODEL/vox2_dev.npz" --top-n "$TOP_N" --quality -o "$MODEL/calibration.txt"
    wesep-like calibrate "$MODEL/calibration.txt" -o "$MODEL/calibration.json" --quality
    for LIST in $LISTS; do
        wesep-like score "data/voxceleb/test/$LIST.txt" --embeddings "$MODEL/test.npz" --mean "$MODEL/vox2_dev.npz" -o "$MODEL/$LIST.cosine.txt"
        wesep-like score "data/voxceleb/test/$LIST.txt" --embeddings "$MODEL/test.npz" --mean "$MODEL/vox2_dev.npz" --norm as --cohort "$MODEL/vox2_dev.npz" --top-n "$TOP_N" -o "$MODEL/$LIST.as_norm.txt"
        wesep-like score "data/voxceleb/test/$LIST.txt" --embeddings "$MODEL/test.npz" --mean "$MODEL/vox2_dev.npz" --norm as --cohort "$MODEL/vox2_dev.npz" --top-n "$TOP_N" --calibration "$MODEL/calibration.json" -o "$MODEL/$LIST.calibrated.txt"
        for SCORING in cosine as_norm calibrated; do
            wesep-like eer "$MODEL/$LIST.$SCORING.txt" --det "$MODEL/$LIST.$SCORING.svg"
        done
    done
done
