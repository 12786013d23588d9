#!/usr/bin/env bash
# Test on the GPUs of this machine (or on as many processes of a CPU):
#   tools/dist_test.sh CONFIG CHECKPOINT N [options of tools/test.py]
# Several machines: set NNODES, NODE_RANK and MASTER_ADDR on each.
set -euo pipefail
USAGE='usage: tools/dist_test.sh CONFIG CHECKPOINT N [options]'
CONFIG=${1:?$USAGE}
CHECKPOINT=${2:?$USAGE}
N=${3:?$USAGE}
shift 3
exec "${PYTHON:-python}" -m torch.distributed.run \
  --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
  --master_addr="${MASTER_ADDR:-127.0.0.1}" \
  --master_port="${MASTER_PORT:-29500}" --nproc_per_node="$N" \
  "$(dirname "$0")/test.py" "$CONFIG" "$CHECKPOINT" --launcher pytorch "$@"
