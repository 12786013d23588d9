"""The objects of a session, and all changes of them without the model."""

from dataclasses import replace
from typing import Dict, Optional

import numpy as np

from mmdbsam.apis.scans import Scan
from mmdbsam.apis.volume.history import Change, History
from mmdbsam.apis.volume.session_state import (
    SessionObject,
    SessionState,
    SliceState,
)
from mmdbsam.errors import InputError
from mmdbsam.geometry.planes import SlicePlane
from mmdbsam.structures.packed_mask import PackedMask
from mmdbsam.structures.results import VolumeResult


class SessionObjects:
    """The objects of a volume, which users change by hand.

    Another thread may read them while they change.

    Args:
        scan: The volume.
        state: The plane of the slices, and the objects so far.

    Attributes:
        objects (dict[int, SessionObject]): The objects by their ids.
        plane (SlicePlane): The plane of the slices.
    """

    def __init__(self, scan: Scan, state: SessionState) -> None:
        self.scan = scan
        self.state = state
        self.plane = SlicePlane(scan.geometry, state.plane)
        self.objects: Dict[int, SessionObject] = {
            one.id: one for one in state.objects}
        self._history = History()

    def add_object(self, name: Optional[str] = None) -> int:
        """Add an object without a mask.

        Args:
            name: The object's name; without one, it is 'object' and its id.

        Returns:
            int: The object's id.
        """
        new = max(self.objects, default=0) + 1
        self._history.record(new, None)
        self.objects[new] = SessionObject(new, name or f'object {new}')
        return new

    def rename_object(self, object_id: int, name: str) -> None:
        """Give an object another name.

        Raises:
            InputError: If there is no such object.
        """
        one = self._object(object_id)
        self._remember(one)
        one.name = name

    def remove_object(self, object_id: int) -> None:
        """Remove an object.

        Raises:
            InputError: If there is no such object.
        """
        one = self._object(object_id)
        self._remember(one)
        del self.objects[object_id]

    def give_mask(self, object_id: int, mask: np.ndarray) -> None:
        """Replace an object by a mask, as from another program.

        Args:
            object_id: The object.
            mask: The mask on the volume's own grid, bool (D, H, W).

        Raises:
            InputError: If there is no such object, or the mask is of another
                volume.
        """
        one = self._object(object_id)
        shape = self.scan.values.shape[:3]
        if np.shape(mask) != shape:
            raise InputError(f"object '{one.name}': mask: expected the size "
                             f'of the volume, {shape}, found '
                             f'{np.shape(mask)}')
        self._remember(one)
        slices = self.plane.slices(np.asarray(mask, bool))
        one.limit = None
        one.slices = {
            int(z): SliceState(PackedMask.pack(slices[z]), 1., (), True)
            for z in np.flatnonzero(slices.any(axis=(1, 2)))}

    def paint(self, object_id: int, index: int, mask: np.ndarray) -> None:
        """Replace an object's mask on a slice by one that was drawn by hand.

        The object is not followed across the slice any more, as if it had been
        prompted there. An empty mask says that the slice does not show it.

        Args:
            object_id: The object.
            index: The slice, in the plane's own order.
            mask: The mask, bool (H, W), of the plane's slice.

        Raises:
            InputError: If there is no such object or slice, or the mask is of
                another size.
        """
        one = self._object(object_id)
        width, height, depth = self.plane.size
        if not 0 <= index < depth:
            raise InputError(f"object '{one.name}': slice: expected one of 0 "
                             f'to {depth - 1}, found {index}')
        if np.shape(mask) != (height, width):
            raise InputError(f"object '{one.name}': mask: expected the size "
                             f'of a slice, {(height, width)}, found '
                             f'{np.shape(mask)}')
        self._remember(one)
        one.slices[index] = SliceState(
            PackedMask.pack(np.asarray(mask, bool)), 1., (), True)

    def accept(self, object_id: int, index: int) -> None:
        """Keep an object's mask on a slice when the object is followed.

        Args:
            object_id: The object.
            index: The slice, in the plane's own order.

        Raises:
            InputError: If there is no such object, or it has no mask there.
        """
        one = self._object(object_id)
        if index not in one.slices:
            raise InputError(f"object '{one.name}': slice: expected one with "
                             f'a mask, found {index}')
        self._remember(one)
        one.slices[index] = replace(one.slices[index], is_prompted=True)

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is a change to make again."""
        return self._history.can_redo

    def undo(self) -> Optional[int]:
        """Take the last change back: a prompt with what followed from it.

        Returns:
            int or None: The object that changed; None if there was nothing to
            take back.
        """
        return self._put(self._history.undo(self.objects))

    def redo(self) -> Optional[int]:
        """Make the change again that :meth:`undo` took back last.

        Another change since then makes that impossible.

        Returns:
            int or None: The object that changed; None if there was nothing to
            make again.
        """
        return self._put(self._history.redo(self.objects))

    def mask(self, object_id: int) -> np.ndarray:
        """Return an object's mask on the volume's own grid, bool (D, H, W).

        Raises:
            InputError: If there is no such object.
        """
        return self._mask(self._object(object_id).snapshot())

    def result(self) -> VolumeResult:
        """Return all objects as :meth:`.PromptInferencer.segment_volume` does.
        """
        objects = [one.snapshot() for one in [*self.objects.values()]]
        confidence = []
        for one in objects:
            areas = [state.mask.count() for state in one.slices.values()]
            ious = [state.iou for state in one.slices.values()]
            confidence.append(np.average(ious, weights=areas)
                              if sum(areas) else 0.)
        return VolumeResult(
            [PackedMask.pack(self._mask(one)) for one in objects],
            [one.id for one in objects], [one.name for one in objects],
            np.array(confidence), self.scan.geometry)

    def _mask(self, one: SessionObject) -> np.ndarray:
        volume = np.zeros(self.scan.values.shape[:3], bool)
        slices = self.plane.slices(volume)
        for index, state in one.slices.items():
            slices[index][state.mask.where] = state.mask.crop()
        return volume

    def _object(self, object_id: int) -> SessionObject:
        if object_id not in self.objects:
            known = ', '.join(map(str, self.objects)) or 'none yet'
            raise InputError(f'object: expected one of {known}, found '
                             f'{object_id}')
        return self.objects[object_id]

    def _remember(self, one: SessionObject) -> None:
        """Keep an object as it is before it changes."""
        self._history.record(one.id, one.snapshot())

    def _put(self, change: Optional[Change]) -> Optional[int]:
        """Replace an object by what it was."""
        if change is None:
            return None
        objects = sorted({**self.objects, **dict([change])}.items())
        self.objects = {i: one for i, one in objects if one is not None}
        return change[0]
