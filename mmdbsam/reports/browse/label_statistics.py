"""Counts and measures the labels of a data set."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.ndimage import find_objects

from mmdbsam.io.prepared import PreparedData
from mmdbsam.preparation import SPLITS


class LabelRow(NamedTuple):
    """The statistics of a label in a split.

    Attributes:
        task: The name of the data set.
        label_id: The label's id.
        label: The label's name.
        split: The split.
        cases: The number of cases that show the label.
        slices: The number of slices that show the label.
        voxels: The number of the label's voxels.
        volume_ml: The volume of these voxels in mL.
        width: The minimum, median and maximum width in pixels of the tight
            box around the label in a slice; None if no slice shows it.
        height: The same for the height of the box.
    """

    task: str
    label_id: int
    label: str
    split: str
    cases: int
    slices: int
    voxels: int
    volume_ml: float
    width: tuple[float, float, float] | None
    height: tuple[float, float, float] | None


def box_sizes(layers: np.ndarray) -> dict[int, tuple[int, int]]:
    """Measure the tight boxes around the labels in a slice.

    Args:
        layers: The label ids of the slice, (L, H, W), 0 for background.

    Returns:
        dict: The (width, height) of each label's box in pixels, by the
        label's id.
    """
    corners: dict[int, list[tuple[int, ...]]] = {}
    for layer in layers:
        for label_id, found in enumerate(find_objects(layer), 1):
            if found:
                rows, columns = found
                corners.setdefault(label_id, []).append(
                    (columns.start, rows.start, columns.stop, rows.stop))
    sizes = {}
    for label_id, boxes in corners.items():
        left, top, right, bottom = zip(*boxes, strict=True)
        sizes[label_id] = (max(right) - min(left), max(bottom) - min(top))
    return sizes


def label_statistics(data: PreparedData) -> list[LabelRow]:
    """Make a row for each label and split with slices, ordered by label."""
    rows = []
    for split in SPLITS:
        voxels = np.zeros(len(data.labels), np.int64)
        volumes = np.zeros(len(data.labels))
        cases: dict[int, set[str]] = {i: set() for i in data.labels}
        sizes: dict[int, list[tuple[int, int]]] = {i: [] for i in data.labels}
        blocks = data.blocks(split)
        for case, start, stop in blocks:
            areas = case.areas()[start:stop].sum(axis=0, dtype=np.int64)
            voxels += areas
            volumes += areas * np.prod(case.spacing) / 1000
            for layers in case.label()[:, start:stop].swapaxes(0, 1):
                for label_id, size in box_sizes(layers).items():
                    cases[label_id].add(case.name)
                    sizes[label_id].append(size)
        for i, (label_id, name) in enumerate(data.labels.items()):
            if blocks:
                ranges = ([least_median_most(side) for side
                           in zip(*sizes[label_id], strict=True)]
                          or [None, None])
                rows.append(LabelRow(
                    data.name, label_id, name, split, len(cases[label_id]),
                    len(sizes[label_id]), int(voxels[i]), volumes[i],
                    *ranges))
    # A stable sort keeps the order of the splits.
    return sorted(rows, key=lambda row: row.label_id)


def least_median_most(values: Sequence[int]) -> tuple[float, float, float]:
    """Return the minimum, median and maximum of one or more values."""
    return min(values), float(np.median(values)), max(values)


def cells(row: LabelRow) -> list[str]:
    """Format a row for print, without its label and split."""
    ranges = [' '.join(f'{value:>5g}' for value in side) if side else '-'
              for side in (row.width, row.height)]
    return [f'{row.cases}', f'{row.slices}', f'{row.voxels}',
            f'{row.volume_ml:.2f}', *ranges]


def print_statistics(rows: Sequence[LabelRow]) -> None:
    """Print the tables of the data sets in columns of fixed width."""
    width = max(len(row.label) for row in rows)
    task = None
    for row in rows:
        if row.task != task:
            task = row.task
            print(f'\n{task:{width + 44}}  {"box width, px":>17}  '
                  f'{"box height, px":>17}\n'
                  f'{"label":{width}}  split  cases slices     voxels        '
                  ' mL' + '    min   med   max' * 2)
        cases, slices, voxels, volume, *ranges = cells(row)
        print(f'{row.label:{width}}  {row.split:5} {cases:>6} {slices:>6} '
              f'{voxels:>10} {volume:>10}'
              + ''.join(f'  {side:>17}' for side in ranges))
    print()


def write_statistics(path: Path, rows: Sequence[LabelRow]) -> None:
    """Write the table as CSV; cells are empty where there is no box."""
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow([*LabelRow._fields[:-2], *(
            f'{side}_{what}' for side in ('width', 'height')
            for what in ('min', 'median', 'max'))])
        for row in rows:
            *facts, volume, across, down = row
            writer.writerow([*facts, f'{volume:.4f}',
                             *(across or [''] * 3), *(down or [''] * 3)])
