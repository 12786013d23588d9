"""Arrays in the form in which nnInteractive's clients send them.

All numbers are little-endian. An array is ``NNIA``, one byte each for the
version 1, the codec (1 for Zstandard, 2 for LZ4), the number of dimensions
and the length of the dtype's name, that name, the shape as int64, the number
of chunks as uint32, and the chunks. A chunk is its length unpacked and packed,
as uint64, and a buffer of Blosc2.
"""

import math
import struct
from collections.abc import Container

import blosc2
import numpy as np

from mmdbsam.serving.refusals import Refusal

#: The dtypes of images and of masks.
IMAGE_DTYPES = frozenset(('bool', 'uint8', 'int8', 'uint16', 'int16', 'uint32',
                          'int32', 'uint64', 'int64', 'float16', 'float32',
                          'float64'))

_START = struct.Struct('<4sBBBB')
_CHUNK = struct.Struct('<QQ')
_MAGIC, _VERSION = b'NNIA', 1
_CODECS = {1: blosc2.Codec.ZSTD, 2: blosc2.Codec.LZ4}
# Blosc2 takes less than 2 GiB at a time.
_LONGEST = 1 << 30
# A chunk's header and, in it, its numbers and the flags after them; see
# README_CHUNK_FORMAT of C-Blosc2.
_CHUNK_HEADER = 32
_LENGTHS = struct.Struct('<4xI4xI')
_FORMATS = (0, 1, 3, 4)  # BloscLZ, LZ4, zlib and Zstandard
_FILTERS = (0, 1, 2)  # none, shuffle and bitshuffle
_SPECIAL_VALUES = 0x70


def array_header(shape: tuple[int, ...], dtype: str) -> bytes:
    """Return what comes before the number of chunks of an array."""
    return (_START.pack(_MAGIC, _VERSION, 1, len(shape), len(dtype))
            + dtype.encode('ascii') + struct.pack(f'<{len(shape)}q', *shape))


def pack_array(array: np.ndarray) -> bytes:
    """Pack an array."""
    array = np.ascontiguousarray(array)
    raw = memoryview(array.reshape(-1).view(np.uint8))
    parts = [array_header(array.shape, array.dtype.name),
             struct.pack('<I', math.ceil(len(raw) / _LONGEST))]
    for start in range(0, len(raw), _LONGEST):
        piece = raw[start:start + _LONGEST]
        chunk = blosc2.compress2(
            piece, typesize=array.itemsize, codec=_CODECS[1], clevel=1,
            filters=[blosc2.Filter.NOFILTER], nthreads=1)
        parts += [_CHUNK.pack(len(piece), len(chunk)), chunk]
    return b''.join(parts)


def unpack_array(packed: bytes, dimensions: int, limit: int,
                 dtypes: Container[str] = IMAGE_DTYPES) -> np.ndarray:
    """Unpack an array that a client sent.

    Nothing is unpacked, and no memory taken, before all lengths are checked.

    Args:
        packed: The packed array.
        dimensions: The number of dimensions that it should have.
        limit: The bytes that it may have.
        dtypes: The names of the dtypes that it may have.

    Raises:
        Refusal: If it is none of these, or is damaged.
    """
    try:
        dtype, shape, offset = _read_header(packed, dimensions, dtypes)
        total = math.prod(shape) * dtype.itemsize
        if total > limit:
            raise Refusal(413, f'array: expected at most {limit} bytes, found '
                               f'{total}; see --max-upload')
        chunks = _find_chunks(packed, offset, total, dtype.itemsize)
    except struct.error as error:
        raise _damaged('its end') from error
    flat = np.zeros(total, np.uint8)
    place = 0
    for length, chunk in chunks:
        piece = flat[place:place + length]
        try:
            blosc2.decompress2(chunk, dst=piece, nthreads=1)
        except (RuntimeError, ValueError, TypeError) as error:
            raise _damaged('chunks that can be unpacked') from error
        place += length
    return flat.view(dtype).reshape(shape)


def _read_header(packed: bytes, dimensions: int, dtypes: Container[str]
                 ) -> tuple[np.dtype, tuple[int, ...], int]:
    magic, version, codec, ndim, length = _START.unpack_from(packed)
    if magic != _MAGIC or version != _VERSION or codec not in _CODECS:
        raise _damaged('NNIA, version 1 and a known codec')
    if ndim != dimensions:
        raise Refusal(400, f'array: expected {dimensions} dimensions, found '
                           f'{ndim}')
    offset = _START.size + length
    name = packed[_START.size:offset].decode('ascii', 'replace')
    if name not in dtypes:
        raise Refusal(400, f'array: expected numbers of a known dtype, found '
                           f'{name[:20]!r}')
    shape = struct.unpack_from(f'<{ndim}q', packed, offset)
    if min(shape) < 1:
        raise Refusal(400, 'array: expected at least one number along each '
                           f'axis, found the shape {shape}')
    dtype = np.dtype(name).newbyteorder('<')
    return dtype, shape, offset + 8 * ndim


def _find_chunks(packed: bytes, offset: int, total: int, itemsize: int
                 ) -> list[tuple[int, memoryview]]:
    """Find the chunks, whose lengths add up to the array's."""
    count, = struct.unpack_from('<I', packed, offset)
    if count > math.ceil(total / itemsize):
        raise _damaged('no more chunks than numbers')
    offset += 4
    chunks, rest = [], total
    for _ in range(count):
        length, size = _CHUNK.unpack_from(packed, offset)
        offset += _CHUNK.size
        chunk = memoryview(packed)[offset:offset + size]
        if not 0 < length <= rest or length % itemsize or len(chunk) < size:
            raise _damaged('chunks that fill it')
        _check_chunk(chunk, length)
        chunks.append((length, chunk))
        offset, rest = offset + size, rest - length
    if rest or offset != len(packed):
        raise _damaged('chunks that fill it')
    return chunks


def _check_chunk(chunk: memoryview, length: int) -> None:
    """Refuse chunks that Blosc2 would look for files or plug-ins for."""
    if len(chunk) < _CHUNK_HEADER:
        raise _damaged('whole chunks')
    if _LENGTHS.unpack_from(chunk) != (length, len(chunk)):
        raise _damaged('chunks of the lengths that are stated')
    is_extended = chunk[2] & 0b101 == 0b101
    if chunk[2] >> 5 not in _FORMATS or not is_extended or any(
            code not in _FILTERS for code in chunk[16:22]) or (
            chunk[31] & ~_SPECIAL_VALUES):
        raise _damaged('chunks of a plain form')


def _damaged(wanted: str) -> Refusal:
    return Refusal(400, f'array: expected {wanted}, found a packed array '
                        'without')
