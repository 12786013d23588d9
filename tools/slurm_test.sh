#!/usr/bin/env bash
# Test under Slurm, a task a GPU:
#   GPUS=8 GPUS_PER_NODE=8 tools/slurm_test.sh PARTITION JOB CONFIG CHECKPOINT \
#     [options]
set -euo pipefail
USAGE='usage: tools/slurm_test.sh PARTITION JOB CONFIG CHECKPOINT [options]'
PARTITION=${1:?$USAGE}
JOB_NAME=${2:?$USAGE}
CONFIG=${3:?$USAGE}
CHECKPOINT=${4:?$USAGE}
shift 4
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-8}
# SRUN_ARGS is meant to be split into words.
# shellcheck disable=SC2086
exec srun --partition="$PARTITION" --job-name="$JOB_NAME" --ntasks="$GPUS" \
  --gres=gpu:"$GPUS_PER_NODE" --ntasks-per-node="$GPUS_PER_NODE" \
  --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 \
  ${SRUN_ARGS:-} "${PYTHON:-python}" -u "$(dirname "$0")/test.py" \
  "$CONFIG" "$CHECKPOINT" --launcher slurm "$@"
