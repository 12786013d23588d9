"""Studies and cross-validations, which train and test variants of a config."""

from mmdbsam.studies.cross_validation import plan_folds
from mmdbsam.studies.execution import (
    Tools,
    device_environments,
    execute,
    measure_costs,
)
from mmdbsam.studies.progress import StudyProgress
from mmdbsam.studies.runs import plan_runs
from mmdbsam.studies.slurm import slurm_commands
from mmdbsam.studies.study import read_study

__all__ = [
    'StudyProgress', 'Tools', 'device_environments', 'execute',
    'measure_costs', 'plan_folds', 'plan_runs', 'read_study', 'slurm_commands',
]
