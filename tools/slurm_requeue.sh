#!/usr/bin/env bash
# Train under Slurm in a job that saves before its time limit, puts itself back
# into the queue, and goes on from there; a task a GPU:
#   sbatch --partition=P --time=8:00:00 --nodes=2 --ntasks-per-node=8 \
#     --gpus-per-node=8 tools/slurm_requeue.sh CONFIG [options of tools/train.py]
# Submit it from the folder that holds tools/.
#SBATCH --requeue
#SBATCH --signal=B:USR1@300
#SBATCH --open-mode=append
set -uo pipefail
CONFIG=${1:?usage: sbatch [options] tools/slurm_requeue.sh CONFIG [options]}
shift
# Slurm runs a copy of this file in a folder of its own.
cd "${SLURM_SUBMIT_DIR:-.}" || exit 1
IS_TOLD=
# srun passes the signal on to all tasks.
trap 'IS_TOLD=yes; kill -USR1 "$SRUN"' USR1
# SRUN_ARGS is meant to be split into words.
# shellcheck disable=SC2086
srun --kill-on-bad-exit=1 ${SRUN_ARGS:-} "${PYTHON:-python}" -u tools/train.py \
  "$CONFIG" --launcher slurm --resume auto "$@" &
SRUN=$!
wait "$SRUN"
STATUS=$?
if [ -n "$IS_TOLD" ]; then
  # The signal has ended the wait, but not the training.
  wait "$SRUN"
  STATUS=$?
fi
# A training that has saved itself ends with status 75. Where a task ends first,
# Slurm may kill the others, whose status then counts.
if [ "$STATUS" -eq 75 ] || { [ -n "$IS_TOLD" ] && [ "$STATUS" -ne 0 ]; }; then
  exec scontrol requeue "$SLURM_JOB_ID"
fi
exit "$STATUS"
