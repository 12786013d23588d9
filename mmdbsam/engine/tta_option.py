"""The option ``--tta``, which augments at test time."""

from mmengine.config import Config

from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS


def set_tta(cfg: Config) -> None:
    """Test with the config's ``tta_model`` and ``tta_pipeline``.

    Args:
        cfg: The config, whose model and pipeline of the test data are changed.

    Raises:
        InputError: If the config has no such keys, or the model is unknown.
    """
    if not (cfg.get('tta_model') and cfg.get('tta_pipeline')):
        raise InputError(
            '--tta: expected a config with tta_model and tta_pipeline, as '
            'configs/recipes/dbsam_tinyvit_tta_ct.py has them, found none')
    MODELS.check(cfg.tta_model)
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.model = dict(cfg.tta_model, module=cfg.model)
