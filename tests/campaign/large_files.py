"""Files in small that stand for large ones: headers, and deflated zeros."""

import io
import struct
import zlib

import numpy as np

#: How many bytes of zeros one block stands for.
BLOCK = 1 << 26
#: More than a process may take, in blocks.
MANY, MOST, BEYOND = 52, 62, 76


def zeros(count: int, first: bytes = b'') -> tuple[bytes, int, int, int]:
    """Deflate some bytes, and blocks of zeros after them.

    Returns:
        The deflated bytes, without a header; the number of bytes that they
        stand for, and the CRC-32 and Adler-32 of these.
    """
    def packed(content: bytes, flush: int) -> bytes:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(content) + packer.flush(flush)

    block = bytes(BLOCK)
    crc, adler = zlib.crc32(first), zlib.adler32(first)
    # Nobody comes to the end of more.
    for _ in range(count if count <= BEYOND else 0):
        crc, adler = zlib.crc32(block, crc), zlib.adler32(block, adler)
    return (packed(first, zlib.Z_FULL_FLUSH)
            + packed(block, zlib.Z_FULL_FLUSH) * count
            + packed(b'', zlib.Z_FINISH), len(first) + count * BLOCK, crc,
            adler)


def gzipped(count: int, first: bytes = b'') -> bytes:
    """A gzip file of some bytes, and of blocks of zeros after them."""
    content, size, crc, _ = zeros(count, first)
    return (b'\x1f\x8b\x08' + bytes(6) + b'\xff' + content
            + struct.pack('<II', crc, size % 2**32))


def zlibbed(count: int, first: bytes = b'') -> bytes:
    """A zlib stream of some bytes, and of blocks of zeros after them."""
    content, _, _, adler = zeros(count, first)
    return b'\x78\xda' + content + struct.pack('>I', adler)


def zipped(name: str, count: int, first: bytes = b'') -> bytes:
    """A zip archive of one file, whose size is that of ``zeros``."""
    content, size, crc, _ = zeros(count, first)
    about = struct.pack('<HHHHHIIIHH', 20, 0, 8, 0, 0x21, crc, len(content),
                        size, len(name), 0)
    local = b'PK\3\4' + about + name.encode()
    central = (b'PK\1\2' + struct.pack('<H', 20) + about
               + struct.pack('<HHHII', 0, 0, 0, 0, 0) + name.encode())
    return (local + content + central + b'PK\5\6' + struct.pack(
        '<HHHHIIH', 0, 0, 1, 1, len(central), len(local) + len(content), 0))


def npy(shape: tuple, dtype: str = '|u1') -> bytes:
    """The header of a NumPy array."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, dict(
        descr=dtype, fortran_order=False, shape=shape))
    return stream.getvalue()


def nifti(dim: tuple[int, ...], offset: float = 352, bits: int = 8) -> bytes:
    """The header of a NIfTI volume of bytes, or of 16-bit numbers."""
    header = bytearray(352)
    struct.pack_into('<i', header, 0, 348)
    struct.pack_into(f'<h{len(dim)}h', header, 40, len(dim), *dim)
    struct.pack_into('<hh', header, 70, {8: 2, 16: 4}[bits], bits)
    struct.pack_into('<8f', header, 76, *[1.] * 8)
    struct.pack_into('<f', header, 108, offset)
    header[344:348] = b'n+1\0'
    return bytes(header)


def nrrd(sizes: tuple, encoding: str, rest: bytes = b'') -> bytes:
    return (f'NRRD0004\ntype: uint8\ndimension: {len(sizes)}\nsizes: '
            f'{" ".join(map(str, sizes))}\nencoding: {encoding}\n\n').encode(
            ) + rest


def mha(sizes: tuple, rest: bytes, compressed: bool = False) -> bytes:
    more = (f'CompressedData = True\nCompressedDataSize = {len(rest)}\n'
            if compressed else '')
    return (f'ObjectType = Image\nNDims = {len(sizes)}\nBinaryData = True\n'
            f'{more}DimSize = {" ".join(map(str, sizes))}\nElementType = '
            'MET_UCHAR\nElementDataFile = LOCAL\n').encode() + rest


def png(side: int) -> bytes:
    """A black PNG; each row has a byte more than pixels."""
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack('>I', len(content)) + kind + content + struct.pack(
            '>I', zlib.crc32(kind + content))

    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack(
        '>IIBBBBB', side, side, 8, 0, 0, 0, 0))
        + chunk(b'IDAT', zlibbed(side * (side + 1) // BLOCK + 1))
        + chunk(b'IEND', b''))


def tiff(side: int) -> bytes:
    """A TIFF of one strip, which is deflated."""
    strip = zlibbed(MANY)
    tags = [(256, 4, side), (257, 4, side), (258, 3, 8), (259, 3, 8),
            (262, 3, 1), (273, 4, 8), (277, 3, 1), (278, 4, side),
            (279, 4, len(strip))]
    return (b'II*\0' + struct.pack('<I', 8 + len(strip)) + strip
            + struct.pack('<H', len(tags)) + b''.join(
                struct.pack('<HHII', tag, kind, 1, value)
                for tag, kind, value in tags) + bytes(4))
