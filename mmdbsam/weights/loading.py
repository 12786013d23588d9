"""Loading the weights that a model starts from or is tested with."""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import torch
from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner.checkpoint import get_torch_safe_globals
from torch import Tensor, nn

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import require_input
from mmdbsam.weights.integrity import require_finite, verify_archive
from mmdbsam.weights.released import RELEASED_WEIGHTS, find_released
from mmdbsam.weights.trained import (
    ADDED_BLOCKS,
    TRAINED_WEIGHTS,
    is_trained_part,
    read_trained,
    trained_file,
)

# Biases that the blocks had before they computed what DB-SAM's release does,
# and that the release lacks.
_FORMER_BIAS = re.compile(
    r'image_encoder\.(adapters|stem|fusion)\..*('
    r'squeeze_excitation\.conv\d\.conv|levels\.\d\.project|'
    r'spatial_score\.1|channel_score\.[03]|scores\.\d\.[03])\.bias$')

_ENCODER = 'image_encoder.'
# What distributed training, Lightning and torch.compile put before the names.
_WRAPPERS = ('module.', 'model.', '_orig_mod.')


def checkpoint_file(path: str) -> Path:
    """The path of a checkpoint, if the file exists.

    Args:
        path: A path, or the name of own weights, see
            :data:`.TRAINED_WEIGHTS`.

    Raises:
        InputError: If the file is missing; for released weights, the message
            says how to fetch them.
    """
    file = trained_file(path) if path in TRAINED_WEIGHTS else Path(path)
    released = find_released(file.name)
    if not file.is_file():
        hint = (f'; run mmdbsam fetch {released}'
                if released else '')
        raise InputError(f'checkpoint {path}: no such file{hint}')
    return file


def read_checkpoint(path: str) -> Any:
    """Read the content of a checkpoint, with ``weights_only=True``.

    Args:
        path: The file. One with the name of released weights must hold exactly
            these.

    Raises:
        InputError: If the file is missing, is no checkpoint, is damaged, or
            has the name of released weights but other content.
    """
    file = checkpoint_file(path)
    released = find_released(file.name)
    if released:
        RELEASED_WEIGHTS[released].verify(file)
    require_input(file)
    verify_archive(file)
    try:
        # mmengine's checkpoints hold log buffers besides the weights.
        # What torch warns of in a damaged file, its errors say too.
        with warnings.catch_warnings(), \
                torch.serialization.safe_globals(get_torch_safe_globals()):
            warnings.simplefilter('ignore')
            return torch.load(file, map_location='cpu', weights_only=True)
    except Exception as error:
        # torch has no common error for this, and some of its messages advise
        # loading the file unsafely.
        raise InputError(f'checkpoint {path}: expected a torch checkpoint of '
                         'weights, found a file that is none or is truncated '
                         f'({type(error).__name__})') from error


def find_state_dict(content: Any, path: str,
                    entries: Sequence[str] = ('state_dict', )
                    ) -> Dict[str, Tensor]:
    """Find the state dict in a checkpoint's content.

    Args:
        content: A state dict, or a dict that holds one. An optimiser's state
            is none.
        path: The checkpoint's path, for the error.
        entries: The keys under which a dict may hold the state dict. Without
            one of them, its only state dict is taken, with a note.

    Raises:
        InputError: If there is no state dict, or there are several.
    """
    if _is_state_dict(content):
        return _unwrapped(content)
    if isinstance(content, dict):
        for entry in entries:
            if _is_state_dict(content.get(entry)):
                return _unwrapped(content[entry])
    # Trainers call it what they like, and keep other things beside it.
    held = dict(_state_dicts(content))
    if not held:
        found = (f'a dict of {", ".join(map(str, list(content)[:5]))}'
                 if isinstance(content, dict) and content
                 else type(content).__name__)
        raise InputError(f'checkpoint {path}: expected a state dict of names '
                         f'and tensors, found {found}')
    if len(held) > 1:
        raise InputError(
            f'checkpoint {path}: expected one state dict of names and '
            f'tensors, found {len(held)}: {", ".join(held)}; save the one to '
            f'load in a file of its own, as in torch.save(torch.load({path!r})'
            f'{_subscripts(next(iter(held)))}, NEW)')
    (name, found), = held.items()
    print_log(f'{path}: the state dict is taken from its entry {name!r}',
              logger='current')
    return _unwrapped(found)


def _subscripts(keys: str) -> str:
    return ''.join(f'[{key!r}]' for key in keys.split('.'))


def _state_dicts(content: Any, name: str = ''
                 ) -> Iterator[Tuple[str, Dict[str, Tensor]]]:
    """All state dicts within dicts, with the keys that lead to them.

    What an optimiser keeps of each weight, by its number, is none.
    """
    for key, value in content.items() if isinstance(content, dict) else ():
        if not isinstance(key, str) or key.startswith('optim'):
            continue
        within = f'{name}.{key}' if name else key
        if _is_state_dict(value):
            yield within, value
        else:
            yield from _state_dicts(value, within)


