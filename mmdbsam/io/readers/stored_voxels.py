"""Checks that the voxels of NRRD and MetaImage files are whole.

ITK does not look at the checksums of compressed voxels, and trusts headers in
ways that can end the process.
"""

import math
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import open_input

# The bytes of a value, by the names of its type (MetaIO's metaTypes.h, and the
# NRRD format's definition).
_META_TYPES = dict(CHAR=1, UCHAR=1, SHORT=2, USHORT=2, INT=4, UINT=4, LONG=4,
                   ULONG=4, LONG_LONG=8, ULONG_LONG=8, FLOAT=4, DOUBLE=8)
_NRRD_TYPES = {
    name: size for size, names in {
        1: 'signed char|int8|int8_t|uchar|unsigned char|uint8|uint8_t',
        2: 'short|short int|signed short|signed short int|int16|int16_t|'
           'ushort|unsigned short|unsigned short int|uint16|uint16_t',
        4: 'int|signed int|int32|int32_t|uint|unsigned int|uint32|uint32_t|'
           'float',
        8: 'longlong|long long|long long int|signed long long|'
           'signed long long int|int64|int64_t|ulonglong|unsigned long long|'
           'unsigned long long int|uint64|uint64_t|double',
    }.items() for name in names.split('|')}
# What zlib expects of a stream in each of its formats.
_WINDOWS = dict(gzip=31, zlib=15)
_TEXTS = ('txt', 'text', 'ascii', 'hex')
_MOST_DIMENSIONS = 5
# No header is longer; a file that only looks like one may have no end.
_LONGEST_HEADER = 1 << 20
_CHUNK = 1 << 20
# Compression by zlib is at most 1032-fold, which only equal values reach.
_EQUAL_VALUES, _LARGE = 900, 2 << 30


@dataclass(frozen=True)
class StoredVoxels:
    """Where a file keeps its voxels.

    Attributes:
        file: The file that holds them.
        start: The place of the first byte in the file.
        count: The number of values.
        size: The number of bytes that they have in memory.
        encoding: How they are written: ``'raw'``, ``'zlib'``, ``'gzip'``,
            ``'hex'``, or ``'text'`` and its other names in NRRD.
        stored: The number of bytes that they have in the file, if the header
            says so.
        exact: Whether there must not be more of them.
    """

    file: Path
    start: int
    count: int
    size: int
    encoding: str = 'raw'
    stored: int | None = None
    exact: bool = True


def meta_image_voxels(path: Path) -> StoredVoxels | None:
    """Read where a MetaImage keeps its voxels.

    Returns:
        StoredVoxels or None: None if each slice has a file of its own, whose
        size ITK checks.

    Raises:
        InputError: If a field of the header is missing or impossible.
    """
    fields, start = _meta_fields(path)

    def numbers(key: str, default: str | None = None) -> list[int]:
        return _whole_numbers(fields.get(key, default), f'{path}: {key}')

    dimensions = numbers('NDims')
    if len(dimensions) != 1 or dimensions[0] > _MOST_DIMENSIONS:
        raise InputError(f'{path}: NDims: expected a number in 1..'
                         f'{_MOST_DIMENSIONS}, found {fields["NDims"]}')
    sizes = numbers('DimSize')
    if len(sizes) != dimensions[0]:
        raise InputError(f'{path}: DimSize: expected {dimensions[0]} numbers '
                         f'> 0, found {fields["DimSize"]}')
    kind = fields.get('ElementType', '').removeprefix('MET_')
    if kind.removesuffix('_ARRAY') not in _META_TYPES:
        raise InputError(f'{path}: ElementType: expected one of MET_'
                         f'{", MET_".join(_META_TYPES)}, found '
                         f'{fields.get("ElementType")}')
    count = (math.prod(sizes)
             * math.prod(numbers('ElementNumberOfChannels', '1')))
    where = fields['ElementDataFile']
    if where.startswith('LIST') or '%' in where:
        return None
    own = where == 'LOCAL'
    # A header size of -1 means that the voxels are the end of the file.
    skip = fields.get('HeaderSize', '0')
    voxels = StoredVoxels(
        path if own else path.parent / where,
        start if own else int(skip) if skip.isdigit() else 0,
        count, count * _META_TYPES[kind.removesuffix('_ARRAY')])
    if _is_true(fields.get('CompressedData', 'False')):
        # Without this number, ITK takes the compressed bytes for voxels.
        return replace(voxels, encoding='zlib',
                       stored=numbers('CompressedDataSize')[0])
    if not _is_true(fields.get('BinaryData', 'True')):
        return replace(voxels, encoding='text')
    return voxels


