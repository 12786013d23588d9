"""How configs are found, read and overridden."""

import copy
import inspect
from pathlib import Path
from typing import Any, Dict, Optional, Union

from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.utils import is_seq_of

import mmdbsam
from mmdbsam import registry
from mmdbsam.engine.semantic_config import is_semantic, set_image_size
from mmdbsam.errors import InputError
from mmdbsam.io.left_behind import scratch_for_libraries

_PACKAGE = Path(mmdbsam.__file__).parent
_DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_EVALUATORS = ('val_evaluator', 'test_evaluator')
# All top-level keys that mmengine reads: the arguments of the Runner, and
# those that it looks up in the config.
RUNNER_KEYS = {*inspect.signature(Runner.__init__).parameters, 'compile',
               'find_unused_parameters', 'model_wrapper_cfg', 'strategy',
               'sync_bn'}
SHORTCUTS = {'data_root', 'image_size', 'batch_size', 'max_epochs'}


def named_configs() -> Dict[str, Path]:
    """Map the name of each config of the model zoo or a study to its path."""
    # setup.py puts the configs into the wheel as .mim/configs; in a checkout
    # they are beside the package.
    folder = next(place for place in (_PACKAGE / '.mim/configs',
                                      _PACKAGE.parent / 'configs')
                  if place.is_dir())
    return {path.stem: path for path in folder.rglob('*.py')
            if '_base_' not in path.parts}


def load_named(config: Union[str, Path, Config]) -> Config:
    """Load a config that the caller may change.

    Args:
        config: A config, which is copied, or a path or name to read it from.

    Raises:
        InputError: See :func:`find_config` and :func:`read_config`.
    """
    if isinstance(config, Config):
        return copy.deepcopy(config)
    return read_config(find_config(config))


def find_config(name: Union[str, Path]) -> Path:
    """Find the file of a config.

    Args:
        name: A path, or a name in the model zoo without folder and suffix,
            such as ``'dbsam_tinyvit_ct'``.

    Raises:
        InputError: If the model zoo has no config of that name.
    """
    if Path(name).suffix == '.py':
        return Path(name)
    configs = named_configs()
    if str(name) not in configs:
        raise InputError(f'config {name}: expected a file or one of '
                         f'{", ".join(sorted(configs))}')
    return configs[str(name)]


def read_config(path: Union[str, Path]) -> Config:
    """Read a config with its bases.

    Raises:
        InputError: If the file is missing or cannot be run.
    """
    if not Path(path).is_file():
        raise InputError(f'config {path}: no such file')
    try:
        # mmengine writes copies of configs before it runs them.
        with scratch_for_libraries():
            return Config.fromfile(path)
    except Exception as error:
        # A config is code: it can fail in any way.
        raise InputError(f'config {path}: {type(error).__name__}: '
                         f'{error}') from error


def apply_options(cfg: Config, options: Dict[str, Any],
                  source: str = '--cfg-options') -> None:
    """Override keys of a config in place.

    Args:
        cfg: The config of a model.
        options: The values by their dotted keys. The keys ``data_root``,
            ``image_size``, ``batch_size`` and ``max_epochs`` reach every place
            that depends on them. A step of a list, as of a pipeline, can be
            named by its type, see :func:`resolve_key`.
        source: Where the options come from, for error messages.

    Raises:
        InputError: If an option does not fit the config, or if a type that the
            config then names is not registered.
    """
    options = {resolve_key(cfg, key, source): value
               for key, value in options.items()}
    for key in options:
        name = key.split('.')[0]
        if name not in RUNNER_KEYS | SHORTCUTS | set(cfg.keys()):
            raise InputError(f"{source} {key}: expected a key of the "
                             f"config or the Runner, found '{name}'")
        if name in ('batch_size', 'max_epochs'):
            require_training(cfg, f'{source} {key}')
    _spread(cfg, options)
    try:
        cfg.merge_from_dict(options)
    except (KeyError, TypeError) as error:
        raise InputError(f'{source}: {error.args[0]}') from error
    _check_types(cfg)


