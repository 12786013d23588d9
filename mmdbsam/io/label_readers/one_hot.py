"""Labels that have a mask each, in the channels of one file.

If each voxel is in just one of the masks, the first one is background
(one-hot); otherwise the first one is label 1.
"""

import numpy as np

# A value is 0 or 1 if it is this near to it.
_ROUNDING = 1e-3
# Many programs write a mask as white on black.
_WHITE = (255, 65535)


def as_mask(values: np.ndarray) -> np.ndarray | None:
    """Take a channel of 0, and of 1 or white, for a mask.

    Returns:
        np.ndarray or None: The mask, bool, of the same shape; None if there
        are other values.
    """
    highest = values.max()
    shares = values / highest if highest in _WHITE else values
    mask = np.rint(shares)
    if np.abs(shares - mask).max() > _ROUNDING or not np.isin(
            mask, (0, 1)).all():
        return None
    return mask.astype(bool)


def first_label(counts: np.ndarray) -> int:
    """The label of the first channel.

    Args:
        counts: In how many masks each voxel is.
    """
    return 0 if (counts == 1).all() else 1
