"""What a server may do, and its limits."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from mmdbsam.errors import InputError

#: Names by which a machine calls itself.
LOOPBACK_NAMES = ('localhost', )


@dataclass(frozen=True)
class Settings:
    """The settings of a server.

    Attributes:
        workspace: The folder in which uploaded scans and all sessions are
            kept, so that a server that was killed loses nothing.
        root: The folder whose scans may be opened; None if there is none.
        host: The address at which the server listens.
        port: The port at which it listens.
        api_key: The key that each request must name; None if none is needed.
        host_names: Further names by which the server is called.
        max_sessions: The number of clients that may have a session.
        max_upload: The bytes that an image may have, both as it is sent and
            as an array in memory.
        idle_timeout: The seconds after which a session that is not used ends.
        liveness_timeout: The seconds after which a session ends whose client
            sends no sign of life, if it sent any before.
        memory: The bytes that the embeddings of all sessions may take.

    Raises:
        InputError: If the server could be reached from other machines without
            a key, if a limit is not positive, or if the root is no folder.
    """

    workspace: Path
    root: Path | None = None
    host: str = '127.0.0.1'
    port: int = 8000
    api_key: str | None = None
    host_names: tuple[str, ...] = ()
    max_sessions: int = 8
    max_upload: int = 2 * 10**9
    idle_timeout: float = 1800.
    liveness_timeout: float = 120.
    memory: int = 2 * 10**9

    def __post_init__(self) -> None:
        for name in ('max_sessions', 'max_upload', 'idle_timeout',
                     'liveness_timeout', 'memory'):
            if not getattr(self, name) > 0:
                raise InputError(f'{name}: expected a number > 0, found '
                                 f'{getattr(self, name)}')
        if not is_loopback(self.host) and not self.api_key:
            raise InputError(
                f'--host {self.host}: expected --api-key for an address that '
                'other machines reach, found none')
        if self.root is not None and not self.root.is_dir():
            raise InputError(f'--root {self.root}: expected a folder')


def is_loopback(host: str) -> bool:
    """Whether only the machine itself reaches a host name or address."""
    address = address_of(host)
    return (host.lower() in LOOPBACK_NAMES if address is None
            else address.is_loopback)


def address_of(host: str
               ) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address, with or without brackets; None for a name."""
    try:
        return ipaddress.ip_address(host.strip('[]'))
    except ValueError:
        return None
