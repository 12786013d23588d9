"""What is known of a public data set."""

from dataclasses import dataclass
from pathlib import Path

from mmdbsam.io.checksums import Checksum


@dataclass(frozen=True)
class PublicSet:
    """A public data set, and where it is.

    Attributes:
        title: What the set is called by its authors.
        shows: What its scans show, and how many are labelled.
        url: The address of its archive; None if it has no stable address.
        checksum: What the archive must hash to; None if nobody whose word
            could be checked states it.
        gigabytes: About how large the archive is.
        licence: The licence, as an SPDX identifier where there is one.
        cite: How to cite the set.
        labels: The names of the labels, in the order of their ids.
        options: The options of ``mmdbsam prepare`` that follow source and
            destination.
        note: What else a user must know.
        reached: Whether the address answered when its row was written.
    """

    title: str
    shows: str
    url: str | None
    checksum: Checksum | None
    gigabytes: float
    licence: str
    cite: str
    labels: tuple[str, ...]
    options: str = ''
    note: str = ''
    reached: bool = False

    @property
    def max_bytes(self) -> int:
        """The most bytes that its archive may unpack to.

        The scans in it are compressed already.
        """
        return int(4e9 * self.gigabytes + 1e9)

    def prepare_command(self, name: str, source: Path) -> str:
        """The command that prepares the set.

        Args:
            name: The set's name.
            source: The folder that it was fetched to.
        """
        return f'mmdbsam prepare {source} data/{name} {self.options}'.strip()
