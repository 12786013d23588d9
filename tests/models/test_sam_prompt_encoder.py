"""The dense embedding, and which parameters train."""

import pytest
import torch
from segment_anything.modeling import PromptEncoder

from mmdbsam.registry import MODELS

pytestmark = pytest.mark.usefixtures('device')


def build(**kwargs):
    torch.manual_seed(0)
    return MODELS.build(dict(type='SAMPromptEncoder', image_size=64,
                             embedding_size=4, embed_dims=32, **kwargs))


def test_without_masks_the_prompts_share_the_dense_embedding():
    boxes = torch.tensor([[3., 5, 30, 9], [20, 20, 40, 60]])
    encoder = build()
    shared = encoder(points=None, boxes=boxes, masks=None)[1]
    wanted = PromptEncoder.forward(encoder, None, boxes, None)[1]
    assert len(shared) == 1
    assert torch.equal(shared.expand_as(wanted), wanted)
    masks = torch.randn(2, 1, 16, 16)
    assert len(encoder(points=None, boxes=boxes, masks=masks)[1]) == 2


@pytest.mark.parametrize('kwargs, prompts', [
    (dict(), ['boxes']),
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
