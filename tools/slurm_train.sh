#!/usr/bin/env bash
# Train under Slurm, a task a GPU:
#   GPUS=16 GPUS_PER_NODE=8 tools/slurm_train.sh PARTITION JOB CONFIG [options]
set -euo pipefail
USAGE='usage: tools/slurm_train.sh PARTITION JOB_NAME CONFIG [options]'
PARTITION=${1:?$USAGE}
JOB_NAME=${2:?$USAGE}
CONFIG=${3:?$USAGE}
shift 3
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-8}
# SRUN_ARGS is meant to be split into words.
# shellcheck disable=SC2086
exec srun --partition="$PARTITION" --job-name="$JOB_NAME" --ntasks="$GPUS" \
  --gres=gpu:"$GPUS_PER_NODE" --ntasks-per-node="$GPUS_PER_NODE" \
  --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 \
  ${SRUN_ARGS:-} "${PYTHON:-python}" -u "$(dirname "$0")/train.py" \
  "$CONFIG" --launcher slurm "$@"
