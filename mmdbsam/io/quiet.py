"""Keeps what libraries print beside their errors from users."""

import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_users = 0
_kept = -1


@contextmanager
def quiet() -> Iterator[None]:
    """Discard what C and C++ libraries print to stderr within the context.

    They say in their own words what their exceptions then say, or what the
    readers find out by themselves.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def silence_pydicom() -> None:
    """Keep pydicom from printing what it thinks of a file's values."""
    logging.getLogger('pydicom').setLevel(logging.CRITICAL)
    logging.getLogger('highdicom').setLevel(logging.CRITICAL)
    warnings.filterwarnings('ignore', module='pydicom')


def _enter() -> None:
    global _users, _kept
    with _lock:
        _users += 1
        if _users == 1:
            if sys.stderr is not None:
                sys.stderr.flush()
            _kept = os.dup(2)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)


def _leave() -> None:
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            os.dup2(_kept, 2)
            os.close(_kept)
