"""This project's own weights, of which only what was trained is stored.

A file of such weights is in the format safetensors and in half precision. Its
metadata name the released weights, ``base``, that hold all the rest.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Optional, Tuple

from torch import Tensor, nn

from mmdbsam.errors import InputError
from mmdbsam.io.atomic import staged_file
from mmdbsam.io.checksums import sha256
from mmdbsam.weights.integrity import digest, require_finite
from mmdbsam.weights.released import RELEASED_WEIGHTS, find_released

SUFFIX = '.safetensors'
#: The blocks that SAM's encoder, and so its checkpoint, does not have.
ADDED_BLOCKS = tuple(f'image_encoder.{name}'
                     for name in ('adapters', 'stem', 'necks', 'fusion',
                                  'norm'))


@dataclass(frozen=True)
class TrainedWeights:
    """Weights that come with the package.

    Attributes:
        sha256: The sha256 of the file.
        what: What the weights were trained on, for a line of text.
        configs: The names of the configs that are used with them unless
            another checkpoint is given.
    """

    sha256: str
    what: str
    configs: Tuple[str, ...]


#: This project's own weights by name.
TRAINED_WEIGHTS: Dict[str, TrainedWeights] = dict(
    dbsam_tinyvit_ct=TrainedWeights(
        '4f5b5592f2a03ad0e2ebbd92db5eb794004cb0075ccd01f3e607eee7eed0ac1f',
        'trained with boxes on CT of 33 people',
        ('dbsam_tinyvit_ct', 'dbsam_tinyvit_patients_ct')),
)


def trained_file(name: str) -> Path:
    """The file of weights in :data:`TRAINED_WEIGHTS`."""
    return Path(__file__).parent / 'files' / f'{name}{SUFFIX}'


def is_trained_part(checkpoint: str) -> bool:
    """Whether a checkpoint's path or name is that of a trained part alone."""
    return (checkpoint in TRAINED_WEIGHTS
            or Path(checkpoint).suffix == SUFFIX)


def weights_of_config(name: str) -> Optional[str]:
    """The own weights that a config is used with.

    Args:
        name: The name of a config of the model zoo.

    Returns:
        str or None: Their name in :data:`TRAINED_WEIGHTS`, if there are any.
    """
    for weights, about in TRAINED_WEIGHTS.items():
        if name in about.configs:
            return weights
    return None


def read_trained(path: Path) -> Tuple[Dict[str, Tensor], str]:
    """Read a file that holds the trained part of a model.

    Args:
        path: The file. One in the package must be the one that was released.

    Returns:
        tuple: The weights by their names, float16, and the name in
        :data:`.RELEASED_WEIGHTS` of the weights that hold the other part.

    Raises:
        InputError: If the file is none of safetensors, does not name the
            other part, is damaged, or has other content than the one that was
            released.
    """
    # It is not needed to look up names.
    from safetensors import safe_open
    own = TRAINED_WEIGHTS.get(path.stem)
    if own and path == trained_file(path.stem):
        found = sha256(path)
        if found != own.sha256:
            raise InputError(
                f'{path}: expected the weights of mmdbsam, sha256 '
                f'{own.sha256}, found {found}; install mmdbsam again')
    try:
        with safe_open(path, 'pt') as file:
            about = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}
    except Exception as error:
        # It raises others than its own for damaged files too.
        raise InputError(f'checkpoint {path}: expected a file of safetensors, '
                         f'found a file that is none or is truncated '
                         f'({error})') from error
    base, wanted = about.get('base'), about.get('sha256')
    # Files of before, and of others, have no digest.
    if wanted and digest(weights) != wanted:
        raise InputError(f'checkpoint {path}: expected weights with the '
                         'sha256 of its metadata, found others: the file was '
                         'damaged; copy or download it again')
    require_finite(weights, path)
    if base not in RELEASED_WEIGHTS:
        raise InputError(
            f'checkpoint {path}: expected metadata whose base is one of '
            f'{", ".join(RELEASED_WEIGHTS)}, found {base}; write it with '
            'tools/misc/publish_weights.py')
    return weights, base


def write_trained(model: nn.Module, path: Path) -> None:
    """Write the trained part of a model in half precision.

    Args:
        model: The model, whose frozen parameters are those of the released
            weights that it starts from, ``model.pretrained``.
        path: The file to write.

    Raises:
        InputError: If the model does not start from released weights, or the
            suffix of the path is another.
    """
    from safetensors.torch import save
    base = find_released(Path(model.pretrained or '').name)
    if base is None:
        raise InputError('model.pretrained: expected released weights, of '
                         f'{", ".join(RELEASED_WEIGHTS)}, found '
                         f'{model.pretrained}')
    if path.suffix != SUFFIX:
        raise InputError(f'{path}: expected a name that ends with {SUFFIX}, '
                         f'found {path.suffix or "no suffix"}')
    trained = {name for name, parameter in model.named_parameters()
               if parameter.requires_grad}
    weights = {name: (value.half() if value.is_floating_point() else value
                      ).cpu().contiguous()
               for name, value in model.state_dict().items()
               if name in trained or name.startswith(ADDED_BLOCKS)}
    with staged_file(path) as partial:
        # What save_file writes, only its owner may read.
        partial.write_bytes(save(weights, metadata=dict(
            format='pt', base=base, sha256=digest(weights))))
