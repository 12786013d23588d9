"""The changes of a session's objects, to be taken back or made again."""

from collections import deque
from collections.abc import Mapping
from typing import Deque, Optional, Tuple

from mmdbsam.apis.volume.session_state import SessionObject

#: So many changes can be taken back.
MOST = 100

# An object's id, and the object as it was; None if it did not exist.
Change = Tuple[int, Optional[SessionObject]]


class History:
    """What objects were before each change, and what they became."""

    def __init__(self) -> None:
        self._made: Deque[Change] = deque(maxlen=MOST)
        self._undone: Deque[Change] = deque(maxlen=MOST)

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._made)

    @property
    def can_redo(self) -> bool:
        """Whether there is a change to make again."""
        return bool(self._undone)

    def record(self, object_id: int, before: Optional[SessionObject]) -> None:
        """Keep what an object is before a change of it.

        Changes that were taken back cannot be made again after another one.
        """
        self._made.append((object_id, before))
        self._undone.clear()

    def undo(self, objects: Mapping[int, SessionObject]) -> Optional[Change]:
        """Return what the last change is to be replaced by, if there is one.

        Args:
            objects: The objects as they are now.
        """
        return self._move(self._made, self._undone, objects)

    def redo(self, objects: Mapping[int, SessionObject]) -> Optional[Change]:
        """Return what the change that was taken back last led to, if any.

        Args:
            objects: The objects as they are now.
        """
        return self._move(self._undone, self._made, objects)

    @staticmethod
    def _move(source: Deque[Change], other: Deque[Change],
              objects: Mapping[int, SessionObject]) -> Optional[Change]:
        if not source:
            return None
        object_id, one = source.pop()
        other.append((object_id, objects.get(object_id)))
        return object_id, one
