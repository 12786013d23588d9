"""Overrides name the steps of a pipeline by their types."""

import pytest

from mmdbsam.engine.config import apply_options, resolve_key
from mmdbsam.errors import InputError

STEP = 'train_dataloader.dataset.pipeline.BoxPromptsFromMask.jitter'


def test_a_step_is_found_by_its_type(tiny_cfg):
    pipeline = tiny_cfg.train_dataloader.dataset.pipeline
    place, = (i for i, step in enumerate(pipeline)
              if step.type == 'BoxPromptsFromMask')
    assert resolve_key(tiny_cfg, STEP, '') == (
        f'train_dataloader.dataset.pipeline.{place}.jitter')
    apply_options(tiny_cfg, {STEP: 7})
    assert tiny_cfg.train_dataloader.dataset.pipeline[place].jitter == 7


def test_other_keys_stay_as_they_are(tiny_cfg):
    for key in ('model.image_encoder.neck', 'max_epochs', 'new.key',
                'train_dataloader.dataset.pipeline.1.jitter',
                'train_dataloader.dataset.pipeline.99.jitter'):
        assert resolve_key(tiny_cfg, key, '') == key


def test_a_type_that_is_not_there_is_named(tiny_cfg):
    with pytest.raises(InputError, match="--cfg-options .*expected one item "
                       "of type 'BoxPrompts' in the list, found 0"):
        apply_options(tiny_cfg, {
            'train_dataloader.dataset.pipeline.BoxPrompts.jitter': 7})
