"""Small tensors that every call needs, kept on the device.

To make a tensor of Python numbers on a GPU, the CPU waits for all work that
the GPU has been given. It is therefore done once for given numbers.
"""

from functools import lru_cache
from typing import Sequence, Tuple

import torch
from torch import Tensor


def constant(rows: Sequence[Sequence[int]], dtype: torch.dtype,
             device: torch.device) -> Tensor:
    """Make a tensor of numbers, or take the one made before.

    Args:
        rows: The numbers, as rows of the same length.
        dtype: The type of the tensor.
        device: The device that it is needed on.

    Returns:
        Tensor: The numbers, (rows, columns), which must not be changed.
    """
    # A compiler keeps the numbers as constants and needs no cache.
    make = (_constant.__wrapped__ if torch.compiler.is_compiling()
            else _constant)
    return make(tuple(map(tuple, rows)), dtype, device)


@lru_cache(maxsize=64)
def _constant(rows: Tuple[Tuple[int, ...], ...], dtype: torch.dtype,
              device: torch.device) -> Tensor:
    # A tensor that was made in inference mode could not be used in training.
    with torch.inference_mode(False):
        return torch.tensor(rows, dtype=dtype, device=device)
