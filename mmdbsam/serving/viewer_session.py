"""What a viewer's plug-in has opened: an image with one object at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmdbsam.apis.scans import load_scan
from mmdbsam.apis.volume.history import MOST
from mmdbsam.geometry.boxes import bounding_box
from mmdbsam.serving.refusals import Refusal
from mmdbsam.serving.scan_session import ScanSession
from mmdbsam.serving.service import Service
from mmdbsam.serving.viewer_prompts import PLANES, Interaction

# Each may be two changes, and all of them can be taken back.
_MOST_WAITING = MOST // 2


@dataclass(frozen=True)
class Change:
    """What a plug-in does not know yet of the mask.

    Attributes:
        box: The part of the mask that has changed; None if nothing has.
        values: The part, uint8.
    """

    box: tuple[slice, ...] | None
    values: np.ndarray


@dataclass(frozen=True)
class _Step:
    """What undoes a prediction.

    Attributes:
        axis: The axis of the slices before it.
        changes: The number of changes of each axis' session.
    """

    axis: int
    changes: dict[int, int]


class ViewerSession:
    """An image in which a plug-in asks for an object, then for the next.

    Slices are cut along one axis at a time: the one across which a drawing
    lies, and for clicks the axis whose voxels are longest, or the first, until
    something is drawn. When a drawing lies otherwise, the object goes on along
    that axis, with its mask so far. The masks are kept by the viewer.

    Args:
        service: The model and the sessions.
        values: The image, along any three axes.
        spacing: The length of voxels along these axes; None if unknown.

    Raises:
        InputError: If the image or the spacing is not finite, or the spacing
            is not positive.
    """

    def __init__(self, service: Service, values: np.ndarray,
                 spacing: Sequence[float] | None) -> None:
        self._service = service
        if values.dtype == np.float16:
            values = values.astype(np.float32)
        self.scan = load_scan(values, None if spacing is None
                              else [*spacing][::-1])
        lengths = self.scan.geometry['spacing'][::-1]
        self._sessions: dict[int, ScanSession] = {}
        self._objects: dict[int, int] = {}
        self._axis = int(np.argmax(lengths))
        self._steps: list[_Step] = []
        self._waiting: list[Interaction] = []
        self._shown = np.zeros(self.shape, bool)
        middle = self.shape[self._axis] // 2
        self._session(self._axis).look_at(middle)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the image."""
        return self.scan.values.shape

    @property
    def mask(self) -> np.ndarray:
        """The object's mask, bool."""
        session = self._session(self._axis).session
        return session.mask(self._objects[self._axis])

    def begin_buffer(self) -> None:
        """Take it that the plug-in has an empty mask."""
        self._shown = np.zeros(self.shape, bool)

    def begin_object(self) -> None:
        """Begin an object without a mask."""
        self._steps.clear()
        self._waiting.clear()
        for axis, session in self._sessions.items():
            session.session.remove_object(self._objects[axis])
            self._objects[axis] = session.session.add_object()
        self.begin_buffer()

    def give_mask(self, mask: np.ndarray) -> None:
        """Replace the object's mask by one that the plug-in shows.

        Raises:
            InputError: If the mask is of another image.
        """
        session = self._session(self._axis).session
        session.give_mask(self._objects[self._axis], mask)
        self._keep(_Step(self._axis, {self._axis: 1}))
        self._shown = mask.astype(bool)

    def add(self, interaction: Interaction) -> None:
        """Keep an interaction until :meth:`predict`.

        Raises:
            Refusal: 429, if too many wait.
        """
        if len(self._waiting) >= _MOST_WAITING:
            raise Refusal(429, f'interactions: expected at most '
                               f'{_MOST_WAITING} before a prediction')
        self._waiting.append(interaction)

    def predict(self) -> Change | None:
        """Answer the interactions that wait, and follow the object.

        What was prompted is all or nothing.

        Returns:
            Change or None: What has changed; None if nothing waits.

        Raises:
            InputError: If an interaction does not suit the object, such as a
                click on the background where there is no object.
        """
        if not self._waiting:
            return None
        waiting, self._waiting = self._waiting, []
        step = _Step(self._axis, {})
        try:
            prompted: list[int] = []
            for one in waiting:
                axis = one.axis(self._axis)
                if axis != self._axis:
                    self._follow(prompted)
                    prompted = []
                    self._go_to(axis, step)
                prompted.append(self._answer(one, step))
            self._follow(prompted)
        except BaseException:
            self._take_back(step)
            raise
        self._keep(step)
        return self._news()

    def undo(self) -> Change | None:
        """Take the last prediction back, or the interaction that waits.

        Returns:
            Change or None: What has changed; None if there was nothing to
            take back.
        """
        if self._waiting:
            self._waiting.pop()
            return self._news()
        if not self._steps:
            return None
        self._take_back(self._steps.pop())
        return self._news()

    def close(self) -> None:
        """Leave the memory to other sessions."""
        for session in self._sessions.values():
            session.close()

    def _session(self, axis: int) -> ScanSession:
        """Return the session whose slices are along an axis."""
        if axis not in self._sessions:
            new = ScanSession.begin(self._service.model, self._service.encoder,
                                    self.scan, PLANES[axis])
            self._sessions[axis] = new
            self._objects[axis] = new.session.add_object()
        return self._sessions[axis]

    def _answer(self, one: Interaction, step: _Step) -> int:
        session = self._session(self._axis)
        index = session.session.answer(self._objects[self._axis],
                                       one.prompt(self._axis))
        _count(step, self._axis)
        session.look_at(index)
        return index

    def _follow(self, prompted: Sequence[int]) -> None:
        """Follow the object from slices that were prompted."""
        session = self._session(self._axis)
        object_id = self._objects[self._axis]
        for index in dict.fromkeys(prompted):
            # A 3-D box begins the object anew.
            if index in session.session.objects[object_id].prompted:
                for _ in session.follow(object_id, index):
                    pass

    def _go_to(self, axis: int, step: _Step) -> None:
        """Go on along another axis, with the mask so far."""
        mask = self.mask
        session = self._session(axis).session
        session.give_mask(self._objects[axis], mask)
        _count(step, axis)
        self._axis = axis

    def _keep(self, step: _Step) -> None:
        """Keep what undoes a prediction, as far as sessions remember it."""
        self._steps.append(step)
        while sum(sum(one.changes.values()) for one in self._steps) > MOST:
            del self._steps[0]

    def _take_back(self, step: _Step) -> None:
        for axis, changes in step.changes.items():
            for _ in range(changes):
                self._sessions[axis].session.undo()
        self._axis = step.axis

    def _news(self) -> Change:
        """Compare the mask with what the plug-in has."""
        mask = self.mask
        box = bounding_box(mask != self._shown)
        self._shown = mask
        part = mask[box] if box else np.zeros((0, 0, 0), bool)
        return Change(box, part.astype(np.uint8))


def _count(step: _Step, axis: int) -> None:
    step.changes[axis] = step.changes.get(axis, 0) + 1
