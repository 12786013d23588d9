"""Finds damaged files of a DICOM series, which ITK's search skips."""

import re
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.io.readers.stored_voxels import refuse_bomb

# Behind a preamble of 128 bytes (DICOM part 10, 7.1).
_MAGIC, _MAGIC_AT = b'DICM', 128
# The name of the one transfer syntax that is deflated (DICOM part 5, A.5), in
# the first group of elements, which begins with the group's length.
_DEFLATED, _META_AT, _LONGEST_META = b'1.2.840.10008.1.2.1.99', 144, 2048
_CHUNK = 1 << 20
# The index of a medium, which belongs to no series (DICOM part 10, 8.6).
_INDEX = 'DICOMDIR'
# How the file's own description names the class of its object (part 10, 7.1),
# and the classes of objects that are no images (part 4, B.5): waveforms,
# presentation states, raw data, registrations, surfaces, mappings, reports,
# documents, and the structures, records and plans of radiotherapy.
_CLASS = re.compile(rb'\x02\x00\x02\x00UI..([0-9.]+)', re.DOTALL)
_NO_IMAGE = re.compile(
    r'1\.2\.840\.10008\.5\.1\.4\.1\.1\.'
    r'(9\..*|11\..*|66(\.[1235])?|67|88\..*|104\..*|481\.[3-9])')


def refuse_damaged(folders: Iterable[Path]) -> None:
    """Refuse files that look like a slice but belong to no series.

    A slice less would move the volume's origin, and every box with it. Objects
    that are no images, such as an RTSTRUCT, may lie beside the slices.

    Args:
        folders: The folders of a series.

    Raises:
        InputError: If there is one; it is named.
    """
    for folder in folders:
        known = _files_of_series(folder)
        patterns = {_pattern(name) for name in known}
        for file in sorted(folder.iterdir()):
            if (file.name in known or file.name.startswith('.')
                    or file.name.upper() == _INDEX or not file.is_file()):
                continue
            if (file.suffix.lower() == '.dcm' or _start(file)
                    or _pattern(file.name) in patterns
                    ) and not _is_no_image(file):
                raise InputError(
                    f'{file}: expected an intact DICOM file, found one that '
                    'belongs to no series; mend it, or remove it if it is '
                    'none of the slices')


def refuse_bombs(folder: Path) -> None:
    """Refuse deflated files that would fill the memory, which ITK inflates.

    Args:
        folder: The folder of the files, of which subfolders are left out.

    Raises:
        InputError: If there is one; it is named.
    """
    for file in sorted(folder.iterdir()):
        if not file.is_file():
            continue
        with file.open('rb') as stream:
            start = stream.read(_LONGEST_META)
            if _DEFLATED not in start or len(start) < _META_AT:
                continue
            # The length of the file's own description, which is not deflated.
            length, = struct.unpack_from('<I', start, _META_AT - 4)
            stream.seek(_META_AT + length)
            unpacker, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
            try:
                while packed := stream.read(_CHUNK):
                    while packed:
                        size += len(unpacker.decompress(packed, 16 * _CHUNK))
                        packed = unpacker.unconsumed_tail
                        refuse_bomb(file, size, stream.tell())
            except zlib.error:
                # Reading it says so.
                continue


def _files_of_series(folder: Path) -> set[str]:
    """The names of a folder's files that ITK finds series of."""
    find = sitk.ImageSeriesReader
    return {Path(name).name for uid in find.GetGDCMSeriesIDs(str(folder))
            for name in find.GetGDCMSeriesFileNames(str(folder), uid)}


def _pattern(name: str) -> str:
    """A name without its numbers, in which slices differ."""
    return re.sub(r'\d+', '0', name)


def _start(file: Path) -> bytes:
    """The start of a DICOM file, which describes it; empty for others."""
    with file.open('rb') as stream:
        start = stream.read(_LONGEST_META)
    return start if start[_MAGIC_AT:].startswith(_MAGIC) else b''


def _is_no_image(file: Path) -> bool:
    """Whether a file says that it holds an object without an image."""
    found = _CLASS.search(_start(file))
    return bool(found and _NO_IMAGE.fullmatch(found[1].decode()))
