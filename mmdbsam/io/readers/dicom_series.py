"""Folders of a DICOM series."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry, format_numbers, set_geometry
from mmdbsam.io.readers.reader import VolumeReader, brief, open_header

# Tags of the DICOM standard, part 6.
_MODALITY, _DESCRIPTION = '0008|0060', '0008|103e'
_PATIENT = '0010|0020'
_POSITION, _ORIENTATION = '0020|0032', '0020|0037'
# The modalities of objects that describe images but are not images.
_NO_IMAGES = ('SEG', 'RTSTRUCT', 'SR', 'PR', 'KO', 'REG', 'RTDOSE', 'RTPLAN')
# Positions may be off by this fraction of the slice distance, because they are
# rounded in the header.
_UNEVEN = 0.05


class DicomSeriesReader(VolumeReader):
    """Reads the slices of one series, one slice a file, in any order.

    Slices are ordered and spaced by their positions. Values are those after
    the rescale slope and intercept (HU for CT).
    """

    def case_name(self, path: Path) -> str | None:
        """The name of a folder; see :class:`VolumeReader`."""
        return path.name if path.is_dir() else None

    def patient(self, path: Path) -> str | None:
        """See :class:`VolumeReader`."""
        header = open_header(self._files(path)[0], 'GDCMImageIO',
                             'DICOM image')
        return _tag(header, _PATIENT) or None

    def geometry(self, path: Path) -> Geometry:
        """See :class:`VolumeReader`; also checks that no slice is missing."""
        return _grid(self._files(path))[1]

    def files(self, path: Path) -> list[Path]:
        """The series' files in the order of its slices.

        Raises:
            InputError: As in :meth:`geometry`.
        """
        return _grid(self._files(path))[0]

    def read(self, path: Path) -> sitk.Image:
        """See :class:`VolumeReader`."""
        files, geometry = _grid(self._files(path))
        reader = sitk.ImageSeriesReader()
        reader.SetImageIO('GDCMImageIO')
        reader.SetFileNames([str(file) for file in files])
        try:
            image = reader.Execute()
        except RuntimeError as error:
            raise InputError(f'{path}: expected an intact DICOM series, '
                             f'found: {brief(error)}') from error
        return set_geometry(image, geometry)

    def _files(self, folder: Path) -> list[Path]:
        """The files of the series in a folder, in no particular order."""
        sitk.ProcessObject.SetGlobalWarningDisplay(False)
        find = sitk.ImageSeriesReader
        found: dict[str, list[Path]] = {}
        about = {}
        for uid in find.GetGDCMSeriesIDs(str(folder)):
            files = [Path(name) for name
                     in find.GetGDCMSeriesFileNames(str(folder), uid)]
            description = describe_image(files[0])
            if description is not None:
                found[uid] = files
                about[uid] = f'{uid} ({description}, {len(files)} files)'
        if not found:
            raise InputError(f'{folder}: expected the files of a DICOM '
                             'series, found no image among its files')
        chosen = found.keys() & self.series if len(found) > 1 else found.keys()
        if len(chosen) != 1:
            raise InputError(
                f'{folder}: expected one series, found {len(found)}: '
                f'{"; ".join(about.values())}; choose with --series UID')
        return found[chosen.pop() if len(found) > 1 else next(iter(found))]


def describe_image(file: Path) -> str | None:
    """The modality and description; None if the file is not an image."""
    try:
        header = open_header(file, 'GDCMImageIO', 'DICOM image')
    except InputError:
        return None
    modality = _tag(header, _MODALITY) or 'no modality'
    if modality in _NO_IMAGES:
        return None
    return f'{modality}, {_tag(header, _DESCRIPTION) or "no description"!r}'


def _tag(header: sitk.ImageFileReader, key: str) -> str:
    return header.GetMetaData(key).strip() if header.HasMetaDataKey(key) \
        else ''


def _grid(files: list[Path]) -> tuple[list[Path], Geometry]:
    """The files in the order of their positions, and their common grid."""
    headers = [open_header(file, 'GDCMImageIO', 'DICOM image')
               for file in files]
    first = headers[0]
    for file, header in zip(files, headers, strict=True):
        for tag, name in ((_POSITION, 'ImagePositionPatient'),
                          (_ORIENTATION, 'ImageOrientationPatient')):
            if not _tag(header, tag):
                raise InputError(f'{file}: expected {name}, found none')
        _check_alike(file, header, files[0], first)
    direction = np.array(first.GetDirection()).reshape(3, 3)
    positions = np.array([
        [float(x) for x in _tag(header, _POSITION).split('\\')]
        for header in headers])
    along = positions @ direction[:, 2]
    order = np.argsort(along)
    files = [files[i] for i in order]
    positions, along = positions[order], along[order]
    step = first.GetSpacing()[2]
    if len(files) > 1:
        step = (along[-1] - along[0]) / (len(files) - 1)
        _check_positions(files, positions, along, direction[:, 2])
    spacing = [*first.GetSpacing()[:2], float(step)]
    return files, dict(
        size=[*first.GetSize()[:2], len(files)], spacing=spacing,
        origin=positions[0].tolist(), direction=direction.ravel().tolist())


def _check_alike(file: Path, header: sitk.ImageFileReader, first_file: Path,
                 first: sitk.ImageFileReader) -> None:
    """Refuse slices whose sizes or directions differ."""
    for name, found, wanted, tolerance in (
            ('size', header.GetSize(), first.GetSize(), 0),
            ('spacing', header.GetSpacing()[:2], first.GetSpacing()[:2], 1e-3),
            ('direction', header.GetDirection(), first.GetDirection(), 1e-3)):
        if not np.allclose(found, wanted, rtol=0, atol=tolerance):
            raise InputError(
                f'{file}: expected the {name} of {first_file.name}, '
                f'{format_numbers(list(wanted))}, found '
                f'{format_numbers(list(found))}')


def _check_positions(files: list[Path], positions: np.ndarray,
                     along: np.ndarray, normal: np.ndarray) -> None:
    """Refuse missing, repeated and sheared slices."""
    steps = np.diff(along)
    usual = float(np.median(steps))
    for i, step in enumerate(steps):
        between = f'{files[i].name} and {files[i + 1].name}'
        if step < 1e-3:
            raise InputError(f'{files[i].parent}: expected one file at each '
                             f'position, found {between} at the same')
        if abs(step - usual) > _UNEVEN * usual:
            raise InputError(
                f'{files[i].parent}: expected a slice every {usual:.4g} mm, '
                f'found {step:.4g} mm between {between}; slices are missing')
    sideways = positions - positions[0]
    sideways -= np.outer(sideways @ normal, normal)
    shift = float(np.linalg.norm(sideways, axis=1).max())
    if shift > 0.1:
        raise InputError(
            f'{files[0].parent}: expected slices above each other, found a '
            f'shift of {shift:.4g} mm within them (a tilted gantry); resample '
            'the series first')
