"""Reads studies, which say what is trained and compared, from configs."""

import copy
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple, Union

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdbsam.engine.config import (
    apply_options,
    read_config,
    require_training,
)
from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS
from mmdbsam.studies.option_keys import require_key

_FIELDS = {'title': str, 'config': str, 'options': dict, 'variants': list,
           'seeds': list, 'metrics': list}
_DEFAULTS = dict(options={}, seeds=[0], metrics=['DSC', 'NSD'])


@dataclass(frozen=True)
class Variant:
    """A row of a study's table.

    Attributes:
        name: The variant's name in the table.
        options: The variant's overrides, by keys as in ``--cfg-options``.
    """

    name: str
    options: Dict[str, Any]

    @property
    def file_name(self) -> str:
        """The name, without characters that a path should not have."""
        return re.sub(r'[^\w.-]+', '_', self.name).strip('_')


@dataclass(frozen=True)
class Study:
    """Variants of a config, each trained with every seed.

    Attributes:
        path: The path of the study's file.
        title: The heading of the table.
        config: The path of the config that all variants start from.
        options: Overrides for all variants; a variant's own are applied after
            them.
        variants: The rows of the table; the first is the one that the others
            are compared with.
        seeds: The seeds of the trainings.
        metrics: The scores that the table shows, in its order.
        last_options: Overrides from the command line, which are applied last.
        amp: Whether the trainings use mixed precision.
    """

    path: str
    title: str
    config: str
    options: Dict[str, Any]
    variants: Tuple[Variant, ...]
    seeds: Tuple[int, ...]
    metrics: Tuple[str, ...]
    last_options: Dict[str, Any]
    amp: Union[bool, str, None]

    @property
    def name(self) -> str:
        """The name of the study's file, without its ending."""
        return Path(self.path).stem

    def resolve(self, variant: Variant, seed: int) -> Config:
        """Make the complete config of a run.

        It records the variant and the precision under ``study``, so that two
        runs with equal configs are the same run.

        Raises:
            InputError: If an override does not fit the config, or the config
                trains nothing.
        """
        cfg = read_config(self.config)
        require_training(cfg, f'study {self.path}: config {self.config}')
        own = {**variant.options, 'randomness': dict(seed=seed)}
        for source, options in (
                (f'study {self.path}: options:', self.options),
                (f"study {self.path}: variant '{variant.name}':", own),
                ('--cfg-options', self.last_options)):
            for key in options:
                require_key(cfg, key, source)
            # Merging removes '_delete_' from the options it is given.
            apply_options(cfg, copy.deepcopy(options), source)
        cfg.study = dict(variant=variant.name, amp=self.amp)
        return cfg


def read_study(path: str, last_options: Dict[str, Any],
               amp: Union[bool, str, None]) -> Study:
    """Read a study and make sure that each variant can be built.

    Args:
        path: The study's file.
        last_options: Overrides from the command line.
        amp: Whether the trainings use mixed precision.

    Raises:
        InputError: If a field is missing, unknown or of a wrong type, if
            names or seeds repeat, if an override does not fit the config, if a
            model cannot be built, or if two variants are the same.
    """
    fields = {**_DEFAULTS, **read_config(path).to_dict()}
    _check_fields(fields, f'study {path}')
    study = Study(
        path=path, title=fields['title'], config=fields['config'],
        options=fields['options'],
        variants=_read_variants(fields['variants'], f'study {path}'),
        seeds=tuple(fields['seeds']), metrics=tuple(fields['metrics']),
        last_options=last_options, amp=amp)
    _check_seeds(study.seeds, f'study {path}')
    _check_models(study, f'study {path}')
    return study


def _check_fields(fields: dict, study: str) -> None:
    for key, found in fields.items():
        if key not in _FIELDS:
            raise InputError(f'{study}: expected the fields '
                             f"{', '.join(_FIELDS)}, found '{key}'")
        if not isinstance(found, _FIELDS[key]):
            raise InputError(f'{study}: {key}: expected a '
                             f'{_FIELDS[key].__name__}, found {found!r}')
    for key in _FIELDS:
        if not fields.get(key) and key != 'options':
            raise InputError(f'{study}: {key}: expected a '
                             f'{_FIELDS[key].__name__} that is not empty, '
                             'found none')


def _read_variants(found: Sequence[Any], study: str) -> Tuple[Variant, ...]:
    variants: List[Variant] = []
    for i, fields in enumerate(found):
        if not (isinstance(fields, dict) and fields.keys() == {'name',
                                                               'options'}
                and isinstance(fields['name'], str)
                and isinstance(fields['options'], dict)):
            raise InputError(f'{study}: variants[{i}]: expected dict(name='
                             f'..., options={{...}}), found {fields!r}')
        variant = Variant(**fields)
        for other in variants:
            if variant.file_name.lower() == other.file_name.lower():
                raise InputError(
                    f"{study}: variants[{i}]: expected a name unlike "
                    f"'{other.name}', found '{variant.name}'")
        variants.append(variant)
    return tuple(variants)


def _check_seeds(seeds: Sequence[Any], study: str) -> None:
    for seed in seeds:
        if type(seed) is not int or seed < 0 or seeds.count(seed) > 1:
            raise InputError(f'{study}: seeds: expected whole numbers, each '
                             f'once, found {list(seeds)}')


def _check_models(study: Study, source: str) -> None:
    init_default_scope('mmdbsam')
    configs: Dict[str, Config] = {}
    for variant in study.variants:
        cfg = study.resolve(variant, study.seeds[0])
        evaluator = cfg.test_evaluator.type
        if evaluator == 'BenchmarkMetric':
            raise InputError(f"{source}: variant '{variant.name}': "
                             'test_evaluator: expected that of one data set, '
                             f'as VolumeMetric, found {evaluator}')
        try:
            with torch.device('meta'):
                MODELS.build(cfg.model)
        except Exception as error:
            # A block may refuse its arguments with an error of any type.
            raise InputError(
                f"{source}: variant '{variant.name}': its model cannot be "
                f'built: {" ".join(str(error).split())}') from error
        cfg.pop('study')
        for name, other in configs.items():
            if cfg.to_dict() == other.to_dict():
                raise InputError(f"{source}: variants '{name}' and "
                                 f"'{variant.name}' are the same")
        configs[variant.name] = cfg
