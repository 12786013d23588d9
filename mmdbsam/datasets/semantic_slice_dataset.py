"""Axial slices of a prepared data set, with a class in each pixel."""

from collections.abc import Sequence

import numpy as np
from mmengine.logging import print_log

from mmdbsam.datasets.slice_dataset import SliceDataset
from mmdbsam.datasets.slice_table import SliceTable
from mmdbsam.errors import InputError
from mmdbsam.io.prepared import PreparedData
from mmdbsam.registry import DATASETS
from mmdbsam.structures.colours import label_rgb

BACKGROUND = 'background'


@DATASETS.register_module()
class SemanticSliceDataset(SliceDataset):
    """Every slice of a split, for models that segment without prompts.

    The classes are labels of the data set by their names; class 0 is the
    background, which is all else. Where labels overlap, a pixel is of the one
    that comes last in ``classes``, as nnU-Net orders its regions.

    The pipeline starts from what a :class:`.SliceDataset` gives it, from
    ``class_ids`` (the label's id of each class from 1 on) and from ``wanted``
    (the class that the sample was drawn for, or 0).

    Args:
        data_root: A folder that ``mmdbsam prepare`` wrote.
        split: ``'train'``, ``'val'``, ``'test'`` or another split of the set,
            such as ``'fold_0'``; or a list of several.
        pipeline: The configs of the transforms.
        classes: The names of the labels that are the classes, in their order.
            None takes all labels in the order of their ids.
        foreground: The share of samples, in 0..1, that are drawn for a class:
            a random class first, however rare it is, and then a random slice
            that shows it. The other samples are the slices that the sampler
            asks for. nnU-Net (doi:10.1038/s41592-020-01008-z) draws a third
            of its samples so.
        modality: The modality that the scans must have, such as ``'CT'``, or
            None for any.

    Raises:
        InputError: If there is not exactly one data set, if it lacks a class
            or shows none in the split, or if a scan has another modality.
    """

    def __init__(self,
                 data_root: str,
                 split: str | Sequence[str],
                 pipeline: Sequence[dict],
                 classes: Sequence[str] | None = None,
                 foreground: float = 0.,
                 modality: str | None = None) -> None:
        data = open_one(data_root)
        self.class_ids = class_ids(data, classes)
        self.foreground = foreground
        blocks = data.blocks(split)
        data.require_modality(modality)
        # Slices without any class are wanted too.
        super().__init__([data], SliceTable([data], split, {data.name: 0},
                                            gaps=False), pipeline)
        columns = [list(data.labels).index(i) for i in self.class_ids]
        areas = (np.concatenate([case.areas()[start:stop, columns]
                                 for case, start, stop in blocks])
                 if blocks else np.zeros((0, len(columns))))
        self.slices_of_class = {
            place: np.flatnonzero(shown) for place, shown
            in enumerate(areas.T, start=1) if shown.any()}
        if not self.slices_of_class:
            raise InputError(
                f"{data.root}: expected, in split '{split}', slices that show "
                f'{_listing(self.class_names)}, found none in '
                f'{len(self.slices)} slices')
        if any(len(case.label()) > 1 for case, *_ in blocks):
            print_log(f'{data.root}: labels overlap; a pixel of several is of '
                      'the one that comes last in classes', logger='current')

    @property
    def class_names(self) -> list[str]:
        """The names of the classes from 1 on."""
        labels = self.tasks[0].labels
        return [labels[label_id] for label_id in self.class_ids]

    @property
    def metainfo(self) -> dict:
        """The classes' names and colours, as data sets of mmseg have them."""
        colours = [[round(255 * part) for part in label_rgb(label_id)]
                   for label_id in self.class_ids]
        return dict(classes=(BACKGROUND, *self.class_names),
                    palette=[[0, 0, 0], *colours])

    def results(self, index: int, rng: np.random.Generator) -> dict:
        """See :class:`.SliceDataset`."""
        wanted = 0
        if self.foreground and rng.random() < self.foreground:
            wanted = int(rng.choice(list(self.slices_of_class)))
            index = int(rng.choice(self.slices_of_class[wanted]))
        return dict(super().results(index, rng), class_ids=self.class_ids,
                    wanted=wanted)


def open_one(data_root: str) -> PreparedData:
    """The prepared data set in a folder.

    Raises:
        InputError: If there is none, or there are several, whose labels may
            mean different things.
    """
    tasks = PreparedData.open_tasks(data_root)
    if len(tasks) > 1:
        raise InputError(
            f'data root {data_root}: expected one data set, as its labels are '
            f'the classes, found {_listing([data.name for data in tasks])}')
    return tasks[0]


def class_ids(data: PreparedData, classes: Sequence[str] | None) -> list[int]:
    """The ids of the labels that are classes, in the classes' order.

    Args:
        data: The data set.
        classes: The labels' names; None for all labels.

    Raises:
        InputError: If the data set has no label of a name, a name occurs
            twice, or there are more than 254 classes.
    """
    ids = {name: label_id for label_id, name in data.labels.items()}
    classes = list(ids if classes is None else classes)
    missing = [name for name in classes if name not in ids]
    if missing:
        raise InputError(
            f'{data.root}: expected labels with the names of the classes, '
            f'found none called {_listing(missing)}; it has {_listing(ids)}')
    if len(set(classes)) < len(classes):
        raise InputError('classes: expected each name once, found '
                         f'{_listing(classes)}')
    # 255 marks pixels that count for nothing, as in mmseg.
    if len(classes) > 254:
        raise InputError(f'{data.root}: expected at most 254 classes, found '
                         f'{len(classes)}; name some of them in classes')
    return [ids[name] for name in classes]


def _listing(names: Sequence[str], shown: int = 5) -> str:
    names = list(names)
    more = f' and {len(names) - shown} more' if len(names) > shown else ''
    return ', '.join(names[:shown]) + more
