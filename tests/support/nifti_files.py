"""NIfTI files, written byte by byte."""

import gzip
import struct

import numpy as np

CODES = {np.dtype(kind).str[1:]: code for kind, code in (
    ('u1', 2), ('i2', 4), ('i4', 8), ('f4', 16), ('f8', 64), ('i1', 256),
    ('u2', 512))}
# RAS, one voxel is 1 x 2 x 3 mm.
AFFINE = np.array([[-1., 0, 0, 20], [0, -2, 0, 10], [0, 0, 3, 100]])


def write_nifti(path, values, sform=AFFINE, codes=(0, 2), version=1,
                order='<', scaling=(1, 0), quatern=(0, 0, 1),
                qoffset=(20, 10, 100), dim=None):
    """Write values (..., D, H, W); see the standard for the fields."""
    values = np.asarray(values)
    dim = list(values.shape[::-1]) if dim is None else dim
    dim = [len(dim), *dim, *[1] * (7 - len(dim))]
    pixdim = [1, *np.linalg.norm(sform[:, :3], axis=0), 1, 1, 1, 1]
    code = CODES[values.dtype.str[1:]]
    bits = 8 * values.dtype.itemsize
    if version == 1:
        header = struct.pack(
            order + 'i35xB8h3f4h8f3fhBB4f2i104x2h18f16x4s', 348, 0, *dim,
            0, 0, 0, 0, code, bits, 0, *pixdim, 352, *scaling, 0, 0, 2,
            0, 0, 0, 0, 0, 0, *codes, *quatern, *qoffset, *sform.ravel(),
            b'n+1\0')
        header += b'\0' * 4
    else:
        header = struct.pack(
            order + 'i8s2h8q3d8dq2d4d2q104x2i18d3i16xB15x', 540,
            b'n+2\0\r\n\x1a\n', code, bits, *dim, 0, 0, 0, *pixdim, 544,
            *scaling, 0, 0, 0, 0, 0, 0, *codes, *quatern, *qoffset,
            *sform.ravel(), 0, 2, 0, 0)
        header += b'\0' * 4
    content = header + values.astype(order + values.dtype.str[1:]).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix.lower() == '.gz'
                     else content)
    return path
