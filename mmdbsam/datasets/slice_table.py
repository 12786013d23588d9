"""The slices of prepared data sets, as arrays of a few bytes a slice."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmdbsam.io.prepared import PreparedCase, PreparedData, split_names

#: A set's name, a case, the (start, stop) of a block, and a slice's index.
Slice = tuple[str, PreparedCase, tuple[int, int], int]


class SliceTable(Sequence):
    """The slices of a split that show a large enough label.

    A list of a million tuples would take a minute to make and a gigabyte in
    each process. The table has eight bytes a slice, and makes what it is asked
    for.

    Args:
        tasks: The data sets.
        split: The name of a split, or of several.
        min_areas: The number of pixels that at least one label of a slice must
            have, by the data set's name.
        gaps: Whether to list also the slices where a label is missing between
            its first and its last slice of a block.
    """

    def __init__(self, tasks: Sequence[PreparedData],
                 split: str | Sequence[str], min_areas: Mapping[str, int],
                 gaps: bool) -> None:
        self.tasks = tasks
        # For each data set its blocks, and for each slice the row of its block
        # and its index in the case.
        self.columns: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for data in tasks:
            index = data.index
            blocks = index.blocks(split_names(split))
            rows, slices = index.slices_of(blocks)
            large = index.largest_of(blocks, rows, slices) >= min_areas[
                data.name]
            if gaps:
                large |= _in_gaps(data, blocks, min_areas[data.name])
            self.columns.append((blocks, rows[large], slices[large]))
        self.starts = np.cumsum([0, *(len(rows)
                                      for _, rows, _ in self.columns)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        task = int(np.searchsorted(self.starts, place, 'right')) - 1
        data, (blocks, rows, slices) = self.tasks[task], self.columns[task]
        offset = place - self.starts[task]
        case, _, start, stop = blocks[rows[offset]].tolist()
        return data.name, data.cases[case], (start, stop), int(slices[offset])

    def places(self) -> dict[str, range]:
        """The places of each data set's slices, if it has any, by its name."""
        return {data.name: range(int(start), int(stop)) for data, start, stop
                in zip(self.tasks, self.starts, self.starts[1:], strict=False)
                if stop > start}


def _in_gaps(data: PreparedData, blocks: np.ndarray,
             min_area: int) -> np.ndarray:
    """Whether a label is to be seen before and after each slice of blocks."""
    found = [np.zeros(0, bool)]
    until_now = np.logical_or.accumulate
    for case, _, start, stop in blocks.tolist():
        large = data.index.areas(case)[start:stop] >= min_area
        found.append((until_now(large) & until_now(large[::-1])[::-1]
                      ).any(axis=1))
    return np.concatenate(found)
