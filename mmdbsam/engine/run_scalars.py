"""What trainings logged, read back from their ``scalars.json``."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Sequence

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import read_text
from mmdbsam.visualization.curves import Curve, Panel

# mmengine's LocalVisBackend logs here in a work directory, with one folder for
# each run.
_RUNS = '*/vis_data/scalars.json'
# No training has as many steps.
_MOST = 10**15
_COUNTERS = ('step', 'iter', 'epoch')


def read_scalars(path: str | Path) -> List[Dict[str, float]]:
    """Read what the LoggerHook wrote, in the order of the training.

    Args:
        path: A run's ``scalars.json`` (or the file of the same content that
            is named after the run), or a work directory. The runs of a
            training that was resumed there are joined; if two of them have the
            same step, the later run counts.

    Returns:
        list[dict]: The rows of the log. The row of a training step has
        ``iter``, and ``epoch`` if the training counts epochs. The row of a
        validation has neither. ``step`` is the iteration of a training step
        and mostly the epoch of a validation.

    Raises:
        InputError: If there is no such file, or if it has other content.
    """
    path = Path(path)
    if not path.is_dir():
        return _read_file(path)
    # mmengine names a run's folder after the time at which it starts.
    files = sorted(path.glob(_RUNS))
    if not files:
        raise InputError(f'{path}: expected the work directory of a training,'
                         f' with {_RUNS}, found none')
    rows: List[Dict[str, float]] = []
    for file in files:
        rows = _joined(rows, _read_file(file))
    return rows


def curve(rows: Sequence[Dict[str, float]], key: str,
          name: str | None = None) -> Curve:
    """Make the curve of a logged value over the training's steps.

    Args:
        rows: The rows of the log, see :func:`read_scalars`.
        key: The value's name in the log, one of :func:`logged_keys`.
        name: The name of the curve, or None to use the key.
    """
    found = [row for row in rows if key in row]
    of_training = 'iter' in found[0]
    return Curve(name or key,
                 [row['iter' if of_training else 'step'] for row in found],
                 [row[key] for row in found],
                 'iteration' if of_training else 'epoch')


def logged_keys(rows: Sequence[Dict[str, float]]) -> List[str]:
    """List the names of all logged values, in the order of the log."""
    return list(dict.fromkeys(key for row in rows for key in row
                              if key not in _COUNTERS))


def training_panels(rows: Sequence[Dict[str, float]]) -> List[Panel]:
    """Make panels of the losses, the learning rate and the validation DSC.

    A quantity that was not logged has no panel.

    Raises:
        InputError: If the log has no training step.
    """
    steps = [row for row in rows if 'iter' in row]
    if not steps:
        raise InputError('log: expected a training, found no row with an '
                         "'iter'")
    keys = logged_keys(steps)
    last = steps[-1]
    panels = [Panel('loss', [curve(steps, key) for key in keys
                             if 'loss' in key], last['iter'],
                    noisy=True),
              Panel('learning rate', [curve(steps, key, 'learning rate')
                                      for key in _rate(keys)], last['iter'])]
    validations = [row for row in rows if 'iter' not in row]
    # A benchmark has the DSC of each task, TASK/DSC, beside their mean.
    scores = [curve(validations, key) for key in logged_keys(validations)
              if key.endswith('DSC') and '/' not in key]
    panels.append(Panel(
        'DSC in validation (%)',
        [replace(score, values=[100 * value for value in score.values])
         for score in scores], last.get('epoch'), best=True))
    return [panel for panel in panels if panel.curves]


def _rate(keys: Sequence[str]) -> List[str]:
    """The key of the learning rate, in a list, or [] if it was not logged."""
    # If parameters have rates of their own, 'lr' is the rate of some of them.
    return [key for key in ('base_lr', 'lr') if key in keys][:1]


def _joined(rows: List[Dict[str, float]], later: List[Dict[str, float]]
            ) -> List[Dict[str, float]]:
    """Join the rows of a run and of one that went on from one of its steps."""
    first = next((row for row in later if 'iter' in row), None)
    if first is None:
        return rows
    # A training that counts epochs resumes at the beginning of an epoch.
    counter = 'epoch' if 'epoch' in first else 'iter'
    return [row for row in rows
            if row.get(counter, row['step']) < first[counter]] + later


def _read_file(path: Path) -> List[Dict[str, float]]:
    try:
        rows = [json.loads(line) for line in read_text(path).splitlines()]
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f'{path}: expected a log with one JSON object a '
                         f'line, found: {error}') from error
    if not rows or not all(
            isinstance(row, dict) and 'step' in row and all(
                type(value) is float or type(value) is int
                and abs(value) < _MOST for value in row.values())
            for row in rows):
        raise InputError(f"{path}: expected a training's scalars.json, whose "
                         "lines have a 'step' and numbers, found "
                         f'{"lines without" if rows else "no line"}')
    return rows
