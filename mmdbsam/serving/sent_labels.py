"""Makes sure that a file of labels which a client sent may be read."""

import math
from pathlib import Path

import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.io.quiet import quiet
from mmdbsam.io.readers.files import files_of
from mmdbsam.serving.refusals import Refusal

# Bytes that a voxel of labels has at least in memory.
_BYTES_A_VOXEL = 2


def check_labels(path: Path, most_bytes: int) -> None:
    """Check a file of labels, from its header alone.

    Args:
        path: The file, which is alone in its folder.
        most_bytes: The bytes that its voxels may take.

    Raises:
        Refusal: If its header names files elsewhere, or too many voxels.
        InputError: If it has no header that can be read.
    """
    for file in files_of(path):
        if not file.resolve().is_relative_to(path.parent.resolve()):
            raise Refusal(403, f'labels: expected one file, found that '
                               f'{file.name!r} belongs to it')
    count = _voxels(path)
    most = most_bytes // _BYTES_A_VOXEL
    if count > most:
        raise Refusal(413, f'labels: expected at most {most} voxels, found '
                           f'{count}; see --max-upload')


def _voxels(path: Path) -> int:
    """The voxels of all layers that a header states."""
    if path.suffix == '.dcm':
        return _pixels(path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with quiet():
            reader.ReadImageInformation()
    except RuntimeError as error:
        raise InputError('labels: expected a file of labels, found one that '
                         'cannot be read') from error
    return math.prod(reader.GetSize()) * reader.GetNumberOfComponents()


def _pixels(path: Path) -> int:
    try:
        from pydicom import dcmread
        header = dcmread(path, stop_before_pixels=True)
        return (int(header.get('NumberOfFrames') or 1)
                * int(header.get('Rows') or 1) * int(header.get('Columns')
                                                     or 1))
    except ImportError as error:
        raise InputError("labels: expected pydicom (pip install "
                         "'mmdbsam[dicom]') to read DICOM, found none"
                         ) from error
    except Exception as error:
        # Damaged files end pydicom in many ways.
        raise InputError('labels: expected a DICOM object, found one that '
                         'cannot be read') from error
