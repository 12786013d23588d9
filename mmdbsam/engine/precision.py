"""The number format of mixed precision."""

import torch


def half_precision() -> torch.dtype:
    """Return the type of ``--amp``, float16 only on GPUs without bfloat16."""
    if torch.cuda.is_available() and not torch.cuda.is_bf16_supported(
            including_emulation=False):
        return torch.float16
    return torch.bfloat16
