"""Labels that have a mask each, in the channels of one file.

If each voxel is in just one of the masks, the first one is background
(one-hot); otherwise the first one is label 1.
"""

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.io.label_readers.label_reader import WHITE

# A value is 0 or 1 if it is this near to it.
_ROUNDING = 1e-3
# If less than this share of the voxels is in none or several of the masks, one
# of these is probably the background.
_FEW = 0.05


def as_mask(values: np.ndarray) -> np.ndarray | None:
    """Take a channel of 0, and of 1 or white, for a mask.

    Returns:
        np.ndarray or None: The mask, bool, of the same shape; None if there
        are other values.
    """
    highest = values.max()
    shares = values / highest if highest in WHITE else values
    mask = np.rint(shares)
    if np.abs(shares - mask).max() > _ROUNDING or not np.isin(
            mask, (0, 1)).all():
        return None
    return mask.astype(bool)


def first_label(counts: np.ndarray, where: str) -> int:
    """The label of the first channel.

    Args:
        counts: In how many masks each voxel is.
        where: The file, for messages.

    Raises:
        InputError: If the masks are one-hot but for a few voxels, so that
            nothing tells whether the first one is background.
    """
    others = int((counts != 1).sum())
    if 0 < others < _FEW * counts.size:
        raise InputError(
            f'{where}: expected each voxel in one mask, of which the first is '
            'background (one-hot), or masks without background; found '
            f'{others} of {counts.size} voxels in none or several, which says '
            'neither; mend them, remove the mask of background, or give a '
            'file of one volume whose values are the labels')
    return 0 if others == 0 else 1
