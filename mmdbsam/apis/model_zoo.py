"""A model from its name or config, with its weights."""

from pathlib import Path
from typing import Union

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.registry import init_default_scope

from mmdbsam.errors import InputError
from mmdbsam.models import PromptSegmentor
from mmdbsam.registry import MODELS
from mmdbsam.weights.loading import load_pretrained, load_weights
from mmdbsam.weights.released import RELEASED_WEIGHTS, find_released


def init_model(cfg: Config, checkpoint: Union[str, Path, None] = None,
               device: str = 'auto', fetch_weights: bool = False
               ) -> PromptSegmentor:
    """Build a model and load its weights, for inference.

    Args:
        cfg: The config.
        checkpoint: Weights of a training; None for the ``pretrained`` ones,
            on which the training starts.
        device: ``'auto'`` for the best there is, or a device of torch.
        fetch_weights: Fetch released weights that are missing.

    Raises:
        InputError: If there are no weights, they do not fit, or the device is
            unknown.
    """
    init_default_scope('mmdbsam')
    if checkpoint is None:
        _check_start(cfg)
    model = MODELS.build(cfg.model)
    file = Path(checkpoint or cfg.model.pretrained)
    released = find_released(file.name)
    if fetch_weights and released and not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        RELEASED_WEIGHTS[released].write_to(file)
    if checkpoint is None:
        load_pretrained(model, str(file))
        print_log('no checkpoint of a training given: the model is that of '
                  f'{file}, which its training starts from', logger='current')
    else:
        load_weights(model, str(file))
    try:
        return model.to(get_device() if device == 'auto' else device).eval()
    # torch without CUDA raises the latter.
    except (RuntimeError, AssertionError) as error:
        raise InputError(f'device: expected auto or a device of this machine, '
                         f'found {device!r}') from error


def _check_start(cfg: Config) -> None:
    """Refuse a model whose added blocks would be random."""
    if not cfg.model.get('pretrained'):
        raise InputError('checkpoint: expected one, as the config names no '
                         'pretrained weights, found none')
    encoder = cfg.model.image_encoder
    random = [block for block in ('adapter', 'neck', 'fusion')
              if encoder.get(block) and not encoder[block].get('zero_init')]
    if random:
        raise InputError(
            f'checkpoint: expected one, as {", ".join(random)} of the config '
            'start at random (zero_init=False), found none')
