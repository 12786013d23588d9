"""The option ``--fold``, which trains and tests on folds of patients."""

from mmengine.config import Config

from mmdbsam.errors import InputError
from mmdbsam.io.prepared import FOLD, PreparedData


def number_of_folds(cfg: Config) -> int:
    """Count the folds of the data that a config trains on.

    Args:
        cfg: The config. Of several data sets, some may have no folds.

    Raises:
        InputError: If no data set has folds, or if their numbers differ.
    """
    root = _data_root(cfg)
    counts = {data.name: sum(name.startswith(FOLD) for name
                             in data.index.about['splits'])
              for data in PreparedData.open_tasks(root)}
    counts = {name: count for name, count in counts.items() if count}
    if not counts:
        raise InputError(f'data root {root}: expected data in folds, found '
                         'none; split them with mmdbsam prepare --folds N')
    if len(set(counts.values())) > 1:
        raise InputError(
            f'data root {root}: expected as many folds in each data set, found'
            f' {", ".join(f"{n} in {name}" for name, n in counts.items())}')
    return next(iter(counts.values()))


def set_fold(cfg: Config, fold: int) -> None:
    """Hold a fold out of the training, and validate and test on it.

    A data set without folds adds its training split to every training.

    Args:
        cfg: The config, whose data sets and evaluators are changed. They all
            read the data of the training.
        fold: The number of the fold, from 0.

    Raises:
        InputError: If the data have no such fold.
    """
    number = number_of_folds(cfg)
    if not 0 <= fold < number:
        raise InputError(f'--fold: expected 0 to {number - 1}, as the data '
                         f'have {number} folds, found {fold}')
    root, own = _data_root(cfg), f'{FOLD}{fold}'
    if cfg.get('train_dataloader'):
        cfg.train_dataloader.dataset.split = [
            *(f'{FOLD}{i}' for i in range(number) if i != fold), 'train']
    parts = [cfg[name].dataset for name in ('val_dataloader',
                                            'test_dataloader')
             if cfg.get(name)]
    parts += [cfg[name] for name in ('val_evaluator', 'test_evaluator')
              if cfg.get(name)]
    for part in parts:
        part.split, part.data_root = own, root


def _data_root(cfg: Config) -> object:
    loader = cfg.get('train_dataloader') or cfg.test_dataloader
    return loader.dataset.data_root
