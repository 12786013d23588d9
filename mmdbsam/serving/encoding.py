"""Encodes the slices of all sessions in one thread."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, Deque

from mmdbsam.apis.volume.slices import PlaneSlices

_Job = tuple[Future, Callable[[], Any]]


class SliceEncoder:
    """A thread that encodes slices, those that are waited for first.

    When nobody waits, it encodes slices that may be asked for next, a slice
    for one session after the other. Decoding takes place elsewhere, so that a
    slice that is known never waits for one that is not.

    Args:
        memory: The bytes that the embeddings of all sessions may take. The
            sessions that are open share them equally.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._lanes: Deque[EncodingLane] = deque()
        self._jobs: Deque[_Job] = deque()
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._work, daemon=True,
                                        name='mmdbsam-encoder')
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the slice that it is at."""
        self._is_stopped = True
        self._news.set()
        self._thread.join()

    def open_lane(self) -> 'EncodingLane':
        """Return what encodes the slices of one more session.

        The session gives it its slices by :meth:`EncodingLane.take`.
        """
        lane = EncodingLane(self)
        with self._lock:
            self._lanes.append(lane)
            self._share()
        return lane

    def close_lane(self, lane: 'EncodingLane') -> None:
        """Leave a session's memory to the others."""
        with self._lock:
            if lane in self._lanes:
                self._lanes.remove(lane)
                self._share()

    def begin(self, job: _Job) -> None:
        """Do a job that somebody waits for as soon as possible."""
        if self._is_stopped:
            job[0].cancel()
        self._jobs.append(job)
        self.wake()

    def wake(self) -> None:
        """Look again whether there is something to encode."""
        self._news.set()

    def _share(self) -> None:
        for lane in self._lanes:
            lane.keep_within(self._memory // len(self._lanes))

    def _work(self) -> None:
        while not self._is_stopped:
            self._news.clear()
            if self._jobs:
                _do(self._jobs.popleft())
                continue
            with self._lock:
                lanes = [*self._lanes]
                self._lanes.rotate(-1)
            if not any(lane.encode_ahead() for lane in lanes):
                self._news.wait()
        while self._jobs:
            self._jobs.popleft()[0].cancel()


class EncodingLane(Executor):
    """Encodes the slices of one session, which it is given as executor.

    Args:
        encoder: The thread that encodes for all sessions.
    """

    def __init__(self, encoder: SliceEncoder) -> None:
        self._encoder = encoder
        self._memory = 0
        self._slices: PlaneSlices | None = None
        self._shown: int | None = None

    def submit(self, function: Callable[..., Any], /, *args: Any,
               **kwargs: Any) -> Future:
        """See :class:`concurrent.futures.Executor`."""
        future: Future = Future()
        self._encoder.begin((future, partial(function, *args, **kwargs)))
        return future

    def take(self, slices: PlaneSlices) -> None:
        """Take the slices of the session."""
        self._slices = slices
        slices.keep_within(self._memory)

    def keep_within(self, memory: int) -> None:
        """Let the session's embeddings take so many bytes at most."""
        self._memory = memory
        if self._slices is not None:
            self._slices.keep_within(memory)

    def look_at(self, index: int) -> None:
        """Encode slices in advance, beginning with the one that is shown."""
        self._shown = index
        self._encoder.wake()

    def encode_ahead(self) -> bool:
        """Encode a slice that may be asked for; say whether there was one."""
        slices, shown = self._slices, self._shown
        if slices is None or shown is None:
            return False
        order = sorted(range(len(slices)), key=lambda z: abs(z - shown))
        try:
            return slices.prefetch(order[:slices.capacity])
        except Exception:
            # Whoever asks for the slice is told of it. Until the user goes
            # on, it would only fail again.
            logging.exception('encoding ahead failed')
            self._shown = None
            return False

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False
                 ) -> None:
        """See :class:`concurrent.futures.Executor`."""
        self._encoder.close_lane(self)
        self._slices = None


def _do(job: _Job) -> None:
    future, function = job
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function())
    except BaseException as error:
        future.set_exception(error)
