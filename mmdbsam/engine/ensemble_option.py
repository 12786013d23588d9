"""Several checkpoints of one config, whose logits are averaged."""

from mmengine.config import Config

from mmdbsam.engine.semantic_config import is_semantic
from mmdbsam.errors import InputError


def set_ensemble(cfg: Config, members: int) -> None:
    """Replace a config's model by a :class:`.PromptEnsemble` of it.

    Args:
        cfg: The config, whose model is changed.
        members: The number of checkpoints.

    Raises:
        InputError: If the model segments without prompts.
    """
    if is_semantic(cfg):
        raise InputError('checkpoint: expected one, as the model segments '
                         f'without prompts, found {members}')
    cfg.model = dict(cfg.model, type='PromptEnsemble', members=members)