def resolve_key(cfg: Config, key: str, source: str) -> str:
    """Turn the types that name items of lists into their places.

    Args:
        cfg: The config.
        key: A dotted key, as
            ``'train_dataloader.dataset.pipeline.BoxPromptsFromMask.jitter'``.
        source: Where the key comes from, for the error message.

    Returns:
        str: The key with numbers, as
        ``'train_dataloader.dataset.pipeline.1.jitter'``.

    Raises:
        InputError: If a list has no item of a type, or several.
    """
    names = key.split('.')
    part: Any = cfg
    for i, name in enumerate(names):
        if isinstance(part, (list, tuple)) and name.isidentifier():
            places = [place for place, item in enumerate(part)
                      if isinstance(item, dict) and item.get('type') == name]
            if len(places) != 1:
                raise InputError(f'{source} {key}: expected one item of type '
                                 f"'{name}' in the list, found {len(places)}")
            names[i] = str(places[0])
        try:
            part = part[int(names[i]) if isinstance(part, (list, tuple))
                        else name]
        except (KeyError, IndexError, ValueError, TypeError):
            break
    return '.'.join(names)


def require_training(cfg: Config, source: str) -> None:
    """Make sure that a config trains something.

    Args:
        cfg: The config.
        source: What asks for a training, for the error message.

    Raises:
        InputError: If the config only tests a model as it was released.
    """
    if not cfg.get('train_cfg'):
        raise InputError(f'{source}: expected a config with a training, found '
                         'one that only tests a model (train_cfg=None)')


def latest_checkpoint(work_dir: str) -> Optional[str]:
    """Find the checkpoint that ``--resume`` goes on from, if there is one."""
    pointer = Path(work_dir) / 'last_checkpoint'
    checkpoint = pointer.read_text().strip() if pointer.is_file() else ''
    return checkpoint if Path(checkpoint).is_file() else None


def _spread(cfg: Config, options: dict) -> None:
    """Bring the top-level shortcuts to the keys that they stand for.

    Raises:
        InputError: If a number is none, or not positive.
    """
    for name in sorted((SHORTCUTS - {'data_root'}) & options.keys()):
        if type(options[name]) is not int or options[name] < 1:
            raise InputError(f'{name}: expected a whole number > 0, found '
                             f'{options[name]!r}')
    if 'data_root' in options:
        # A config without validation has neither its loader nor its evaluator.
        for name in filter(cfg.get, _DATALOADERS):
            cfg[name].dataset.data_root = options['data_root']
        for name in filter(cfg.get, _EVALUATORS):
            cfg[name].data_root = options['data_root']
    if 'image_size' in options:
        if is_semantic(cfg):
            set_image_size(cfg, options['image_size'])
        else:
            cfg.model.image_encoder.vit.img_size = options['image_size']
            # Without a size of its own, the preprocessor gets the encoder's.
            cfg.model.data_preprocessor.pop('size', None)
        for name in filter(cfg.get, _DATALOADERS):
            for step in cfg[name].dataset.pipeline:
                if step.type == 'ResizeLongestSide':
                    step.size = options['image_size']
    if 'batch_size' in options:
        cfg.train_dataloader.batch_size = options.pop('batch_size')
    if 'max_epochs' in options:
        end = cfg.train_cfg.max_epochs = options.pop('max_epochs')
        cfg.param_scheduler[-1].end = end
        # If there is only one epoch, all of it is warm-up.
        cfg.param_scheduler = [schedule for schedule in cfg.param_scheduler
                               if schedule.begin < end]


def _check_types(cfg: Config) -> None:
    """Raise the error of an unknown type now.

    mmengine builds most parts much later.
    """
    optim_wrapper = cfg.get('optim_wrapper') or {}
    parts = [(registry.MODELS, cfg.model),
             (registry.OPTIM_WRAPPERS, optim_wrapper),
             (registry.OPTIMIZERS, optim_wrapper.get('optimizer')),
             (registry.PARAM_SCHEDULERS, cfg.get('param_scheduler')),
             (registry.HOOKS, cfg.get('custom_hooks')),
             (registry.HOOKS, list(cfg.get('default_hooks', {}).values()))]
    for name in _DATALOADERS:
        loader = cfg.get(name) or {}
        parts += [(registry.DATASETS, loader.get('dataset')),
                  (registry.DATA_SAMPLERS, loader.get('sampler'))]
    parts += [(registry.METRICS, cfg.get(name)) for name in _EVALUATORS]
    parts += [(registry.LOOPS, cfg.get(name))
              for name in ('train_cfg', 'val_cfg', 'test_cfg')]
    for known, part in parts:
        for item in part if is_seq_of(part, dict) else [part]:
            known.check(item)
