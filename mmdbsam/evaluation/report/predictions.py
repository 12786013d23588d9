"""What a model predicted, kept with its report for comparisons."""

from collections import defaultdict
from pathlib import Path
from typing import Dict, Tuple

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.evaluation.label_volume import Prompt

# Prompts by (case, label id), then by slice index.
Prompts = Dict[Tuple[str, int], Dict[int, Prompt]]


def prompts_of(prompts: Prompts, case: str, label_id: int, start: int,
               stop: int) -> Dict[int, Prompt]:
    """Those of a label in a block of slices, by slice index."""
    slices = prompts.get((case, label_id), {})
    return {index: prompt for index, prompt in slices.items()
            if start <= index < stop}


def save_predictions(path: Path, prompts: Prompts) -> None:
    """Write prompts and predictions, one bit a pixel of their crops.

    Args:
        path: An ``.npz`` file. It holds, for P prompts, ``case`` (P,) as
            indices of ``cases``, ``label_id`` (P,), ``slice`` (P,), ``box``
            (P, 4), ``corner`` (P, 2) and ``shape`` (P, 2) as in
            :class:`.Prompt`, and ``bits``, uint8, the crops' one after the
            other.
        prompts: By case and label, by slice.
    """
    flat = [(case, label_id, index, prompt)
            for (case, label_id), slices in prompts.items()
            for index, prompt in slices.items()]
    cases = sorted({case for case, *_ in flat})
    ordered = [prompt for *_, prompt in flat]
    np.savez_compressed(
        path,
        cases=np.array(cases, dtype=str),
        case=np.array([cases.index(case) for case, *_ in flat], np.int32),
        label_id=np.array([label_id for _, label_id, *_ in flat], np.int32),
        slice=np.array([index for _, _, index, _ in flat], np.int32),
        box=np.array([p.box for p in ordered], np.float32).reshape(-1, 4),
        corner=np.array([p.corner for p in ordered],
                        np.int32).reshape(-1, 2),
        shape=np.array([p.shape for p in ordered], np.int32).reshape(-1, 2),
        bits=np.concatenate([np.zeros(0, np.uint8),
                             *(p.bits for p in ordered)]))


def load_predictions(path: Path) -> Prompts:
    """Read what :func:`save_predictions` wrote.

    Raises:
        InputError: If the file is missing or is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            content = dict(file)
        names = content['cases'][content['case']].tolist()
        lengths = -(-content['shape'].prod(axis=1) // 8)
        bits = np.split(content['bits'], np.cumsum(lengths))
        fields = [content[key] for key in ('label_id', 'slice', 'box',
                                           'corner', 'shape')]
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise InputError(f"{path}: expected a report's predictions, found "
                         f'{type(error).__name__}: {error}') from error
    prompts: Prompts = defaultdict(dict)
    for name, crop, label_id, index, box, corner, shape in zip(
            names, bits[:-1], *fields, strict=True):
        prompts[name, int(label_id)][int(index)] = Prompt(
            box, tuple(map(int, corner)), tuple(map(int, shape)), crop)
    return prompts
