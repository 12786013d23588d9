"""Builds models by their names or configs, and loads their weights."""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from torch import nn

from mmdbsam.engine.config import (
    apply_options,
    find_config,
    load_named,
    named_configs,
)
from mmdbsam.engine.ensemble_option import set_ensemble
from mmdbsam.engine.semantic_config import (
    is_semantic,
    set_classes_of_checkpoint,
)
from mmdbsam.errors import InputError
from mmdbsam.models import PromptSegmentor
from mmdbsam.registry import MODELS
from mmdbsam.weights.ensembles import load_members
from mmdbsam.weights.loading import load_pretrained
from mmdbsam.weights.released import fetch_weights as fetch_released
from mmdbsam.weights.released import find_released
from mmdbsam.weights.trained import is_trained_part, weights_of_config

AnyConfig = Union[str, Path, Config]


def list_models(pattern: str = '*') -> List[str]:
    """List the names of the model zoo, which all functions here take.

    Args:
        pattern: A pattern that the names must match; ``*`` stands for
            anything, as in ``'dbsam_*_ct'``.

    Returns:
        list[str]: The names in alphabetical order.
    """
    return sorted(name for name, path in named_configs().items()
                  if fnmatch(name, pattern) and 'studies' not in path.parts)


def get_model(model: AnyConfig,
              pretrained: Union[bool, str, Path, Sequence] = False,
              device: str = 'cpu',
              fetch_weights: bool = False
              ) -> Union[PromptSegmentor, nn.Module]:
    """Build a model, to use it in other code or to train it.

    Args:
        model: A name from :func:`list_models`, a config's path, or a config.
        pretrained: True for the weights that the model's training starts
            from, the path of a checkpoint or the name of own weights, several
            of these for a :class:`.PromptEnsemble`, or False for random
            weights.
        device: A torch device, or ``'auto'`` for the best one available.
        fetch_weights: Whether to download released weights that are missing.

    Returns:
        PromptSegmentor or nn.Module: The model in training mode, with its
        config as ``cfg``. Models without prompts are mmsegmentation's; the
        config then has the classes of the checkpoint.

    Raises:
        InputError: If there is no such config, or the weights are missing or
            do not fit.
    """
    cfg = load_named(model)
    init_default_scope('mmdbsam')
    paths = [] if isinstance(pretrained, bool) else _paths(pretrained)
    if is_semantic(cfg) and paths:
        set_classes_of_checkpoint(cfg, paths[0])
    if len(paths) > 1:
        set_ensemble(cfg, len(paths))
    built = MODELS.build(cfg.model)
    built.cfg = cfg
    if pretrained is True and is_semantic(cfg):
        built.init_weights()
    elif pretrained is True:
        load_pretrained(built, _start(cfg, fetch_weights))
    elif paths:
        for path in paths:
            if is_trained_part(path):
                _start(cfg, fetch_weights)
            _fetch(Path(path), fetch_weights)
        load_members(built, paths)
    return _on_device(built, device)


def own_weights(config: AnyConfig) -> Optional[str]:
    """The own weights of this project that a model is used with.

    Args:
        config: A name from :func:`list_models` or a config's path. A
            ``Config`` may have been changed and has none.

    Returns:
        str or None: Their name in :data:`.TRAINED_WEIGHTS`, if the config is
        one of the model zoo that has any.

    Raises:
        InputError: If there is no such config.
    """
    if isinstance(config, Config):
        return None
    path = find_config(config)
    known = named_configs().get(path.stem)
    if known is None or known.resolve() != path.resolve():
        return None
    return weights_of_config(path.stem)


def init_model(config: AnyConfig,
               checkpoint: Union[str, Path, Sequence, None] = None,
               device: str = 'auto',
               cfg_options: Optional[Dict[str, Any]] = None,
               fetch_weights: bool = False
               ) -> Union[PromptSegmentor, nn.Module]:
    """Build a model and load its weights, for inference.

    Args:
        config: A name from :func:`list_models`, a config's path, or a config.
        checkpoint: The checkpoint of a training, or the name of own weights;
            several, such as those of folds, answer together. None loads the
            config's :func:`own_weights` if there are any, and otherwise its
            ``pretrained`` weights, from which the training starts.
        device: A torch device, or ``'auto'`` for the best one available.
        cfg_options: Values to set in the config, by their dotted keys.
        fetch_weights: Whether to download released weights that are missing.

    Returns:
        PromptSegmentor or nn.Module: The model in evaluation mode, see
        :func:`get_model`.

    Raises:
        InputError: If there are no weights, they do not fit, or the device is
            unknown.
    """
    cfg = load_named(config)
    checkpoint = checkpoint or own_weights(config)
    if cfg_options:
        apply_options(cfg, cfg_options, 'cfg_options')
    if checkpoint is None and is_semantic(cfg):
        raise InputError('checkpoint: expected that of a training, as a model '
                         'that segments without prompts has to be trained '
                         'first, found none')
    if checkpoint is not None:
        return get_model(cfg, checkpoint, device, fetch_weights).eval()
    _check_start(cfg)
    model = get_model(cfg, True, device, fetch_weights).eval()
    print_log('no checkpoint of a training given: the model is that of '
              f'{cfg.model.pretrained}, which its training starts from',
              logger='current')
    return model


def _paths(checkpoint: Union[str, Path, Sequence]) -> List[str]:
    """The paths of one checkpoint or of several."""
    several = not isinstance(checkpoint, (str, Path))
    return [str(path) for path in (checkpoint if several else [checkpoint])]


def _start(cfg: Config, fetch_weights: bool) -> str:
    """Find the weights that a config's training starts from."""
    if not cfg.model.get('pretrained'):
        raise InputError('pretrained: expected weights in the config '
                         '(model.pretrained), found none')
    _fetch(Path(cfg.model.pretrained), fetch_weights)
    return cfg.model.pretrained


def _fetch(file: Path, wanted: bool) -> None:
    """Download released weights that are missing, if that is wanted."""
    released = find_released(file.name)
    if wanted and released and not file.exists():
        fetch_released(released, file.parent)


def _on_device(model: nn.Module, device: str) -> nn.Module:
    try:
        return model.to(get_device() if device == 'auto' else device)
    # A torch that was built without CUDA raises AssertionError.
    except (RuntimeError, AssertionError) as error:
        raise InputError(f'device: expected auto or a device of this machine, '
                         f'found {device!r}') from error


def _check_start(cfg: Config) -> None:
    """Refuse a model whose added blocks do not start as the identity."""
    if not cfg.model.get('pretrained'):
        raise InputError('checkpoint: expected one, as the config names no '
                         'pretrained weights, found none')
    encoder = cfg.model.image_encoder
    random = [block for block in ('adapter', 'neck', 'fusion', 'norm')
              if encoder.get(block) and not encoder[block].get('zero_init')]
    if random:
        raise InputError(
            f'checkpoint: expected one, as {", ".join(random)} of the config '
            'must be trained first (zero_init=False), found none')