def _unwrapped(weights: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """The names without what other trainers put before all of them."""
    for prefix in _WRAPPERS:
        if all(key.startswith(prefix) for key in weights):
            return _unwrapped({key[len(prefix):]: value
                               for key, value in weights.items()})
    return weights


def _is_state_dict(content: Any) -> bool:
    """Whether something maps names to tensors, at least one."""
    return isinstance(content, dict) and bool(content) and all(
        isinstance(key, str) and isinstance(value, Tensor)
        for key, value in content.items())


def load_weights(model: nn.Module, path: str) -> None:
    """Load all of a model's weights from a checkpoint.

    Args:
        model: The model, or what wraps it: for distributed runs, for
            test-time augmentation, or both.
        path: See :func:`read_checkpoint`. It may also be a file of the
            trained part alone, ``*.safetensors``, or the name of own weights
            of this project; ``model.pretrained`` then has all the rest.

    Raises:
        InputError: If a weight is missing, left over or of another shape, or
            if ``model.pretrained`` is not what the trained part belongs to.
    """
    model = unwrap(model)
    if is_trained_part(path):
        _load_parts(model, checkpoint_file(path))
    else:
        _load(model, path, _state_dict(path), may_miss=(), advice='use '
              'the config it was trained with, which lies beside it in its '
              'work directory')


def load_pretrained(model: nn.Module, path: str) -> None:
    """Load SAM's weights into a model that adds blocks to it.

    Args:
        model: The model.
        path: See :func:`read_checkpoint`.

    Raises:
        InputError: If a weight is missing that is not in the added blocks, or
            one is left over or of another shape.
    """
    _load(unwrap(model), path, _state_dict(path), may_miss=ADDED_BLOCKS,
          advice='match model.image_encoder.vit.arch to the file')
    print_log(f'SAM weights loaded from {path}', logger='current')


def load_image_encoder(encoder: nn.Module, path: str, is_first: bool = True
                       ) -> None:
    """Load the image encoder of a promptable model, for another model.

    Args:
        encoder: The image encoder.
        path: See :func:`read_checkpoint`. It may also be a file of the trained
            part alone, or the name of own weights of this project, which do
            not hold the frozen part.
        is_first: Whether the checkpoint must hold all but the added blocks.
            Otherwise, weights that it lacks stay as they are.

    Raises:
        InputError: If a weight is missing, left over or of another shape.
    """
    weights = (read_trained(checkpoint_file(path))[0] if is_trained_part(path)
               else _state_dict(path))
    weights = {key.removeprefix(_ENCODER): value
               for key, value in weights.items() if key.startswith(_ENCODER)}
    added = tuple(name.removeprefix(_ENCODER) for name in ADDED_BLOCKS)
    # Every name starts with the empty string.
    _load(encoder, path, weights, may_miss=added if is_first else ('', ),
          advice='the encoder of the config and the weights do not fit each '
          'other')
    print_log(f'image encoder loaded from {path}', logger='current')


def unwrap(model: nn.Module) -> nn.Module:
    """The model within what wraps it, see :func:`load_weights`."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def _state_dict(path: str) -> Dict[str, Tensor]:
    """Read the state dict of a checkpoint of blocks as they are today."""
    state_dict = find_state_dict(read_checkpoint(path), path)
    _refuse_former_blocks(state_dict, path)
    require_finite(state_dict, path)
    return state_dict


def _load_parts(model: nn.Module, file: Path) -> None:
    """Load what was released, and then what was trained in its place."""
    weights, base = read_trained(file)
    start = str(model.pretrained)
    if find_released(Path(start).name) != base:
        raise InputError(
            f'checkpoint {file}: expected a config that starts from {base} '
            f'(model.pretrained), found {start}')
    _load(model, start, _state_dict(start), may_miss=ADDED_BLOCKS,
          advice='the config and the weights do not fit each other')
    released = [key for key in model.state_dict()
                if not key.startswith(ADDED_BLOCKS)]
    _load(model, str(file), weights, may_miss=tuple(released), advice='use '
          'the config that the weights were trained with')
    about = TRAINED_WEIGHTS.get(file.stem)
    what = (f'{file.stem}, which comes with mmdbsam and was {about.what} '
            '(docs/weights.md)' if about and file == trained_file(file.stem)
            else file)
    print_log(f'weights: {what}, on {start}', logger='current')


def _load(model: nn.Module, path: str, state_dict: Dict[str, Tensor],
          may_miss: tuple, advice: str) -> None:
    try:
        missing, unexpected = model.load_state_dict(state_dict, strict=False)
        missing = [key for key in missing if not key.startswith(may_miss)]
        problems = [_listing('without', missing),
                    _listing('with unknown', unexpected)]
    except Exception as error:
        # A hook that resizes weights may raise anything for others.
        # The first line names the model; a failed hook has no other.
        first, *others = str(error).splitlines() or [type(error).__name__]
        lines = [line.strip() for line in others if line.strip()]
        problems = [_listing('of other shapes:', lines or [first])]
    problems = [problem for problem in problems if problem]
    if problems:
        raise InputError(f'checkpoint {path} is of another architecture than '
                         f'the config: {"; ".join(problems)}; {advice}')


def _refuse_former_blocks(state_dict: Dict[str, Tensor], path: str) -> None:
    """Refuse weights of blocks that were made otherwise."""
    former = [key for key in state_dict if _FORMER_BIAS.match(key)]
    if former:
        raise InputError(
            f"checkpoint {path}: expected blocks as in DB-SAM's release, "
            f'found those that mmdbsam had before, with {former[0]}, ReLU in '
            'the channel attention and another eps in the norms; train anew, '
            'or test it with mmdbsam at commit 7758f2b')


def _listing(what: str, keys: List[str], shown: int = 3) -> str:
    if not keys:
        return ''
    more = f' and {len(keys) - shown} more' if len(keys) > shown else ''
    return f'{what} {", ".join(keys[:shown])}{more}'
