"""Makes the commands with which Slurm does the runs of a study."""

import os
import shlex
from typing import List, Sequence

from mmdbsam.studies.execution import Tools
from mmdbsam.studies.runs import Run


def slurm_commands(runs: Sequence[Run], tools: Tools, partition: str,
                   costs: bool = True) -> List[str]:
    """Make a command for each run that is not done, on one GPU.

    The configs that the commands name are written. A requeued job resumes its
    training, and a job waits for an earlier one of the same run.
    ``CPUS_PER_TASK`` is read as in ``tools/slurm_train.sh``. Other settings
    of a cluster can be given to ``sbatch`` by its own environment variables.

    Args:
        runs: The runs; the first of each variant measures its model's costs.
        tools: The command lines.
        partition: The Slurm partition.
        costs: Whether to measure the costs of models.

    Returns:
        list[str]: The commands.
    """
    commands = []
    measured = {run.variant.name for run in runs if run.costs.is_file()}
    for run in runs:
        steps = [] if run.is_trained or run.is_tested else [tools.train(run)]
        steps += [] if run.is_tested else [tools.test(run)]
        if costs and run.variant.name not in measured:
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
