"""Predictions from several views of a slice."""

import copy

import numpy as np
import pytest
import torch
from devices import build_here
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from mmdbsam.datasets import PromptSliceDataset
from mmdbsam.errors import InputError

PROMPTS = [dict(type='LoadSlice'), dict(type='BoxPromptsFromMask',
                                        min_area=1)]
PACKED = [dict(type='ResizeLongestSide', size=128),
          dict(type='PackPromptSample')]
AS_IT_IS = dict(type='RandomFlip', prob=0.)


def flipped(direction):
    return dict(type='RandomFlip', prob=1., direction=direction)


HORIZONTAL, VERTICAL = map(flipped, ('horizontal', 'vertical'))


@pytest.fixture(autouse=True)
def scope(device):
    init_default_scope('mmdbsam')


@pytest.fixture
def tta(tiny_cfg):
    """The tiny model without added blocks, in its wrapper."""
    torch.manual_seed(0)
    tiny_cfg.model.image_encoder.update(dict.fromkeys(
        ('adapter', 'stem', 'neck', 'fusion', 'norm')))
    return build_here(dict(type='PromptTTAModel',
                           module=tiny_cfg.model)).eval()


@pytest.fixture
def batches(prepared_spine):
    """Load the test slices through a pipeline, in batches of two."""

    def batches(*steps):
        dataset = PromptSliceDataset(prepared_spine, 'test',
                                     copy.deepcopy([*PROMPTS, *steps]),
                                     min_area=1)
        return [pseudo_collate([dataset[i], dataset[i + 1]])
                for i in range(0, len(dataset), 2)]

    return batches


def views(*flips):
    return dict(type='TestTimeAug',
                transforms=[*flips, *([step] for step in PACKED)])


@torch.no_grad()
def predict(model, batches):
    """pred_instances of all samples."""
    return [sample.pred_instances.cpu() for batch in batches
            for sample in model.test_step(batch)]


def test_the_identity_alone_is_the_plain_model(tta, batches):
    plain = predict(tta.module, batches(*PACKED))
    augmented = predict(tta, batches(views([AS_IT_IS])))
    assert len(plain) > 4
    for one, other in zip(augmented, plain, strict=True):
        for field in ('masks', 'iou', 'logits'):
            assert torch.equal(one[field], other[field])


def test_logits_of_views_are_flipped_back_and_averaged(tta, batches):
    plain, mirrored, upside_down, both = (
        predict(tta.module, batches(*flips, *PACKED)) for flips in
        ([], [HORIZONTAL], [VERTICAL], [HORIZONTAL, VERTICAL]))
    # The products of the two lists are the four views above.
    augmented = predict(tta, batches(views([AS_IT_IS, HORIZONTAL],
                                           [AS_IT_IS, VERTICAL])))
    changed = 0
    for i, found in enumerate(augmented):
        logits = np.mean([
            plain[i].logits.numpy(), mirrored[i].logits.numpy()[..., ::-1],
            upside_down[i].logits.numpy()[..., ::-1, :],
            both[i].logits.numpy()[..., ::-1, ::-1]], axis=0)
        np.testing.assert_allclose(found.logits, logits, atol=1e-6)
        assert torch.equal(found.masks, found.logits > 0)
        torch.testing.assert_close(found.iou, sum(
            view[i].iou for view in (plain, mirrored, upside_down, both)) / 4)
        changed += int((found.masks != plain[i].masks).sum())
    assert changed


def test_a_mirrored_slice_has_the_mirrored_prediction(tta, batches):
    """The mirrored slice has the same two views, in the other order."""
    both = views([AS_IT_IS, HORIZONTAL])
    for one, other in zip(predict(tta, batches(both)),
                          predict(tta, batches(HORIZONTAL, both)),
                          strict=True):
        assert torch.equal(one.logits, other.logits)


def test_what_was_prompted_stays(tta, batches):
    with torch.no_grad():
        found = tta.test_step(batches(views([HORIZONTAL, VERTICAL]))[0])
    given = batches(*PACKED)[0]['data_samples']
    for one, other in zip(found, given, strict=True):
        assert torch.equal(one.prompts.ori_boxes, other.prompts.ori_boxes)
        assert torch.equal(one.prompts.labels, other.prompts.labels)
        assert one.slice_index == other.slice_index


def test_logits_are_kept_only_if_asked_for(tta, batches):
    assert 'logits' in predict(tta.module, batches(*PACKED))[0]
    tta.module.keep_logits = False
    assert 'logits' not in predict(tta.module, batches(*PACKED))[0]


def test_clicks_cannot_be_flipped(prepared_spine):
    dataset = PromptSliceDataset(prepared_spine, 'test', [
        dict(type='LoadSlice'), dict(type='ClickPromptsFromMask'),
        views([HORIZONTAL])], min_area=1)
    with pytest.raises(InputError, match='RandomFlip: expected a sample pro'):
        dataset[0]
