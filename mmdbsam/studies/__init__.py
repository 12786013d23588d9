"""Studies: variants of a config, trained, tested and compared."""

from mmdbsam.studies.execution import (
    Tools,
    device_environments,
    execute,
    measure_costs,
)
from mmdbsam.studies.output import write_tables
from mmdbsam.studies.progress import StudyProgress
from mmdbsam.studies.results import collect
from mmdbsam.studies.runs import plan_runs
from mmdbsam.studies.slurm import slurm_commands
from mmdbsam.studies.study import read_study

__all__ = [
    'StudyProgress', 'Tools', 'collect', 'device_environments', 'execute',
    'measure_costs', 'plan_runs', 'read_study', 'slurm_commands',
    'write_tables',
]
