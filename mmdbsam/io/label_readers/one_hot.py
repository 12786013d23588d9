"""Labels that have a mask each, in the channels of one file.

If each voxel is in just one of the masks, the first one is background
(one-hot); otherwise the first one is label 1.
"""

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.io.label_readers.label_reader import WHITE

# A value is 0 or 1 if it is this near to it.
_ROUNDING = 1e-3
# Where fewer of the voxels are in no mask, another one is of background.
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
        InputError: If the masks are one-hot but for a few voxels.
    """
    bare = int((counts == 0).sum())
    if counts.max() == 1 and 0 < bare < _FEW * counts.size:
        raise InputError(
            f'{where}: expected each voxel in one mask, of which the first is '
            'background (one-hot), or masks without background; found '
            f'{bare} of {counts.size} voxels in no mask, which is too few to '
            'be background; mend them, or remove the mask of background')
    return 0 if (counts == 1).all() else 1
