"""The interface of readers of volumes, and what they share."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry
from mmdbsam.io.input_files import open_input
from mmdbsam.io.quiet import quiet

#: The suffixes of DICOM files, which need not have one.
DICOM_SUFFIXES = ('.dcm', '.dicom', '.ima')


@dataclass(frozen=True)
class Place:
    """Where an image lies.

    Attributes:
        grid: Its grid.
        others: Further grids that its header states of the same voxels.
        rounding: How far beside its place a voxel may be, in mm, because
            headers state places that coarsely.
        space: The UID of the space in which positions are, if there is one.
    """

    grid: Geometry
    others: tuple[Geometry, ...] = ()
    rounding: float = 0.
    space: str | None = None


class VolumeReader(ABC):
    """Reads images from one kind of files.

    Images are 3-D volumes of one value a voxel. An image in a plane is a
    volume of one slice; it may have three values a pixel, RGB.

    Args:
        series: The instance UIDs of the wanted DICOM series, where a folder
            holds several.
        channel: The index of the wanted volume in a 4-D file, from 0.

    Attributes:
        suffixes: The suffixes of the files that it reads, in lower case.
        modality: The modality of files that do not say theirs.
        in_space: Whether these files state their place in the scanner's space.
    """

    suffixes: tuple[str, ...] = ()
    modality = 'CT'
    in_space = True

    def __init__(self, series: Iterable[str] = (),
                 channel: int | None = None) -> None:
        self.series = set(series)
        self.channel = channel

    def case_name(self, path: Path) -> str | None:
        """The case that a path holds; None if the reader cannot read it.
        """
        return without_suffix(path, self.suffixes)

    def patient(self, path: Path) -> str | None:
        """The patient that the image shows, if the file names one."""
        return None

    def modality_of(self, path: Path) -> str:
        """The modality of an image, unless the user says otherwise."""
        return self.modality

    def place(self, path: Path) -> Place:
        """All that the image's headers say about where it lies.

        Raises:
            InputError: As in :meth:`geometry`.
        """
        return Place(self.geometry(path))

    def count(self, path: Path) -> int:
        """The number of volumes in a file, more than 1 in a 4-D one."""
        return 1

    @abstractmethod
    def geometry(self, path: Path) -> Geometry:
        """The grid of the image, read from headers alone.

        Raises:
            InputError: If a header cannot be read, or does not describe an
                image of this kind.
        """

    @abstractmethod
    def read(self, path: Path) -> sitk.Image:
        """The volume on its own grid.

        Raises:
            InputError: As in :meth:`geometry`, and if the data are incomplete.
        """


def open_header(path: Path, image_io: str, kind: str,
                channel: int | None = None, named: Path | None = None
                ) -> sitk.ImageFileReader:
    """A SimpleITK reader that has read the header of a scalar 3-D file.

    From a 4-D file, the reader will read the volume of that channel.

    Args:
        path: The file.
        image_io: The name of SimpleITK's reader.
        kind: What the file should be, for messages.
        channel: The index of the volume in a 4-D file. It is not needed where
            there is only one.
        named: The file that messages name, if it is another.

    Raises:
        InputError: If the file is not of this kind, or does not have that
            channel.
    """
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    named = named or path
    reader = sitk.ImageFileReader()
    reader.SetImageIO(image_io)
    reader.SetFileName(str(path))
    try:
        with quiet():
            reader.ReadImageInformation()
    except RuntimeError as error:
        raise InputError(f'{named}: expected an intact {kind}, found: '
                         f'{brief(error)}') from error
    if reader.GetDimension() == 4 and reader.GetNumberOfComponents() == 1:
        return _select_channel(reader, named, channel)
    if reader.GetDimension() != 3 or reader.GetNumberOfComponents() != 1:
        raise InputError(
            f'{named}: expected a 3-D volume of one value a voxel, found '
            f'{reader.GetDimension()}-D with {reader.GetNumberOfComponents()} '
            'values a voxel')
    return reader


def count_volumes(path: Path, image_io: str) -> int:
    """The number of volumes in a file, 1 if it cannot be read."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO(image_io)
    reader.SetFileName(str(path))
    try:
        with quiet():
            reader.ReadImageInformation()
    except RuntimeError:
        return 1
    return reader.GetSize()[3] if reader.GetDimension() == 4 else 1


def _select_channel(reader: sitk.ImageFileReader, path: Path,
                    channel: int | None) -> sitk.ImageFileReader:
    *size, channels = reader.GetSize()
    chosen = check_channel(channel, channels, path)
    reader.SetExtractIndex([0, 0, 0, chosen])
    reader.SetExtractSize([*size, 0])
    return reader


def check_channel(channel: int | None, channels: int, name: object) -> int:
    """The index of the chosen volume of a 4-D image, 0 if it has only one.

    Raises:
        InputError: If no volume was chosen of several, or the image does not
            have it.
    """
    if channels == 1 and channel is None:
        return 0
    if channel is None or not 0 <= channel < channels:
        found = '' if channel is None else f' and channel={channel}'
        raise InputError(
            f'{name}: expected a 3-D volume, found 4-D with {channels} '
            f'volumes{found}; choose one of channels 0 to {channels - 1}')
    return channel


def without_suffix(path: Path, suffixes: Iterable[str]) -> str | None:
    """A file's name without one of these suffixes; None if it has none."""
    suffix = next((s for s in suffixes if path.name.lower().endswith(s)),
                  None)
    return path.name[:-len(suffix)] if suffix else None


def dicom_name(path: Path, suffixes: Iterable[str]) -> str | None:
    """A DICOM file's name without one of these suffixes; None for others.

    Archives name such files without a suffix, or by a UID of numbers; they
    begin with a mark then (DICOM part 10, 7.1). The index of a medium
    (DICOMDIR) also begins with it, but is left out.
    """
    name = without_suffix(path, suffixes)
    if name or path.suffix and not path.suffix[1:].isdigit():
        return name
    try:
        with open_input(path) as stream:
            is_dicom = stream.read(132)[128:] == b'DICM'
    except (InputError, OSError):
        return None
    return path.name if is_dicom and path.name.upper() != 'DICOMDIR' else None


def brief(error: RuntimeError) -> str:
    """The essence of an ITK message, without source lines and addresses."""
    last = str(error).strip().splitlines()[-1]
    return re.sub(r'^(sitk::|ITK )ERROR: (\w+\(\w+\): )?', '', last)