def nrrd_voxels(path: Path) -> StoredVoxels | None:
    """Read where a NRRD keeps its voxels; see :func:`meta_image_voxels`."""
    fields, start = _nrrd_fields(path)
    sizes = _whole_numbers(fields.get('sizes'), f'{path}: sizes')
    dimension = _whole_numbers(fields.get('dimension'), f'{path}: dimension')
    if dimension != [len(sizes)] or len(sizes) > _MOST_DIMENSIONS:
        raise InputError(f'{path}: sizes: expected {fields["dimension"]} '
                         f'numbers > 0, at most {_MOST_DIMENSIONS}, found '
                         f'{fields["sizes"]}')
    kind = fields.get('type', '').lower()
    if kind not in _NRRD_TYPES:
        raise InputError(f'{path}: type: expected a type of numbers, found '
                         f"'{kind}'")
    count = math.prod(sizes)
    where = fields.get('data file', fields.get('datafile'))
    if where is not None and (where.startswith('LIST') or '%' in where):
        return None
    encoding = fields.get('encoding', '').lower()
    encoding = 'gzip' if encoding == 'gz' else encoding
    if encoding not in ('raw', 'gzip', *_TEXTS):
        raise InputError(f'{path}: encoding: expected raw, gzip, hex or text, '
                         f"found '{encoding}'")
    # After a skip, which nobody uses, the size has another meaning.
    skips = any(fields.get(f'{unit}{gap}skip', '0') != '0'
                for unit in ('line', 'byte') for gap in (' ', ''))
    return StoredVoxels(
        path if where is None else path.parent / where,
        start if where is None else 0, count, count * _NRRD_TYPES[kind],
        encoding, exact=not skips)


def check_voxels(path: Path, voxels: StoredVoxels) -> None:
    """Make sure that the voxels of a file are whole.

    Args:
        path: The file, for messages.
        voxels: Where they are.

    Raises:
        InputError: If they are damaged or incomplete, as far as their size and
            their checksum reveal it.
    """
    with open_input(voxels.file) as stream:
        held = max(stream.seek(0, 2) - voxels.start, 0)
        stream.seek(voxels.start)
        # Each value that is written as text has a digit and a space.
        wanted = (voxels.size if voxels.encoding == 'raw' else voxels.count
                  if voxels.encoding in _TEXTS else voxels.stored or 0)
        if held < wanted:
            raise InputError(f'{path}: expected {wanted} bytes of voxels, '
                             f'found {held}; the file is truncated')
        if voxels.encoding in _TEXTS:
            _check_text(path, stream, voxels)
        if voxels.encoding in _WINDOWS:
            refuse_bomb(path, voxels.size, held)
            found = _unpacked_size(path, stream, voxels)
            if voxels.exact and found != voxels.size:
                raise InputError(
                    f'{path}: expected {voxels.size} bytes of voxels, found '
                    f'{"more" if found > voxels.size else found}')


