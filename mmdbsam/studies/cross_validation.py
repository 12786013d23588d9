"""A training and a test for each fold of patients."""

from pathlib import Path
from typing import Any, Dict, List, Union

from mmdbsam.engine.config import (
    apply_options,
    find_config,
    read_config,
    require_training,
)
from mmdbsam.engine.fold_option import number_of_folds, set_fold
from mmdbsam.studies.runs import Run
from mmdbsam.studies.study import Variant


def plan_folds(config: str, options: Dict[str, Any],
               amp: Union[bool, str, None], work_dir: Path) -> List[Run]:
    """List the runs of a cross-validation, one for each fold.

    A run trains on the other folds, and tests its last checkpoint on its own,
    so that nothing of the fold chooses the checkpoint.

    Args:
        config: The config's path, or its name in the model zoo.
        options: Overrides of the config.
        amp: Whether the trainings use mixed precision.
        work_dir: The folder of all runs.

    Raises:
        InputError: If the config trains nothing, its data have no folds, or a
            run was begun with another config.
    """
    path = find_config(config)
    cfg = read_config(path)
    require_training(cfg, f'config {config}')
    apply_options(cfg, options)
    runs = []
    for fold in range(number_of_folds(cfg)):
        own = read_config(path)
        apply_options(own, dict(options))
        set_fold(own, fold)
        own.study = dict(variant=f'fold {fold}', amp=amp)
        seed = (own.get('randomness') or {}).get('seed') or 0
        runs.append(Run(Variant(f'fold {fold}', {}), seed,
                        work_dir / f'fold_{fold}', own))
    for run in runs:
        run.check()
    return runs
