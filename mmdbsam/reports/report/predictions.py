"""Keeps a model's predictions with its report, for comparisons."""

from collections import defaultdict
from pathlib import Path
from typing import Dict, Optional

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.evaluation.case_score import CaseScore
from mmdbsam.evaluation.predictions import Predictions, PromptedMask
from mmdbsam.io.input_files import require_input
from mmdbsam.structures.packed_mask import PackedMask

_COLUMNS = ('label_id', 'draw', 'slice', 'box', 'corner', 'shape')
# Far more than any report holds.
_LARGEST, _LONGEST_SIDE = 1 << 31, 1 << 20


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
    require_input(path)
    try:
        content = _read(path)
        names = content['cases'][content['case']].tolist()
        lengths = -(-content['shape'].astype(np.int64).prod(axis=1) // 8)
        bits = np.split(content['bits'], np.cumsum(lengths))
        if (len(bits[-1]) or min(lengths, default=0) < 0
                or [len(part) for part in bits[:-1]] != lengths.tolist()):
            raise ValueError('bits of another number of pixels')
        fields = [content[key] for key in _COLUMNS]
    # A corrupt archive may raise anything.
    except Exception as error:
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


def _read(path: Path) -> Dict[str, np.ndarray]:
    """Read the arrays, if they have the types and shapes that they should.

    Raises:
        ValueError: If one has not.
    """
    with np.load(path, allow_pickle=False) as file:
        # The file says how much memory its content needs.
        size = sum(part.file_size for part in file.zip.infolist())
        if size > _LARGEST:
            raise ValueError(f'{size / 1e9:.1f} GB')
        content = {key: file[key] for key in ('cases', 'case', 'bits',
                                              *_COLUMNS)}
    prompts = len(content['case'])
    wanted = dict.fromkeys(('case', 'label_id', 'draw', 'slice'), (prompts, ))
    wanted |= dict(box=(prompts, 4), corner=(prompts, 2), shape=(prompts, 2))
    for key, shape in wanted.items():
        kind = 'f' if key == 'box' else 'i'
        if content[key].shape != shape or content[key].dtype.kind != kind:
            raise ValueError(f'{key} of {content[key].dtype} '
                             f'{content[key].shape}')
    if any((content[key] < 0).any() or (content[key] > _LONGEST_SIDE).any()
           for key in ('corner', 'shape', 'case')):
        raise ValueError('places outside of any image')
    if content['cases'].dtype.kind != 'U' or content['bits'].ndim != 1 or (
            content['bits'].dtype != np.uint8):
        raise ValueError('cases or bits of another type')
    return content


def find_prediction(predictions: Predictions, row: CaseScore, index: int
                    ) -> Optional[PromptedMask]:
    """Find the prediction for a row's label and draw in a slice, if any."""
    draws = predictions.get((row.case, row.label_id), {})
    return draws.get(row.draw, {}).get(index)
