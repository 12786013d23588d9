#!/usr/bin/env bash
# Train on the GPUs of this machine (or on as many processes of a CPU):
#   tools/dist_train.sh CONFIG N [options of tools/train.py]
# Several machines: set NNODES, NODE_RANK and MASTER_ADDR on each.
set -euo pipefail
CONFIG=${1:?usage: tools/dist_train.sh CONFIG N [options]}
N=${2:?usage: tools/dist_train.sh CONFIG N [options]}
shift 2
exec "${PYTHON:-python}" -m torch.distributed.run \
  --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
  --master_addr="${MASTER_ADDR:-127.0.0.1}" \
  --master_port="${MASTER_PORT:-29500}" --nproc_per_node="$N" \
  "$(dirname "$0")/train.py" "$CONFIG" --launcher pytorch "$@"
