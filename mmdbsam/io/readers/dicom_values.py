"""The values of DICOM images: those stored x slope + intercept."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.io.left_behind import scratch_folder
from mmdbsam.io.readers.dicom_grid import tag
from mmdbsam.io.readers.reader import brief, open_header

_PHOTOMETRIC = '0028|0004'
# That tag as a file has it: with the kind of its value or without, in
# little-endian order or in big-endian order.
_INVERTED = re.compile(
    rb'(\x28\x00\x04\x00|\x00\x28\x00\x04)(....)MONOCHROME1', re.DOTALL)


# The sequence of tables that take the place of slope and intercept, with the
# tag of its first item.
_TABLE = re.compile(
    rb'\x28\x00\x00\x30(SQ\0\0)?....\xfe\xff\x00\xe0', re.DOTALL)
_HEADER = 1 << 20


def read_slices(files: Sequence[Path]) -> np.ndarray:
    """Read files of one slice each.

    Every slice has its own slope and intercept. Images that are to be shown
    inverted (MONOCHROME1) are not, as that is a matter of display.

    Returns:
        np.ndarray: The values (D, H, W), of the narrowest type that holds
        those of all slices.

    Raises:
        InputError: If the pixels of a file cannot be read, or their values
            are those of a table.
    """
    with scratch_folder() as folder:
        slices = [_read(file, folder) for file in files]
    # Slices without a negative intercept have a type without a sign.
    whole = np.result_type(*slices)
    if whole == np.int32 and all(_fits(values, np.int16) for values in slices):
        whole = np.dtype(np.int16)
    return np.concatenate([values.astype(whole, copy=False)
                           for values in slices])


def _read(file: Path, folder: Path) -> np.ndarray:
    """The values (1, H, W) of a file."""
    _refuse_table(file)
    reader = open_header(file, 'GDCMImageIO', 'DICOM image')
    if tag(reader, _PHOTOMETRIC) == 'MONOCHROME1':
        # GDCM would invert the stored values.
        reader.SetFileName(str(_not_inverted(file, folder)))
    try:
        return sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise InputError(f'{file}: expected an intact DICOM image, found: '
                         f'{brief(error)}') from error


def _refuse_table(file: Path) -> None:
    """Refuse a Modality LUT, which GDCM leaves out without a word."""
    with file.open('rb') as stream:
        if _TABLE.search(stream.read(_HEADER)):
            raise InputError(
                f'{file}: expected values by RescaleSlope and '
                'RescaleIntercept, found a table of them '
                '(ModalityLUTSequence); apply it first')


def _not_inverted(file: Path, folder: Path) -> Path:
    """A copy of a file, MONOCHROME2 instead of MONOCHROME1."""
    content, count = _INVERTED.subn(rb'\1\2MONOCHROME2', file.read_bytes())
    if not count:
        raise InputError(f'{file}: expected MONOCHROME2, or MONOCHROME1 in a '
                         'file that is not deflated, found a deflated one; '
                         'convert it to another transfer syntax')
    copy = folder / 'copy.dcm'
    copy.write_bytes(content)
    return copy


def _fits(values: np.ndarray, dtype: type) -> bool:
    limits = np.iinfo(dtype)
    return limits.min <= values.min() and values.max() <= limits.max
