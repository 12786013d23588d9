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


def test_clicks_are_drawn_into_the_mask_prompt():
    """A disc around each click has its sign, on the grid of the logits."""
    encoder = build(click_radius=2)
    points = torch.tensor([[[9.5, 21.5], [41.5, 41.5]], [[9.5, 21.5], [5, 5]]])
    labels = torch.tensor([[1, 0], [0, -1]])
    masks = torch.randn(2, 1, 16, 16)
    drawn = encoder.with_clicks(masks, points, labels)
    centres = torch.arange(16) + 0.5
    for k, clicks in enumerate([[(2.5, 5.5, 10.), (10.5, 10.5, -10.)],
                                [(2.5, 5.5, -10.)]]):
        wanted = masks[k, 0].clone()
        for x, y, value in clicks:
            near = (centres - x)**2 + ((centres - y)**2)[:, None] <= 4
            assert near.sum() == 13
            wanted[near] = value
        assert torch.equal(drawn[k, 0], wanted)
    sparse, dense = encoder(points=(points, labels), boxes=None, masks=masks)
    plain = build()
    assert torch.equal(sparse, plain((points, labels), None, masks)[0])
    assert torch.equal(dense, plain(None, None, drawn)[1])


def test_a_pixel_near_two_clicks_is_of_the_nearer_one():
    encoder = build(click_radius=3)
    points = torch.tensor([[[17.5, 33.5], [29.5, 33.5]]])  # 4.5 and 7.5 across
    row = encoder.with_clicks(torch.zeros(1, 1, 16, 16), points,
                              torch.tensor([[1, 0]]))[0, 0, 8]
    assert row.sign().tolist() == [0, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
                                   0, 0, 0, 0, 0]


def test_a_mask_that_prompts_share_gets_the_clicks_of_each():
    encoder = build(click_radius=2)
    points = torch.tensor([[[9.5, 21.5]], [[41.5, 41.5]]])
    labels = torch.ones(2, 1, dtype=torch.int64)
    shared = encoder.with_clicks(torch.zeros(1, 1, 16, 16), points, labels)
    each = encoder.with_clicks(torch.zeros(2, 1, 16, 16), points, labels)
    assert torch.equal(shared, each)
    assert not torch.equal(shared[0], shared[1])


@pytest.mark.parametrize('radius', [0, -1.])
def test_radius_of_clicks_is_above_0(radius):
    with pytest.raises(ValueError, match=f'above 0, found {radius}'):
        build(click_radius=radius)


def test_unknown_prompt_is_named():
    with pytest.raises(ValueError, match="found {'scribbles'}"):
        build(trained_prompts=['scribbles'])
