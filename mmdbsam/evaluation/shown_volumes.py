"""Which volumes a report shows as pictures."""

import json
from pathlib import Path
from typing import Dict, List, Sequence

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.evaluation.label_volume import Target


def best_median_worst(scores: Sequence[float]) -> Dict[str, int]:
    """Name to index of the best, the median and the worst score."""
    order = np.argsort(scores, kind='stable')
    return dict(best=int(order[-1]), median=int(order[len(order) // 2]),
                worst=int(order[0]))


def describe(target: Target) -> dict:
    """How ``summary.json`` names a volume."""
    return dict(case=target.case.name, start=target.start, stop=target.stop,
                label_id=target.label_id)


def shown_in(report: str, targets: List[Target]) -> Dict[str, int]:
    """The volumes that another report shows.

    Args:
        report: Its folder.
        targets: The volumes that are evaluated here.

    Returns:
        dict[str, int]: Name in that report to index in ``targets``.

    Raises:
        InputError: If there is no such report, or one of its volumes is not
            evaluated here.
    """
    path = Path(report, 'summary.json')
    try:
        shown = json.loads(path.read_text())['overlays']
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f'{path}: expected the summary of a report with '
                         f'overlays, found {type(error).__name__}: {error}'
                         ) from error
    known = [describe(target) for target in targets]
    for name, volume in shown.items():
        if volume not in known:
            raise InputError(f'{path}: overlays.{name}: expected a volume '
                             f'that is evaluated here, found {volume}')
    return {name: known.index(volume) for name, volume in shown.items()}
