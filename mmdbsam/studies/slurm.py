"""The commands that have Slurm do the runs of a study."""

import os
import shlex
from typing import List, Sequence

from mmdbsam.studies.execution import Tools
from mmdbsam.studies.runs import Run


def slurm_commands(runs: Sequence[Run], tools: Tools,
                   partition: str) -> List[str]:
    """A command for each run that is not done, on one GPU.

    The configs that the commands name are written. A job that is requeued
    resumes its training, and waits for one of the same run that was submitted
    before. ``CPUS_PER_TASK`` is read as in ``tools/slurm_train.sh``, and
    ``sbatch`` reads variables of its own for what else a cluster asks for.

    Args:
        runs: The runs; the first of each variant measures its model's costs.
        tools: The command lines.
        partition: Slurm's partition.
    """
    commands = []
    measured = {run.variant.name for run in runs if run.costs.is_file()}
    for run in runs:
        steps = [] if run.is_trained or run.is_tested else [tools.train(run)]
        steps += [] if run.is_tested else [tools.test(run)]
        if run.variant.name not in measured:
            steps.append(tools.measure(run))
            measured.add(run.variant.name)
        if steps:
            run.prepare()
            commands.append(shlex.join([
                'sbatch', f'--partition={partition}', '--gres=gpu:1',
                f'--cpus-per-task={os.environ.get("CPUS_PER_TASK", "5")}',
                f'--job-name={run.folder}', '--requeue',
                '--dependency=singleton', '--open-mode=append',
                f'--output={run.log("slurm")}', '--wrap',
                ' && '.join(map(shlex.join, steps))]))
    return commands
