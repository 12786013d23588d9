"""Configs of models without prompts, whose classes come from the data.

Such a config has the key ``classes``: the names of the labels that the model
finds, or None for all labels of the prepared data set.
"""

from typing import Any, List, Optional, Sequence

from mmengine.config import Config

from mmdbsam.errors import InputError

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_EVALUATORS = ('val_evaluator', 'test_evaluator')
_HEADS = ('decode_head', 'auxiliary_head')


def is_semantic(cfg: Config) -> bool:
    """Whether a config's model segments without prompts."""
    return 'classes' in cfg


def require_prompts(cfg: Config, source: str) -> None:
    """Make sure that a config's model has prompts.

    Args:
        cfg: The config of a model.
        source: What needs prompts, for the error message.

    Raises:
        InputError: If the model segments without prompts.
    """
    if is_semantic(cfg):
        raise InputError(f'{source}: expected a model with prompts, found one '
                         'that segments without any')


def set_classes_of_data(cfg: Config) -> None:
    """Give a config the classes that its training data have.

    Args:
        cfg: The config of a model without prompts, which is changed.

    Raises:
        InputError: If the data cannot be read, or lack a class that the config
            names.
    """
    # Other configs do not need the data's package.
    from mmdbsam.datasets.semantic_slice_dataset import class_ids, open_one
    data = open_one(cfg.train_dataloader.dataset.data_root)
    set_classes(cfg, [data.labels[label_id] for label_id
                      in class_ids(data, cfg.classes)])


def set_classes_of_checkpoint(cfg: Config, checkpoint: str) -> None:
    """Give a config the classes that a checkpoint was trained for.

    Args:
        cfg: The config of a model without prompts, which is changed.
        checkpoint: The path of the checkpoint.

    Raises:
        InputError: If the checkpoint does not name its classes, or the config
            names others or another order.
    """
    classes = classes_of(checkpoint)
    wanted: Optional[List[str]] = cfg.classes
    if wanted is not None and list(wanted) != classes:
        what = ('another order of the same classes'
                if sorted(wanted) == sorted(classes) else 'other classes')
        raise InputError(
            f'classes: expected those of checkpoint {checkpoint}, '
            f'{", ".join(classes)}, found {what}, {", ".join(wanted)}; leave '
            'them out to take those of the checkpoint')
    set_classes(cfg, classes)


def classes_of(checkpoint: str) -> List[str]:
    """The names of the classes that a checkpoint was trained for.

    Raises:
        InputError: If the file is no checkpoint of a model without prompts.
    """
    # Configs are also read where there is no need for torch.
    from mmdbsam.weights.loading import read_checkpoint
    content = read_checkpoint(checkpoint)
    meta = content.get('meta') if isinstance(content, dict) else None
    classes = ((meta or {}).get('dataset_meta') or {}).get('classes')
    if not classes:
        raise InputError(
            f'checkpoint {checkpoint}: expected one of a model that segments '
            'without prompts, which names its classes, found none')
    # The first is the background.
    return list(classes[1:])


def set_classes(cfg: Config, classes: Sequence[str]) -> None:
    """Write classes to every place of a config that depends on them.

    Args:
        cfg: The config, which is changed.
        classes: The names of the classes without the background.
    """
    cfg.classes = list(classes)
    for head in _of_model(cfg, _HEADS):
        head.num_classes = 1 + len(classes)
    for name in filter(cfg.get, _LOADERS):
        cfg[name].dataset.classes = list(classes)
    for name in filter(cfg.get, _EVALUATORS):
        cfg[name].classes = list(classes)


def set_image_size(cfg: Config, size: int) -> None:
    """Set the side S of the model's input, in pixels.

    Args:
        cfg: The config of a model without prompts, which is changed.
        size: The side.

    Raises:
        InputError: If the model slides a window, whose size is not that of the
            images.
    """
    if cfg.model.test_cfg.mode != 'whole':
        raise InputError('image_size: expected a model that sees whole images '
                         "(model.test_cfg.mode='whole'), found mode="
                         f"'{cfg.model.test_cfg.mode}'; change the config")
    cfg.model.data_preprocessor.size = size
    for step in cfg.test_pipeline:
        if step.type == 'ResizeLongestSide':
            step.size = size
    if 'encoder' in cfg.model.backbone:
        cfg.model.backbone.encoder.vit.img_size = size


def _of_model(cfg: Config, keys: Sequence[str]) -> List[Any]:
    """The dicts under keys of the model, alone or in lists."""
    found = [cfg.model[key] for key in keys if cfg.model.get(key)]
    return [one for part in found
            for one in (part if isinstance(part, (list, tuple)) else [part])]