def refuse_bomb(path: Path, size: int, stored: int) -> None:
    """Refuse a file that would fill the memory with one value.

    Args:
        path: The file.
        size: The bytes of its content.
        stored: The bytes that these have in the file.

    Raises:
        InputError: If there are more than 2 GiB, and so well compressed that
            they cannot be an image.
    """
    if size > _LARGE and size > _EQUAL_VALUES * stored:
        raise InputError(f'{path}: expected an image, found {size / 1e9:.1f} '
                         f'GB of one value in {stored / 1e6:.1f} MB')


def _meta_fields(path: Path) -> tuple[dict[str, str], int]:
    """The fields of a header, and the place behind it."""
    fields: dict[str, str] = {}
    with open_input(path) as stream:
        for line in _lines(stream):
            key, sign, value = line.decode('latin-1').partition('=')
            if sign:
                fields[key.strip()] = value.strip()
            if key.strip() == 'ElementDataFile':
                return fields, stream.tell()
    raise InputError(f'{path}: expected an intact MetaImage volume, found no '
                     'ElementDataFile in its header')


def _nrrd_fields(path: Path) -> tuple[dict[str, str], int]:
    """The fields of a header, in lower case, and the place behind it."""
    fields: dict[str, str] = {}
    with open_input(path) as stream:
        lines = _lines(stream)
        if not re.match(rb'NRRD000[1-5]\s*$', next(lines, b'')):
            raise InputError(f'{path}: expected an intact NRRD volume, found '
                             'that it does not begin with NRRD')
        for line in lines:
            text = line.decode('latin-1').strip()
            key, sign, value = text.partition(': ')
            if sign and not text.startswith('#') and ':=' not in key:
                fields[key.strip().lower()] = value.strip()
            if not text or value.startswith('LIST'):
                break
        return fields, stream.tell()


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a header; it ends where it is too long to be one."""
    left = _LONGEST_HEADER
    while left > 0 and (line := stream.readline(left)):
        left -= len(line)
        yield line


def _whole_numbers(text: str | None, where: str) -> list[int]:
    """Numbers > 0 of a header.

    Raises:
        InputError: If there is none, or something else.
    """
    words = (text or '').split()
    # A size of more than 18 digits does not fit into ITK's numbers.
    if not words or not all(
            word.isascii() and word.isdigit() and len(word) < 19
            and int(word) > 0 for word in words):
        raise InputError(f'{where}: expected whole numbers > 0, found '
                         f'{text or "none"}'[:500])
    return [int(word) for word in words]


def _unpacked_size(path: Path, stream: BinaryIO, voxels: StoredVoxels) -> int:
    """Unpack voxels, which verifies their checksum, and count the bytes."""
    unpacker = zlib.decompressobj(_WINDOWS[voxels.encoding])
    found = 0
    left = voxels.stored
    try:
        while not unpacker.eof and found <= voxels.size:
            packed = stream.read(_CHUNK if left is None else min(_CHUNK, left))
            if not packed:
                raise InputError(f'{path}: expected intact compressed voxels, '
                                 'found that they end early')
            left = None if left is None else left - len(packed)
            while packed and found <= voxels.size:
                found += len(unpacker.decompress(packed, 16 * _CHUNK))
                packed = unpacker.unconsumed_tail
    except zlib.error as error:
        raise InputError(f'{path}: expected intact compressed voxels, found: '
                         f'{error}') from error
    return found


def _check_text(path: Path, stream: BinaryIO, voxels: StoredVoxels) -> None:
    words = stream.read().split()
    is_hex = voxels.encoding == 'hex'
    found = sum(map(len, words)) // 2 if is_hex else len(words)
    wanted = voxels.size if is_hex else voxels.count
    number = rb'[0-9a-fA-F]+' if is_hex else rb'[-+.\deE]+'
    if found < wanted or not all(re.fullmatch(number, word)
                                 for word in words[:wanted]):
        raise InputError(f'{path}: expected {wanted} values as text, found '
                         f'{found}, or others than numbers')


def _is_true(text: str) -> bool:
    return text.lower() in ('true', '1')
