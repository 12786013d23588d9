"""Who may use the server: a lease for each client, which ends by itself."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request

from mmdbsam.serving.refusals import Refusal

#: The header in which a client names its lease.
LEASE_HEADER = 'X-Lease-Token'

# So many requests of a client may wait for one another.
_MOST_WAITING = 64
# Old leases end at most so long after their time.
_SECONDS_BETWEEN_LOOKS = 5.


class Content(Protocol):
    """What a client has opened."""

    def close(self) -> None:
        """Give up what it takes; what is saved stays."""


class Lease:
    """A client's right to a session.

    Attributes:
        token: The secret by which the client is known.
        content: What the client has opened; None at first.
        used: When the client did something last, by the monotonic clock.
        seen: When the client gave a sign of life last; None if it never did.
        under_way: The number of its requests that are not answered yet.
    """

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(24)
        self.content: Content | None = None
        self.used = time.monotonic()
        self.seen: float | None = None
        self.under_way = 0
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the client's requests before this one.

        Raises:
            Refusal: If too many requests of this client wait already.
        """
        if self.under_way >= _MOST_WAITING:
            raise Refusal(429, 'requests: expected fewer at a time, found '
                               f'{self.under_way} that wait')
        self.under_way += 1
        try:
            async with self._turn:
                yield
        finally:
            self.under_way -= 1
            self.used = time.monotonic()

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function in a thread when it is this request's turn."""
        async with self.turn():
            return await run_in_threadpool(function, *args)

    async def stream(self, items: Iterator[Any]) -> AsyncIterator[Any]:
        """Give items as they come when it is this request's turn.

        The iterator is closed when the client goes away.
        """
        async with self.turn():
            try:
                async for item in iterate_in_threadpool(items):
                    yield item
            finally:
                if hasattr(items, 'close'):
                    items.close()


class Leases:
    """The leases of all clients.

    Args:
        most: The number of leases at a time.
        idle_timeout: The seconds after which a lease ends that is not used.
        liveness_timeout: The seconds after which a lease ends whose client
            gives no sign of life, if it gave any.
    """

    def __init__(self, most: int, idle_timeout: float,
                 liveness_timeout: float) -> None:
        self.most = most
        self.idle_timeout = idle_timeout
        self.liveness_timeout = liveness_timeout
        self._leases: dict[str, Lease] = {}

    def __len__(self) -> int:
        return len(self._leases)

    def __iter__(self) -> Iterator[Lease]:
        return iter([*self._leases.values()])

    def claim(self) -> Lease:
        """Give a lease to a client.

        Raises:
            Refusal: 503, if all leases are given.
        """
        self.end_old()
        if len(self._leases) >= self.most:
            raise Refusal(503, f'sessions: expected fewer than {self.most}, '
                               'found that all are in use; try again later, '
                               'or start the server with more --max-sessions')
        lease = Lease()
        self._leases[lease.token] = lease
        return lease

    def find(self, token: str) -> Lease | None:
        """Return the lease of a token; None if it has ended."""
        self.end_old()
        return self._leases.get(token)

    def of(self, request: Request) -> Lease:
        """Return the lease that a request names.

        Raises:
            Refusal: 410, if it names none that is valid.
        """
        lease = self.find(request.headers.get(LEASE_HEADER, ''))
        if lease is None:
            raise Refusal(410, f'{LEASE_HEADER}: expected a valid lease, '
                               'found none or one that has ended; claim one')
        return lease

    def remaining(self, lease: Lease) -> float:
        """The seconds until a lease ends if it is not used."""
        if lease.under_way:
            return self.idle_timeout
        return max(0., lease.used + self.idle_timeout - time.monotonic())

    def release(self, lease: Lease) -> None:
        """End a lease; nothing of it may be under way."""
        if self._leases.pop(lease.token, None) and lease.content is not None:
            lease.content.close()

    def end_old(self) -> None:
        """End the leases whose clients are idle or gone."""
        now = time.monotonic()
        for lease in self:
            is_gone = (lease.seen is not None and max(lease.seen, lease.used)
                       + self.liveness_timeout < now)
            if not lease.under_way and (is_gone
                                        or not self.remaining(lease)):
                self.release(lease)

    async def watch(self) -> None:
        """End old leases for as long as the server runs."""
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            self.end_old()
