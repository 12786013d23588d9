"""Draws samples as the model sees them."""

from typing import NamedTuple

import numpy as np

from mmdbsam.datasets import PromptSliceDataset, SampleKey
from mmdbsam.visualization import draw_prompts


class Sample(NamedTuple):
    """A slice as it comes out of the pipeline.

    Attributes:
        case: The case's name, after that of its data set if there are several.
        slice_index: The index of the slice.
        flipped: Whether the pipeline flipped the slice.
        labels: The labels' names by their ids, with the number of boxes if
            there are several.
        has_masks: Whether the pipeline made masks.
        picture: The drawn sample, uint8 (h, w, 3), RGB.
    """

    case: str
    slice_index: int
    flipped: bool
    labels: dict[int, str]
    has_masks: bool
    picture: np.ndarray

    @property
    def title(self) -> str:
        """The case and the slice, as the sample's title."""
        mirrored = ', flipped' if self.flipped else ''
        return f'{self.case}, slice {self.slice_index}{mirrored}'


def spread(total: int, count: int, seed: int) -> list[int]:
    """Draw an index at random from each of ``count`` equal parts."""
    edges = np.arange(count + 1) * total // count
    generator = np.random.default_rng(seed)
    return generator.integers(edges[:-1], edges[1:]).tolist()


def draw_sample(dataset: PromptSliceDataset, key: SampleKey) -> Sample:
    """Pass a slice through the pipeline and draw what comes out."""
    packed = dataset[key]
    about, prompts = packed['data_samples'], packed['data_samples'].prompts
    ids = prompts.labels.tolist()
    masks = (about.gt_instances.masks.numpy() if 'gt_instances' in about
             else None)
    tasks = dataset.metainfo['tasks']
    case = f'{about.task}: {about.case}' if len(tasks) > 1 else about.case
    names = tasks[about.task]
    labels = {i: names[i] + (f' ×{ids.count(i)}' if ids.count(i) > 1 else '')
              for i in sorted(set(ids))}
    boxes = prompts.boxes.numpy().copy()
    if 'has_box' in prompts:
        boxes[~prompts.has_box.numpy()] = np.nan
    points = ([own[own[:, 2] >= 0] for own in prompts.points.numpy()]
              if 'points' in prompts else None)
    picture = draw_prompts(packed['inputs'].permute(1, 2, 0).numpy(), boxes,
                           ids, masks, points)
    return Sample(case, about.slice_index, about.flip, labels,
                  masks is not None, picture)
