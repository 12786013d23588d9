"""A scan that a client has opened, with the objects found in it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mmdbsam.apis.image_model import ImageModel
from mmdbsam.apis.scans import Scan
from mmdbsam.apis.volume.propagation import PropagationRule
from mmdbsam.apis.volume.session import VolumeSession
from mmdbsam.apis.volume.session_state import SessionState
from mmdbsam.serving.encoding import EncodingLane, SliceEncoder

_Answer = TypeVar('_Answer')

# While an object is followed, it is saved as often as this, in seconds.
_SECONDS_BETWEEN_SAVES = 2.


@dataclass(frozen=True)
class Progress:
    """How far a session's slices are encoded.

    Attributes:
        known: The slices that are answered at once.
        total: The number of slices.
        kept: The number of slices that fit into memory, at most ``total``.
    """

    known: list[int]
    total: int
    kept: int


class ScanSession:
    """A volume session that encodes ahead and saves itself.

    :meth:`change` and :meth:`follow` are called one after the other, as
    :meth:`.Lease.run` and :meth:`.Lease.stream` do. What only reads may be
    called at any time, by any thread.

    Args:
        session: The session of the volume, whose executor is ``lane``.
        lane: What encodes its slices.
        saved_at: The file in which the session is kept; None if it is not.
    """

    def __init__(self, session: VolumeSession, lane: EncodingLane,
                 saved_at: Path | None = None) -> None:
        self.session = session
        self.saved_at = saved_at
        self._lane = lane
        lane.take(session.slices)

    @classmethod
    def begin(cls, model: ImageModel, encoder: SliceEncoder, scan: Scan,
              plane: str, saved_at: Path | None = None,
              window: object = None) -> 'ScanSession':
        """Open a scan without objects, or with those that were saved.

        Args:
            model: The model.
            encoder: What encodes the slices of all sessions.
            scan: The scan.
            plane: The plane of the slices of a new session.
            saved_at: The file in which the session is kept. If it exists, the
                session goes on.
            window: The grey-value window of a new session, as
                :meth:`.PromptInferencer.open_volume` takes it.

        Raises:
            InputError: If the window does not fit the model, or the file is
                one of another scan.
        """
        lane = encoder.open_lane()
        try:
            if saved_at is not None and saved_at.exists():
                session = VolumeSession.load(saved_at, model, scan, lane)
            else:
                state = SessionState(
                    plane, 'px', model.preprocess.windows_of(scan, window),
                    PropagationRule(), [])
                session = VolumeSession(model, scan, state, lane)
        except BaseException:
            lane.shutdown()
            raise
        return cls(session, lane, saved_at)

    def look_at(self, index: int) -> None:
        """Encode slices ahead, beginning with the one that is shown."""
        self._lane.look_at(index)

    def progress(self) -> Progress:
        """Say how far the slices are encoded."""
        slices = self.session.slices
        return Progress(slices.known, len(slices),
                        min(slices.capacity, len(slices)))

    def change(self, function: Callable[..., _Answer], *args: object
               ) -> _Answer:
        """Call a function that changes the session, and save it."""
        try:
            return function(*args)
        finally:
            self.save()

    def follow(self, object_id: int, index: int) -> Iterator[int]:
        """Follow an object, see :meth:`.VolumeSession.follow`.

        The masks are saved meanwhile, and at the end, also if the iterator is
        closed before.
        """
        saved = time.monotonic()
        try:
            for found in self.session.follow(object_id, index):
                self.look_at(found)
                yield found
                if time.monotonic() > saved + _SECONDS_BETWEEN_SAVES:
                    self.save()
                    saved = time.monotonic()
        finally:
            self.save()

    def save(self) -> None:
        """Write the session to its file, if it has one."""
        if self.saved_at is not None:
            self.session.save(self.saved_at)

    def close(self) -> None:
        """Leave the memory to other sessions."""
        self._lane.shutdown()
