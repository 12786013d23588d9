"""Finds overrides that would have no effect, before anything runs."""

import inspect
from typing import Any, Optional

from mmengine.config import Config

from mmdbsam import registry
from mmdbsam.engine.config import RUNNER_KEYS, SHORTCUTS, resolve_key
from mmdbsam.errors import InputError

_REGISTRIES = (registry.MODELS, registry.DATASETS, registry.DATA_SAMPLERS,
               registry.TRANSFORMS, registry.METRICS, registry.HOOKS,
               registry.OPTIM_WRAPPERS, registry.OPTIMIZERS,
               registry.PARAM_SCHEDULERS, registry.LOOPS)


def require_key(cfg: Config, key: str, source: str) -> None:
    """Make sure that something reads what an override sets.

    Args:
        cfg: The config that is overridden.
        key: The dotted key of the override, in which numbers are places in
            lists.
        source: The place of the override, as the error message names it.

    Raises:
        InputError: If the key is neither in the config nor an argument of
            the class that its parent names, or if only the config file itself
            reads it, as is the case for ``train_pipeline``.
    """
    names = resolve_key(cfg, key, source).split('.')
    # Every part of a config without prompts depends on its classes.
    known = RUNNER_KEYS | SHORTCUTS | ({'classes'} & set(cfg.keys()))
    if names[0] not in known:
        raise InputError(
            f"{source} {key}: expected a key that the Runner reads, found "
            f"'{names[0]}'; what a config makes of its other names has to be "
            'overridden where it ends up, as '
            'train_dataloader.dataset.pipeline')
    if len(names) == 1:
        return
    part: Any = cfg
    for i, name in enumerate(names):
        try:
            part = part[int(name) if isinstance(part, (list, tuple))
                        else name]
        except (KeyError, IndexError, ValueError, TypeError):
            where = f'{source} {".".join(names[:i + 1])}'
            _require_argument(part, name, where)
            return


def _require_argument(part: Any, name: str, where: str) -> None:
    """Refuse a key that the config lacks and its class does not take."""
    if not isinstance(part, dict):
        found = (f'a list of {len(part)}' if isinstance(part, (list, tuple))
                 else repr(part))
        raise InputError(f'{where}: no such key, its parent is {found}')
    arguments = _arguments(part.get('type'))
    if arguments is None:
        arguments = set(part)
    if name not in arguments and '**' not in arguments:
        raise InputError(f"{where}: expected one of "
                         f"{', '.join(sorted(arguments - {'type'}))}, found "
                         f"'{name}'")


def _arguments(type_name: Optional[str]) -> Optional[set]:
    """List a registered class's arguments, in which '**' means any."""
    found = filter(None, (known.get(type_name) for known in _REGISTRIES
                          if isinstance(type_name, str)))
    for built in found:
        parameters = inspect.signature(built).parameters.values()
        return {'**' if parameter.kind is parameter.VAR_KEYWORD
                else parameter.name for parameter in parameters}
    return None
