"""Keeps a model's predictions with its report, for comparisons."""

from collections import defaultdict
from pathlib import Path
from typing import Optional

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.evaluation.case_score import CaseScore
from mmdbsam.evaluation.predictions import Predictions, PromptedMask
from mmdbsam.structures.packed_mask import PackedMask


def save_predictions(path: Path, predictions: Predictions) -> None:
    """Write prompts and predictions, with one bit for each pixel of a crop.

    The file holds, for P prompts, ``case`` (P,) as indices into ``cases``,
    ``label_id`` (P,), ``draw`` (P,), ``slice`` (P,), ``box`` (P, 4), which is
    NaN where there is none, and ``corner`` (P, 2) and ``shape`` (P, 2) as in
    :class:`.PackedMask`. Its ``bits``, uint8, are those of all crops, one
    after the other.

    Args:
        path: The ``.npz`` file.
        predictions: All predictions of an evaluation.
    """
    flat = [(case, label_id, draw, index, prompt)
            for (case, label_id), draws in predictions.items()
            for draw, slices in draws.items()
            for index, prompt in slices.items()]
    cases = sorted({case for case, *_ in flat})
    places = {case: place for place, case in enumerate(cases)}
    ordered = [prompt for *_, prompt in flat]
    no_box = np.full(4, np.nan, np.float32)
    numbers = {
        name: np.array([row[column] for row in flat], np.int32)
        for column, name in enumerate(('label_id', 'draw', 'slice'), start=1)}
    np.savez_compressed(
        path,
        cases=np.array(cases, dtype=str),
        case=np.array([places[case] for case, *_ in flat], np.int32),
        **numbers,
        box=np.array([no_box if p.box is None else p.box for p in ordered],
                     np.float32).reshape(-1, 4),
        corner=np.array([p.mask.corner for p in ordered],
                        np.int32).reshape(-1, 2),
        shape=np.array([p.mask.shape for p in ordered],
                       np.int32).reshape(-1, 2),
        bits=np.concatenate([np.zeros(0, np.uint8),
                             *(p.mask.bits for p in ordered)]))


def load_predictions(path: Path) -> Predictions:
    """Read a file that :func:`save_predictions` wrote.

    Raises:
        InputError: If the file is missing, or was not written by that
            function.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            content = dict(file)
        names = content['cases'][content['case']].tolist()
        lengths = -(-content['shape'].prod(axis=1) // 8)
        bits = np.split(content['bits'], np.cumsum(lengths))
        fields = [content[key] for key in ('label_id', 'draw', 'slice', 'box',
                                           'corner', 'shape')]
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise InputError(f"{path}: expected a report's predictions, found "
                         f'{type(error).__name__}: {error}') from error
    predictions: Predictions = defaultdict(lambda: defaultdict(dict))
    for name, crop, label_id, draw, index, box, corner, shape in zip(
            names, bits[:-1], *fields, strict=True):
        mask = PackedMask(tuple(map(int, corner)), tuple(map(int, shape)),
                          crop)
        predictions[name, int(label_id)][int(draw)][int(index)] = (
            PromptedMask(None if np.isnan(box).any() else box, mask))
    return predictions


def find_prediction(predictions: Predictions, row: CaseScore, index: int
                    ) -> Optional[PromptedMask]:
    """Find the prediction for a row's label and draw in a slice, if any."""
    draws = predictions.get((row.case, row.label_id), {})
    return draws.get(row.draw, {}).get(index)
