"""Segments a volume slice by slice, in one plane or in three."""

from collections.abc import Sequence
from itertools import chain
from typing import Dict, List, Optional, Tuple, Type

import numpy as np
from rich.progress import track

from mmdbsam.apis.image_model import ImageModel, ImagePrompts
from mmdbsam.apis.scans import Scan
from mmdbsam.apis.volume.box_following import find_starts, other_parts
from mmdbsam.apis.volume.masks import SliceMasks, SliceProbabilities
from mmdbsam.apis.volume.propagation import (
    Followed,
    Limit,
    PropagationRule,
    propagate,
    sweep,
)
from mmdbsam.apis.volume.regions import (
    BoxStack,
    FollowedBox,
    MaskRegion,
    Seed,
    SliceToBox,
    VolumeObject,
)
from mmdbsam.apis.volume.slices import PlaneSlices
from mmdbsam.apis.volume.workers import SliceWorkers, worker_count
from mmdbsam.geometry.boxes import bounding_box
from mmdbsam.geometry.grids import ORIENTATIONS
from mmdbsam.geometry.planes import SlicePlane
from mmdbsam.io.windowing import Window


class VolumeSegmenter:
    """Segments objects in a volume.

    Args:
        model: The model.
        scan: The volume.
        windows: The grey-value windows of the volume.
        rule: The rule by which objects are followed from seeds.
        batch_size: See :meth:`.PromptInferencer.segment_volume`.
        progress: Whether to show progress bars.

    Attributes:
        segmented: The number of slices that were segmented so far.
        workers: The greatest number of slices that were computed side by
            side.
    """

    def __init__(self, model: ImageModel, scan: Scan,
                 windows: Sequence[Window], rule: PropagationRule,
                 batch_size: Optional[int], progress: bool) -> None:
        self.model = model
        self.scan = scan
        self.windows = windows
        self.rule = rule
        self.side_by_side = batch_size is None
        self.batch_size = batch_size or (
            1 if model.device.type == 'cpu' else 8)
        self.progress = progress
        self.segmented = 0
        self.workers = 1

    def segment(self, objects: Sequence[VolumeObject], plane: str,
                kind: Type[SliceMasks] = SliceMasks) -> List[SliceMasks]:
        """Segment objects in the slices of one plane.

        Args:
            objects: The objects.
            plane: The plane, a key of :data:`ORIENTATIONS`. Box stacks
                and seeds must be on slices of it.
            kind: The class that keeps the masks.

        Returns:
            list[SliceMasks]: The masks of each object.
        """
        view = SlicePlane(self.scan.geometry, plane)
        found = [kind(view) for _ in objects]
        boxes: Dict[int, SliceToBox] = {}
        limits: Dict[int, Limit] = {}
        seeds: Dict[int, Tuple[int, ImagePrompts]] = {}
        for i, one in enumerate(objects):
            if isinstance(one.place, Seed):
                seeds[i] = (one.place.slice_index(view),
                            one.place.prompts(view))
            else:
                boxes[i] = one.place.boxes(view)
                # There is nothing to follow within a single slice.
                if isinstance(one.place, FollowedBox) and len(boxes[i]) > 1:
                    del boxes[i]
                    limits[i] = one.place.limit(view)
        order = sorted(set(chain.from_iterable(boxes.values())))
        followed = chain.from_iterable(range(limit.first, limit.last + 1)
                                       for limit in limits.values())
        # The slices that seeds lead to are not known before.
        count = view.size[2] if seeds else len({*order, *followed})
        with self._workers(count) as workers:
            slices = PlaneSlices(self.model, view.slices(self.scan.values),
                                 self.windows, self.batch_size, workers)
            self._segment_boxes(slices, order, boxes, found)
            if limits:
                self._follow_boxes(slices, limits, found)
            if seeds:
                propagate(slices, seeds, self.rule,
                          lambda i, index, logits, iou:
                          found[i].add(index, logits, iou), self.progress)
        self.segmented += len(slices.segmented)
        return found

    def segment_in_all(self, objects: Sequence[VolumeObject]
                       ) -> List[List[SliceProbabilities]]:
        """Segment objects in the slices of all three planes.

        Objects that are followed, or whose prompts are on axial slices, get
        their boxes in the other planes from the masks found in the axial ones.

        Returns:
            list[list[SliceProbabilities]]: The probabilities of each object
            in each plane.
        """
        first, *others = ORIENTATIONS
        found = [self.segment(objects, first, SliceProbabilities)]
        shape = self.scan.values.shape[:3]
        placed = [
            VolumeObject(one.id, one.name, _region(masks.volume(shape)))
            if isinstance(one.place, (BoxStack, FollowedBox, Seed)) else one
            for one, masks in zip(objects, found[0], strict=True)]
        found += [self.segment(placed, plane, SliceProbabilities)
                  for plane in others]
        return [list(one) for one in zip(*found, strict=True)]

    def _workers(self, slices: int) -> SliceWorkers:
        """Choose the workers for a number of slices."""
        count = worker_count(self.model, slices) if self.side_by_side else 1
        self.workers = max(self.workers, count)
        return SliceWorkers(count)

    def _follow_boxes(self, slices: PlaneSlices, limits: Dict[int, Limit],
                      found: List[SliceMasks]) -> None:
        """Follow the objects that are within a 3-D box."""
        trials = {i: find_starts(slices, limit, i, self.rule)
                  for i, limit in limits.items()}
        starts: Dict[int, Dict[int, Followed]] = {}
        for i, (best, *_) in ((i, own) for i, own in trials.items() if own):
            index, mask = best.found.index, best.found.logits > 0
            found[i].add_found(best.found)
            starts.setdefault(index, {})[i] = Followed.begin(
                slices.image(index), mask, limits[i])
        for step in (1, -1):
            for one in sweep(slices, starts, range(len(slices))[::step],
                             self.rule, self.progress):
                found[one.number].add_found(one)
        for i, own in trials.items():
            if not own:
                # The model finds the object on none of its slices.
                continue
            masks = {z: mask.whole(slices.shape)
                     for z, mask in found[i].masks.items()}
            for one in other_parts(slices, own, masks, limits[i], self.rule):
                found[i].add_found(one)

    def _segment_boxes(self, slices: PlaneSlices, order: Sequence[int],
                       boxes: Dict[int, SliceToBox],
                       found: List[SliceMasks]) -> None:
        """Segment the objects that have a box on each of their slices."""
        here = {index: [i for i in boxes if index in boxes[i]]
                for index in order}
        prompts = {index: ImagePrompts(boxes=np.stack(
            [boxes[i][index] for i in here[index]])) for index in order}
        for index, (logits, ious) in track(
                slices.segment_each(prompts), 'slices', total=len(order),
                disable=not self.progress or not order):
            for i, one, iou in zip(here[index], logits, ious, strict=True):
                found[i].add(index, one, float(iou))


def _region(mask: np.ndarray) -> MaskRegion:
    where = bounding_box(mask) or (slice(0, 0), ) * 3
    start = np.array([part.start for part in reversed(where)], float)
    return MaskRegion(mask[where].copy(), start)
