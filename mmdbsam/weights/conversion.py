"""Conversion of checkpoints between other projects' forms and ours."""

from pathlib import Path

import torch

from mmdbsam.errors import InputError
from mmdbsam.io.atomic import staged_file
from mmdbsam.weights.loading import find_state_dict, read_checkpoint
from mmdbsam.weights.release_names import from_release, to_release

# Where checkpoints of super-gradients, of SAM's descendants and of mmengine
# hold their weights.
_ENTRIES = ('net', 'model', 'state_dict')
_OUR_VIT = 'image_encoder.vit.'


def convert_dbsam_release(source: str, dest: Path) -> str:
    """Convert a checkpoint of DB-SAM's release to ours, or ours to theirs.

    The names of the weights tell which of the two it is. Ours has the key
    ``state_dict``, and ``unused`` for the weights of the release that nothing
    uses, so that converting back loses none; theirs has the key ``net``.

    Args:
        source: The checkpoint to read.
        dest: The file to write.

    Returns:
        str: Whose names the written file has, "the release's" or 'our'.

    Raises:
        InputError: If a file cannot be read or written, or a weight has no
            counterpart.
    """
    content = read_checkpoint(source)
    weights = find_state_dict(content, source, _ENTRIES)
    if any(name.startswith(_OUR_VIT) for name in weights):
        _write(dict(net=to_release(weights, content.get('unused', {}))), dest)
        return "the release's"
    converted, unused = from_release(weights)
    _write(dict(state_dict=converted, unused=unused), dest)
    return 'our'


def convert_sam(source: str, dest: Path) -> None:
    """Convert a checkpoint of a model with SAM's architecture to ours.

    MedSAM's and SAM-Med2D's are such; they differ from SAM's in what the
    checkpoint holds beside the weights.

    Args:
        source: The checkpoint to read.
        dest: The file to write.

    Raises:
        InputError: If a file cannot be read or written, or the model has
            layers that SAM's lacks, as SAM-Med2D's adapters.
    """
    weights = find_state_dict(read_checkpoint(source), source, _ENTRIES)
    adapters = [name for name in weights if '.Adapter.' in name]
    if adapters:
        raise InputError(
            f"checkpoint {source}: expected the layers of SAM's encoder, "
            f"found SAM-Med2D's adapters ({adapters[0]} and "
            f'{len(adapters) - 1} more), which mmdbsam does not have; use '
            "a checkpoint without them, as SAM-Med2D's FT-SAM")
    converted, _ = from_release(weights)
    _write(dict(state_dict=converted), dest)


def _write(content: dict, dest: Path) -> None:
    try:
        with staged_file(dest) as partial:
            torch.save(content, partial)
    except (OSError, RuntimeError) as error:  # torch raises the latter
        reason = str(error).splitlines()[0]
        raise InputError(f'{dest}: expected a place to write to, found: '
                         f'{reason}') from error
