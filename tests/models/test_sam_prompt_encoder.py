"""Boxes as mask prompts, and which parameters train."""

import pytest
import torch
import torch.nn.functional as F

from mmdbsam.models.heads.sam_prompt_encoder import box_coverage
from mmdbsam.registry import MODELS


def build(**kwargs):
    torch.manual_seed(0)
    return MODELS.build(dict(type='SAMPromptEncoder', image_size=64,
                             embedding_size=4, embed_dims=32, **kwargs))


def test_box_coverage_is_the_area_average_of_the_filled_box():
    boxes = torch.tensor([[3., 5, 30, 9], [0, 0, 63, 63], [10, 10, 10, 10]])
    filled = torch.zeros(3, 1, 64, 64)
    for mask, (x0, y0, x1, y1) in zip(filled, boxes.long(), strict=True):
        mask[0, y0:y1 + 1, x0:x1 + 1] = 1
    wanted = F.interpolate(filled, (16, 16), mode='area')[:, 0]
    torch.testing.assert_close(box_coverage(boxes, 64, 16), wanted)


def test_boxes_as_masks_reaches_the_dense_embedding():
    boxes = torch.tensor([[3., 5, 30, 9], [20, 20, 40, 60]])
    plain, filled = build(), build(boxes_as_masks=True)
    dense = plain(points=None, boxes=boxes, masks=None)[1]
    assert len(dense) == 1  # shared by the prompts
    dense = filled(points=None, boxes=boxes, masks=None)[1]
    assert not torch.allclose(dense[0], dense[1])
    # A mask that is given wins.
    mask = torch.randn(2, 1, 16, 16)
    torch.testing.assert_close(
        filled(points=None, boxes=boxes, masks=mask)[1],
        plain(points=None, boxes=boxes, masks=mask)[1])


@pytest.mark.parametrize('kwargs, prompts', [
    (dict(), ['boxes']),
    (dict(boxes_as_masks=True), ['boxes']),
    (dict(trained_prompts=['boxes', 'points', 'masks']),
     ['boxes', 'points', 'masks']),
])
def test_what_trains_is_what_the_prompts_reach(kwargs, prompts):
    encoder = build(**kwargs)
    given = dict(boxes=torch.tensor([[3., 5, 30, 9]]),
                 points=(torch.tensor([[[5., 5], [9, 9]]]),
                         torch.tensor([[1, 0]])),
                 masks=torch.randn(1, 1, 16, 16))
    # Each prompt alone and all together; a lone point is padded.
    calls = [{name: given[name]} for name in prompts] + [
        {name: given[name] for name in prompts}]
    for call in calls:
        sparse, dense = encoder(**dict.fromkeys(given) | call)
        if sparse.requires_grad or dense.requires_grad:
            (sparse.sum() + dense.sum()).backward()
    for name, parameter in encoder.named_parameters():
        reached = parameter.grad is not None and parameter.grad.any()
        assert reached == parameter.requires_grad, name


def test_unknown_prompt_is_named():
    with pytest.raises(ValueError, match="found {'scribbles'}"):
        build(trained_prompts=['scribbles'])
