"""The registries of mmdbsam, children of mmengine's.

A config names every block by its registered ``type``. Types of the parent
libraries stay reachable, as ``mmengine.EpochBasedTrainLoop`` or by bare name.
"""

from typing import Any

from mmengine import registry as mmengine_registry

from mmdbsam.errors import InputError


class Registry(mmengine_registry.Registry):
    """An mmengine registry whose error for an unknown type lists the known.

    Raises:
        InputError: From :meth:`build`, when ``cfg['type']`` is a string that
            neither this registry nor its parents know.
    """

    def build(self, cfg: dict, *args: Any, **kwargs: Any) -> Any:
        """Build an object from its config dict, see mmengine's registry."""
        name = cfg.get('type') if isinstance(cfg, dict) else None
        if isinstance(name, str) and self.get(name) is None:
            known = ', '.join(sorted(self.module_dict))
            raise InputError(
                f"unknown {self.name} type '{name}'; registered: {known}")
        return super().build(cfg, *args, **kwargs)


def _child(parent: mmengine_registry.Registry, location: str) -> Registry:
    return Registry(parent.name, parent=parent, scope='mmdbsam',
                    locations=[location])


MODELS = _child(mmengine_registry.MODELS, 'mmdbsam.models')
DATASETS = _child(mmengine_registry.DATASETS, 'mmdbsam.datasets')
DATA_SAMPLERS = _child(mmengine_registry.DATA_SAMPLERS, 'mmdbsam.datasets')
TRANSFORMS = _child(mmengine_registry.TRANSFORMS, 'mmdbsam.datasets')
METRICS = _child(mmengine_registry.METRICS, 'mmdbsam.evaluation')
HOOKS = _child(mmengine_registry.HOOKS, 'mmdbsam.engine')
OPTIM_WRAPPERS = _child(mmengine_registry.OPTIM_WRAPPERS, 'mmdbsam.engine')

# mmengine warns at every build from a registry that has no child of the
# default scope.
for _name in ('RUNNERS', 'RUNNER_CONSTRUCTORS', 'LOOPS', 'MODEL_WRAPPERS',
              'OPTIMIZERS', 'OPTIM_WRAPPER_CONSTRUCTORS', 'PARAM_SCHEDULERS',
              'EVALUATOR', 'VISUALIZERS', 'VISBACKENDS', 'LOG_PROCESSORS'):
    _child(getattr(mmengine_registry, _name), 'mmdbsam.engine')
