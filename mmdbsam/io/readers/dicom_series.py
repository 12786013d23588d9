"""DICOM series: folders of their files, and files of many frames."""

import os
from pathlib import Path

import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry, set_geometry
from mmdbsam.io.input_files import is_clutter
from mmdbsam.io.readers.dicom_damage import (
    refuse_bombs,
    refuse_damaged,
)
from mmdbsam.io.readers.dicom_frames import (
    Frame,
    read_frames,
    sorted_frames,
)
from mmdbsam.io.readers.dicom_grid import grid_of_files, tag
from mmdbsam.io.readers.dicom_values import read_slices
from mmdbsam.io.readers.reader import (
    DICOM_SUFFIXES,
    Place,
    VolumeReader,
    dicom_name,
    open_header,
)

# Tags of the DICOM standard, part 6.
_MODALITY, _DESCRIPTION = '0008|0060', '0008|103e'
_PATIENT, _SPACE = '0010|0020', '0020|0052'
_POSITION, _FRAMES = '0020|0032', '0028|0008'
# Some scanners round positions to a tenth of a millimetre.
_ROUNDING = 0.1
# The modalities of objects that describe images but are not images.
_NO_IMAGES = ('SEG', 'RTSTRUCT', 'SR', 'PR', 'KO', 'REG', 'RTDOSE', 'RTPLAN')


class DicomSeriesReader(VolumeReader):
    """Reads the slices of one series, in any order of the files.

    Each slice is a file, or a frame of a file. The files lie in a folder, or
    in the folders within it, as archives deliver them; a file may also be
    given by itself, as that of all frames or of a radiograph. Slices are
    ordered and spaced by their positions. Values are those after the rescale
    slope and intercept of each slice (HU for CT).
    """

    suffixes = DICOM_SUFFIXES

    def case_name(self, path: Path) -> str | None:
        """The name of a folder or file; see :class:`VolumeReader`.

        A file without a suffix must be an image, as archives put reports and
        structures beside images.
        """
        if path.is_dir():
            return path.name
        name = super().case_name(path)
        if name or not dicom_name(path, self.suffixes):
            return name
        return path.name if describe_image(path) else None

    def patient(self, path: Path) -> str | None:
        """See :class:`VolumeReader`."""
        header = open_header(self._files(path)[0], 'GDCMImageIO',
                             'DICOM image')
        return tag(header, _PATIENT) or None

    def modality_of(self, path: Path) -> str:
        """What the header says, such as ``'MR'``; see :class:`VolumeReader`.
        """
        header = open_header(self._files(path)[0], 'GDCMImageIO',
                             'DICOM image')
        return tag(header, _MODALITY) or self.modality

    def place(self, path: Path) -> Place:
        """See :class:`VolumeReader`; the space is the frame of reference."""
        header = open_header(self._files(path)[0], 'GDCMImageIO',
                             'DICOM image')
        return Place(self.geometry(path), rounding=_ROUNDING,
                     space=tag(header, _SPACE).rstrip('\0') or None)

    def geometry(self, path: Path) -> Geometry:
        """See :class:`VolumeReader`; also checks that no slice is missing."""
        files = self._files(path)
        if is_multi_frame(files[0]):
            return sorted_frames(files, self.channel)[1]
        return grid_of_files(files)[1]

    def files(self, path: Path) -> list[Path]:
        """The series' files in the order of its slices.

        A file of several frames is the only one; see :meth:`frames`.

        Raises:
            InputError: As in :meth:`geometry`, or if there are several files
                of several frames.
        """
        files = self._files(path)
        if not is_multi_frame(files[0]):
            return grid_of_files(files)[0]
        if len(files) > 1:
            raise InputError(f'{path}: expected one file of several frames, '
                             f'found {len(files)}')
        return files

    def frames(self, path: Path) -> list[Frame] | None:
        """The frames in the order of the slices; None if slices are files.

        Raises:
            InputError: As in :meth:`geometry`.
        """
        files = self._files(path)
        return (sorted_frames(files, self.channel)[0]
                if is_multi_frame(files[0]) else None)

    def read(self, path: Path) -> sitk.Image:
        """See :class:`VolumeReader`."""
        files = self._files(path)
        if is_multi_frame(files[0]):
            frames, geometry = sorted_frames(files, self.channel)
            values = read_frames(frames)
        else:
            files, geometry = grid_of_files(files)
            values = read_slices(files)
        return set_geometry(sitk.GetImageFromArray(values), geometry)

    def _files(self, folder: Path) -> list[Path]:
        """The files of the series in a folder, in no particular order.

        A file is the only one of its series.
        """
        if folder.is_file():
            if describe_image(folder) is None:
                raise InputError(f'{folder}: expected a DICOM image, found '
                                 'another kind of file')
            return [folder]
        found = find_series(folder)
        if not found:
            others = sum(file.is_file() for file in folder.rglob('*'))
            raise InputError(f'{folder}: expected the files of a DICOM '
                             'series, found no DICOM image among its files '
                             f'({others})')
        chosen = found.keys() & self.series if len(found) > 1 else found.keys()
        if len(chosen) != 1:
            about = '; '.join(_describe(uid, files, folder)
                              for uid, files in found.items())
            raise InputError(
                f'{folder}: expected one series, found {len(found)}: {about}; '
                'choose with --series UID')
        files = found[next(iter(chosen))]
        refuse_damaged({file.parent for file in files})
        return files


def find_series(folder: Path) -> dict[str, list[Path]]:
    """The files of each series of images in a folder, by the series' UID.

    Those in its subfolders are found too. What they hold of a series of the
    folder itself is taken for a copy.
    """
    own = _series_in(folder)
    found = dict(own)
    for below, folders, _ in os.walk(folder):
        folders[:] = sorted(name for name in folders
                            if not is_clutter(Path(name)))
        if below != str(folder):
            for uid, files in _series_in(Path(below)).items():
                if uid not in own:
                    found.setdefault(uid, []).extend(files)
    return found


def is_multi_frame(file: Path) -> bool:
    """Whether a file has frames that know their places by themselves."""
    header = open_header(file, 'GDCMImageIO', 'DICOM image')
    return bool(tag(header, _FRAMES)) and not (
        tag(header, _POSITION) and header.GetSize()[2] == 1)


def describe_image(file: Path) -> str | None:
    """The modality and description; None if the file is not an image."""
    try:
        header = open_header(file, 'GDCMImageIO', 'DICOM image')
    except InputError:
        return None
    modality = tag(header, _MODALITY) or 'no modality'
    if modality in _NO_IMAGES:
        return None
    return f'{modality}, {tag(header, _DESCRIPTION) or "no description"!r}'


def _series_in(folder: Path) -> dict[str, list[Path]]:
    """The series of images among a folder's own files."""
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    find = sitk.ImageSeriesReader
    series = {}
    refuse_bombs(folder)
    for uid in find.GetGDCMSeriesIDs(str(folder)):
        files = [Path(name) for name
                 in find.GetGDCMSeriesFileNames(str(folder), uid)]
        if describe_image(files[0]) is not None:
            series[uid] = files
    return series


def _describe(uid: str, files: list[Path], folder: Path) -> str:
    """A series in a message, with the folder within that it lies in."""
    place = files[0].parent.relative_to(folder)
    within = '' if place == Path() else f', in {place}'
    count = f'{len(files)} file{"s" * (len(files) > 1)}'
    return f'{uid} ({describe_image(files[0])}, {count}{within})'
