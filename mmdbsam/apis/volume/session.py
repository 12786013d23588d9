"""Objects of a volume that prompts find, and corrections improve."""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import List, Optional, Tuple, Union

import numpy as np
from torch import Tensor

from mmdbsam.apis.image_model import ImageModel, ImagePrompts
from mmdbsam.apis.scans import Scan
from mmdbsam.apis.volume.box_following import (
    Trial,
    beginning,
    find_starts,
    other_parts,
)
from mmdbsam.apis.volume.history import Change
from mmdbsam.apis.volume.locator import PromptLocator
from mmdbsam.apis.volume.prompts import VolumePrompt
from mmdbsam.apis.volume.propagation import Followed, Found, Limit, sweep
from mmdbsam.apis.volume.regions import Cuboid, FollowedBox, Seed
from mmdbsam.apis.volume.session_objects import SessionObjects
from mmdbsam.apis.volume.session_state import (
    SessionObject,
    SessionState,
    SliceState,
    read_session,
    write_session,
)
from mmdbsam.apis.volume.slices import PlaneSlices
from mmdbsam.apis.volume.workers import SliceWorkers
from mmdbsam.errors import InputError
from mmdbsam.structures.packed_mask import PackedMask


class VolumeSession(SessionObjects):
    """A volume whose objects are prompted and corrected slice by slice.

    :meth:`answer` answers a prompt on its slice, and :meth:`follow` then
    follows the object from there, so that a viewer can show each slice as it
    comes. :meth:`correct` does both. A prompt on a slice changes that slice
    and those that follow from it, up to the next slice that was prompted;
    every other slice stays as it is. :meth:`.PromptInferencer.open_volume`
    makes sessions.

    Clicks and scribbles on a slice that has a mask are decoded together with
    the clicks before them, with the last answer as mask prompt. Only models
    that were trained in rounds of clicks gain from them; boxes correct a slice
    with any model.

    Args:
        model: The model.
        scan: The volume.
        state: The plane of the slices, the prompts' units, the windows, the
            rule, and the objects so far.
        executor: What encodes the slices; None means the calling thread.
    """

    def __init__(self, model: ImageModel, scan: Scan, state: SessionState,
                 executor: Optional[Executor] = None) -> None:
        super().__init__(scan, state)
        # A slice is answered soonest if nothing is computed beside it.
        workers = SliceWorkers(1, executor)
        self.slices = PlaneSlices(model, self.plane.slices(scan.values),
                                  state.windows, 1, workers)
        self._locator = PromptLocator(scan, scan, state.plane, state.units,
                                      corrects=True)
        # The trials of a 3-D box that was the last change.
        self._trials: List[Trial] = []
        # The last answer: object, slice, turns and low-resolution logits.
        self._last: Optional[Tuple[int, int, Tuple[ImagePrompts, ...],
                                   Tensor]] = None

    @classmethod
    def load(cls, path: Union[str, Path], model: ImageModel, scan: Scan,
             executor: Optional[Executor] = None) -> 'VolumeSession':
        """Go on with a session that :meth:`save` wrote.

        See the class for the arguments.

        Raises:
            InputError: See :func:`.read_session`.
        """
        return cls(model, scan, read_session(Path(path), scan), executor)

    def save(self, path: Union[str, Path]) -> None:
        """Write the objects with their prompts and masks to an ``.npz`` file.

        The image is not written, and changes that were made cannot be undone
        after the file is read.
        """
        write_session(Path(path), self.scan, replace(
            self.state, objects=list(self.objects.values())))

    def answer(self, object_id: int, prompt: VolumePrompt) -> int:
        """Answer a prompt on its slice.

        A :class:`.VolumeBox` begins the object anew, on one of the box's
        slices.

        Args:
            object_id: The object.
            prompt: A VolumeBox, SeedBox, SeedPoint, Scribble or Lasso.

        Returns:
            int: The index of the slice, in the plane's own order.

        Raises:
            InputError: If there is no such object, if the prompt is of
                another kind, outside the volume or of a wrong shape, or if
                it is on the background of an object without a mask there.
        """
        one = self._object(object_id)
        what = f"object '{one.name}'"
        place = self._locator.place(prompt, what)
        kept, limit, trials = one.slices, one.limit, []
        if isinstance(place, FollowedBox):
            kept, limit = {}, place.limit(self.plane)
            trials = self._tried(object_id, limit)
            index, turns = beginning(limit, trials)
        elif isinstance(place, Seed):
            index = place.slice_index(self.plane)
            turns = self._turns(one, index, place, what)
            if limit is not None and not limit.covers(index, turns[-1]):
                # The user knows better by now.
                limit = None
        else:
            raise InputError(
                f'{what}: expected a VolumeBox, SeedBox, SeedPoint, Scribble '
                f'or Lasso, found {type(prompt).__name__}'
                f'{" with each_slice" * isinstance(place, Cuboid)}')
        logits, iou = self._decode(one, index, turns)
        if limit is not None:
            logits = limit.clip(logits)
        self._remember(one)
        one.limit, self._trials = limit, trials
        one.slices = {**kept, index: SliceState(
            PackedMask.pack(logits > 0), iou, turns, True)}
        return index

    def follow(self, object_id: int, index: int) -> Iterator[int]:
        """Follow an object from a slice that was prompted, both ways.

        It ends at the next slices that were prompted. Where there is none, it
        ends as the rule says, and later slices that followed from this one
        lose their masks.

        Args:
            object_id: The object.
            index: The slice, as :meth:`answer` returned it.

        Yields:
            int: Each slice whose mask was found again, or lost, as soon as
            that is known.

        Raises:
            InputError: If there is no such object, or it was not prompted on
                the slice.
        """
        one = self._object(object_id)
        if index not in one.prompted:
            raise InputError(f"object '{one.name}': slice: expected one that "
                             f'was prompted, found {index}')
        for step in (1, -1):
            stop, is_open = self._stop(one, index, step)
            last = index
            for found in self._sweep(one, index, range(index, stop, step)):
                self._set(one, found)
                last = found.index
                yield last
            if is_open:
                for other in [z for z in one.slices
                              if (z - last) * step > 0]:
                    del one.slices[other]
                    yield other
        if self._trials:
            trials, self._trials = self._trials, []
            masks = {z: state.mask.whole(self.slices.shape)
                     for z, state in one.slices.items()}
            for found in other_parts(self.slices, trials, masks, one.limit,
                                     self.state.rule):
                self._set(one, found, one.slices.get(found.index))
                yield found.index

    def correct(self, object_id: int, prompt: VolumePrompt) -> List[int]:
        """Answer a prompt, and follow the object from its slice.

        Returns:
            list[int]: The slices that changed, the prompted one first.

        Raises:
            InputError: See :meth:`answer`.
        """
        index = self.answer(object_id, prompt)
        return [index, *self.follow(object_id, index)]

    def _remember(self, one: SessionObject) -> None:
        super()._remember(one)
        self._trials = []

    def _put(self, change: Optional[Change]) -> Optional[int]:
        self._last, self._trials = None, []
        return super()._put(change)

    def _tried(self, object_id: int, limit: Limit) -> List[Trial]:
        """Look for an object in a 3-D box of several slices."""
        # There is nothing to follow within a single slice.
        if limit.first == limit.last:
            return []
        return find_starts(self.slices, limit, object_id, self.state.rule)

    def _turns(self, one: SessionObject, index: int, place: Seed, what: str
               ) -> Tuple[ImagePrompts, ...]:
        """Add a prompt on a slice to the turns before it."""
        prompts, state = place.prompts(self.plane), one.slices.get(index)
        if prompts.boxes is not None:
            return (prompts, )
        if state is None:
            if place.is_background:
                raise InputError(
                    f'{what}: expected a prompt on the object first, as slice '
                    f'{index} has no mask, found one on the background')
            return (prompts, )
        if not state.turns:
            return (replace(
                prompts, masks=state.mask.whole(self.slices.shape)[None]), )
        before = state.turns[-1]
        if before.points is not None:
            prompts = replace(
                prompts,
                points=np.concatenate([before.points, prompts.points], 1),
                point_labels=np.concatenate(
                    [before.point_labels, prompts.point_labels], 1))
        # A box that was made from the slice before may be what is wrong.
        box = before.boxes if state.is_prompted else None
        return (*state.turns, replace(prompts, boxes=box, masks=None))

    def _decode(self, one: SessionObject, index: int,
                turns: Tuple[ImagePrompts, ...]) -> Tuple[np.ndarray, float]:
        """Decode the turns, or the last alone if the others are known."""
        begun, logits = 0, None
        if self._last is not None:
            object_id, last_index, before, known = self._last
            if (object_id, last_index) == (one.id, index) and [
                    *map(id, before)] == [*map(id, turns[:-1])]:
                begun, logits = len(before), known
        found, iou, logits = self.slices.refine(index, turns[begun:], logits)
        self._last = one.id, index, turns, logits
        return found, iou

    def _sweep(self, one: SessionObject, index: int, order: range
               ) -> Iterator[Found]:
        """Follow an object from a slice whose mask is large enough."""
        mask = one.slices[index].mask.whole(self.slices.shape)
        if np.count_nonzero(mask) < self.state.rule.min_area:
            return
        begun = Followed.begin(self.slices.image(index), mask, one.limit)
        yield from sweep(self.slices, {index: {one.id: begun}}, order,
                         self.state.rule)

    def _stop(self, one: SessionObject, index: int, step: int
              ) -> Tuple[int, bool]:
        """Find where a sweep stops, and whether nothing was prompted there."""
        ahead = [z for z in one.prompted if (z - index) * step > 0]
        if ahead:
            return min(ahead, key=lambda z: abs(z - index)), False
        return (len(self.slices) if step > 0 else -1), True

    def _set(self, one: SessionObject, found: Found,
             beside: Optional[SliceState] = None) -> None:
        """Keep what was found on a slice, perhaps beside other parts."""
        mask, is_prompted = found.logits > 0, False
        turns: Tuple[ImagePrompts, ...] = (ImagePrompts(boxes=found.boxes), )
        if beside is not None:
            mask |= beside.mask.whole(mask.shape)
            is_prompted = beside.is_prompted
            turns = beside.turns if is_prompted else (ImagePrompts(
                boxes=np.concatenate([beside.turns[0].boxes,
                                      found.boxes])), )
        one.slices[found.index] = SliceState(PackedMask.pack(mask), found.iou,
                                             turns, is_prompted)
