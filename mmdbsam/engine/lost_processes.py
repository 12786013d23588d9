"""What the processes of a training say when one of them has died."""

from contextlib import contextmanager
from typing import Iterator

import torch.distributed as dist
from mmengine.dist import get_rank, get_world_size

from mmdbsam.errors import InputError

# How the errors of torch's backends begin that lose a connection.
_SIGNS = ('gloo', 'NCCL', 'Connection closed', 'Connection reset')


@contextmanager
def report_lost_processes() -> Iterator[None]:
    """Turn the loss of another process into one line.

    Raises:
        InputError: If torch's communication between the processes fails.
    """
    try:
        yield
    except RuntimeError as error:
        if get_world_size() == 1 or not _is_lost(error):
            raise
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f'process {get_rank()} of {get_world_size()}: another process of '
            f'this training has ended, see its own error ({reason}); '
            '--resume goes on from the last checkpoint') from error


def _is_lost(error: RuntimeError) -> bool:
    """Whether an error comes from the communication between processes."""
    return isinstance(error, dist.DistError) or any(
        sign in str(error) for sign in _SIGNS)
