"""The registries of mmdbsam, children of mmengine's.

A config names every block by its registered ``type``. Types of the parent
libraries stay reachable, as ``mmengine.EpochBasedTrainLoop`` or by bare name.
"""

import inspect
from importlib.util import find_spec
from typing import Any, Callable

from mmengine import registry as mmengine_registry

from mmdbsam.errors import InputError


class Registry(mmengine_registry.Registry):
    """An mmengine registry that says in one line what is wrong in a config."""

    def check(self, cfg: Any) -> None:
        """Make sure that the type that a config names is registered.

        Args:
            cfg: The config; only a dict with a ``type`` is checked.

        Raises:
            InputError: If neither this registry nor its parents know the
                type. The message lists the registered types; for a type of
                mmsegmentation it says how to install that.
        """
        name = cfg.get('type') if isinstance(cfg, dict) else None
        if (isinstance(name, str) and name.startswith('mmseg.')
                and find_spec('mmseg') is None):
            raise InputError(f"{self.name} type '{name}': expected "
                             'mmsegmentation, found that it is not installed; '
                             "install it with pip install 'mmdbsam[seg]'")
        if isinstance(name, str) and self.get(name) is None:
            known = self.module_dict or self.parent.module_dict
            raise InputError(f"unknown {self.name} type '{name}'; "
                             f'registered: {", ".join(sorted(known))}')

    def build(self, cfg: dict, *args: Any, **kwargs: Any) -> Any:
        """Build an object from its config dict, as mmengine's registry does.

        Raises:
            InputError: If the type is unknown, or does not take the arguments
                that the config gives. A TypeError from within the object's
                constructor has another cause and is raised as it is.
        """
        self.check(cfg)
        try:
            return super().build(cfg, *args, **kwargs)
        except TypeError as error:
            if not isinstance(cfg, dict):
                raise
            defaults = args[0] if args else kwargs.get('default_args')
            given = {**(defaults or {}), **cfg}
            name = given.pop('type')
            given.pop('_scope_', None)
            misfit = _misfit(self.get(name) if isinstance(name, str)
                             else name, given)
            if not misfit:
                raise
            raise InputError(f"{self.name} '{name}': {misfit}") from error


def _misfit(built: Callable, arguments: dict) -> str:
    """Why arguments do not fit a class or function, or ``''`` if they do."""
    calls = [built]
    if inspect.isclass(built):
        calls += [base for base in built.__mro__[1:]
                  if '__init__' in vars(base)]
    rest = arguments
    for call in calls:
        signature = inspect.signature(call)
        bind = signature.bind if call is built else signature.bind_partial
        try:
            bound = bind(**rest)
        except TypeError as error:
            return str(error)
        # Constructors hand the arguments that they take by ** to their base
        # class.
        rest = next((bound.arguments.get(parameter.name, {})
                     for parameter in signature.parameters.values()
                     if parameter.kind is parameter.VAR_KEYWORD), {})
        if not rest:
            break
    return ''


def _child(parent: mmengine_registry.Registry, location: str) -> Registry:
    return Registry(parent.name, parent=parent, scope='mmdbsam',
                    locations=[location])


MODELS = _child(mmengine_registry.MODELS, 'mmdbsam.models')
DATASETS = _child(mmengine_registry.DATASETS, 'mmdbsam.datasets')
DATA_SAMPLERS = _child(mmengine_registry.DATA_SAMPLERS, 'mmdbsam.datasets')
TRANSFORMS = _child(mmengine_registry.TRANSFORMS, 'mmdbsam.datasets')
METRICS = _child(mmengine_registry.METRICS, 'mmdbsam.evaluation')
SCORES = Registry('score', scope='mmdbsam', locations=['mmdbsam.evaluation'])
HOOKS = _child(mmengine_registry.HOOKS, 'mmdbsam.engine')
OPTIM_WRAPPERS = _child(mmengine_registry.OPTIM_WRAPPERS, 'mmdbsam.engine')
OPTIMIZERS = _child(mmengine_registry.OPTIMIZERS, 'mmdbsam.engine')
PARAM_SCHEDULERS = _child(mmengine_registry.PARAM_SCHEDULERS,
                          'mmdbsam.engine')
LOOPS = _child(mmengine_registry.LOOPS, 'mmdbsam.engine')
STRATEGIES = _child(mmengine_registry.STRATEGIES, 'mmdbsam.engine')
VISUALIZERS = _child(mmengine_registry.VISUALIZERS, 'mmdbsam.visualization')
VISBACKENDS = _child(mmengine_registry.VISBACKENDS, 'mmdbsam.visualization')

# Without these, mmengine would warn at every build that the registry has no
# child of the default scope.
for _name in ('RUNNERS', 'RUNNER_CONSTRUCTORS', 'MODEL_WRAPPERS',
              'OPTIM_WRAPPER_CONSTRUCTORS', 'EVALUATOR', 'LOG_PROCESSORS',
              'WEIGHT_INITIALIZERS'):
    _child(getattr(mmengine_registry, _name), 'mmdbsam.engine')
