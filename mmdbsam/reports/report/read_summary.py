"""Checks the summary of a report before it is used."""

from typing import Any

from mmdbsam.errors import InputError
from mmdbsam.evaluation.label_volume import METHODS
from mmdbsam.io.json_form import Fields, Number, Values, check_form

_INTERVAL = (type(None), [Number] * 2)
_INTERVALS = Values(Values(_INTERVAL))
_PROTOCOL = dict(
    averaging=str, slices=str, split=str, name=str, empty=str, prompt=str,
    unit=str, min_volume_voxels=Number, tolerance=float, draws=int,
    box_shift_px=[float], scores=Values(Fields(dict(
        title=str, unit=str, ideal=float, of=str))))
_FORM = Fields(dict(
    task=str, note=str, protocol=Fields(_PROTOCOL), volumes=int, cases=int,
    scores=Values(Values(Number)), spread=Values(Values(Number)),
    intervals=_INTERVALS, resampling=Fields(dict(
        unit=str, level=float, method=str)),
    labels=[Fields(dict(label_id=int, label=str, volume_ml=Number,
                        scores=Values(Values(Number)),
                        intervals=_INTERVALS))],
    provenance=dict, versions=Values(str),
    hardware=Fields(dict(cpu=str, cores=int, threads=int, gpus=[str])),
    created=str))
_SCORE_KEYS = {'title', 'unit', 'ideal', 'of'}


def check_summary(summary: Any, where: str) -> None:
    """Make sure that a summary is one that :func:`.summarize` made.

    Args:
        summary: What ``summary.json`` holds.
        where: The file, for the message.

    Raises:
        InputError: If a part is missing or has another form.
    """
    check_form(summary, _FORM, where)
    protocol = summary['protocol']
    names = protocol['scores'].keys()
    for name, score in protocol['scores'].items():
        if score.keys() != _SCORE_KEYS:
            raise InputError(f'{where}: protocol: scores: {name[:100]}: '
                             f'expected the keys '
                             f'{", ".join(sorted(_SCORE_KEYS))}, found '
                             f'{", ".join(score)}'[:500])
    if 'DSC' not in names:
        raise InputError(f"{where}: protocol: scores: expected 'DSC', found "
                         f'{", ".join(names)}'[:500])
    for part, place in ((summary, where), *(
            (label, f'{where}: labels[{index}]')
            for index, label in enumerate(summary['labels']))):
        methods = part['scores'].keys()
        if 'model' not in methods or not methods <= METHODS.keys() or (
                part['intervals'].keys() != methods):
            raise InputError(f'{place}: expected scores and intervals of the '
                             f'methods {", ".join(METHODS)}, found '
                             f'{", ".join(methods)}'[:500])
        for method in methods:
            missing = [name for name in (*names, 'n')
                       if name not in part['scores'][method]]
            missing += [name for name in names
                        if name not in part['intervals'][method]]
            if missing:
                raise InputError(f"{place}: scores: {method}: expected "
                                 f"'{missing[0]}', found none")
