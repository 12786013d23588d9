"""The segmentor's modes, and what a mode asks of the samples."""

import pytest
import torch
from devices import build_here
from mmengine.structures import InstanceData

from mmdbsam.engine.random_batch import random_batch
from mmdbsam.errors import InputError
from mmdbsam.models.heads.sam_mask_head import mask_targets
from mmdbsam.structures.prompt_data_sample import PromptDataSample

pytestmark = pytest.mark.usefixtures('device')


@pytest.fixture
def model(tiny_cfg):
    tiny_cfg.model.image_encoder.update(adapter=None, stem=None, neck=None,
                                        fusion=None, norm=None)
    torch.manual_seed(0)
    return build_here(tiny_cfg.model).eval()


@pytest.fixture
def batch(model):
    """One image with more prompts than are decoded at once."""
    side = model.image_encoder.img_size
    batch = model.data_preprocessor(random_batch(side, 1, 70))
    batch['data_samples'][0].set_metainfo(dict(
        img_shape=(side, side // 2), ori_shape=(40, 20)))
    return batch


@torch.no_grad()
def test_each_mode_is_its_method(model, batch):
    (logits, iou), = model(**batch)
    for (found, _), in (model(**batch, mode='tensor'),
                        model._forward(**batch)):
        assert torch.equal(found, logits)
    losses = model(**batch, mode='loss')
    assert losses == model.loss(**batch)
    assert losses == model.mask_head.loss(logits, iou, mask_targets(
        batch['data_samples'][0].gt_instances.masks, logits.shape[-2:]))
    sample, = model(**batch, mode='predict')
    predicted = sample.pred_instances
    assert predicted.masks.shape == (70, 40, 20)
    wanted = model.to_masks(logits, sample.img_shape, sample.ori_shape)
    assert predicted.masks.any() and torch.equal(predicted.masks, wanted)
    torch.testing.assert_close(predicted.iou, iou[:, 0])
    with pytest.raises(ValueError, match="mode: expected 'loss', 'predict' "
                       "or 'tensor', found 'loses'"):
        model(**batch, mode='loses')


def test_predict_needs_boxes(model):
    side = model.image_encoder.img_size
    sample = PromptDataSample(prompts=InstanceData(
        references=torch.zeros(2, side, side)))
    with pytest.raises(InputError, match='prompts: expected boxes, found '
                       'references; .*ClickTestLoop'):
        model.predict(torch.zeros(1, 3, side, side), [sample])
