"""Clicks that are simulated from a model's errors."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from scipy import ndimage

from mmdbsam.engine.click_simulation import (
    decode_clicks,
    next_click,
    predict_clicks,
)
from mmdbsam.registry import MODELS
from mmdbsam.structures.prompt_data_sample import PromptDataSample


def blobs(seed):
    noise = np.random.default_rng(seed).normal(size=(30, 40))
    return ndimage.gaussian_filter(noise, 2) > 0.05


@pytest.mark.parametrize('seed', range(20))
def test_a_click_is_in_the_largest_error_as_deep_as_can_be(seed):
    reference, predicted = blobs(seed), blobs(seed + 100)
    x, y, kind = next_click(reference, predicted)
    errors = {1: reference & ~predicted, 0: predicted & ~reference}
    sizes = []
    for wrong in errors.values():
        regions, number = ndimage.label(wrong)
        sizes += [(regions == i).sum() for i in range(1, number + 1)]
    regions, _ = ndimage.label(errors[kind])
    region = regions == regions[y, x]
    assert errors[kind][y, x] and region.sum() == max(sizes)
    depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    assert depth[y, x] == depth.max()


def test_the_first_click_is_the_centre_of_the_largest_region():
    mask = np.zeros((30, 40), bool)
    mask[4:11, 3:30] = mask[20:25, 20:25] = True
    # Every pixel of the bar's middle row is as deep.
    assert next_click(mask, np.zeros_like(mask)) == (16, 7, 1)
    ring = np.hypot(*np.mgrid[-15:15, -15:15])
    ring = (ring > 7) & (ring < 12)
    x, y, _ = next_click(ring, np.zeros_like(ring))
    assert ring[y, x]


def test_a_click_says_whether_the_label_is_there():
    mask = np.zeros((30, 40), bool)
    mask[10:20, 10:20] = True
    more = mask.copy()
    more[12:17, 25:34] = True
    assert next_click(mask, more) == (29, 14, 0)
    assert next_click(more, mask) == (29, 14, 1)
    assert next_click(mask, mask) is None


@pytest.fixture
def model(tiny_cfg):
    init_default_scope('mmdbsam')
    torch.manual_seed(0)
    return MODELS.build(tiny_cfg.model).eval()


@torch.no_grad()
def test_all_clicks_are_decoded_with_the_last_logits(model):
    """The test writes the loop out, with two labels and an oblong slice."""
    references = np.stack([blobs(1), blobs(2)])
    sample = PromptDataSample(metainfo=dict(
        clicks=3, ori_shape=(30, 40), img_shape=(96, 128)))
    sample.prompts = InstanceData(references=torch.from_numpy(references))
    embedding = torch.randn(1, 64, 16, 16)
    *_, (found, _) = decode_clicks(model, embedding, sample)

    points, kinds = [[], []], [[], []]
    logits, masks = None, np.zeros_like(references)
    for _ in range(3):
        for k in range(2):
            x, y, kind = next_click(references[k], masks[k])
            points[k].append([x * 3.2, y * 3.2])
            kinds[k].append(kind)
        logits, _ = model.decode_prompts(
            embedding, masks=logits,
            points=(torch.tensor(points), torch.tensor(kinds)))
        masks = model.to_masks(logits, (96, 128), (30, 40)).numpy()
    torch.testing.assert_close(found, logits, rtol=1e-4, atol=1e-5)
    assert {kind for of_label in kinds for kind in of_label} == {0, 1}
    shown = sample.prompts.points.numpy()
    np.testing.assert_allclose(3.2 * shown[..., :2], points)
    np.testing.assert_array_equal(shown[..., 2], kinds)


@torch.no_grad()
def test_a_mask_without_errors_stays_as_it_is(model, monkeypatch):
    """The second label is perfect after the box, the first never is."""
    given = []
    reference = torch.from_numpy(np.stack([blobs(3), blobs(4)]))

    def decode(embedding, boxes, points, masks):
        given.append(points and points[1].tolist())
        return (torch.full((2, 1, 64, 64), float(len(given))),
                torch.full((2, 1), float(len(given))))

    monkeypatch.setattr(model, 'decode_prompts', decode)
    monkeypatch.setattr(model, 'to_masks', lambda *_: torch.stack(
        [torch.zeros_like(reference[0]), reference[1]]))
    sample = PromptDataSample(metainfo=dict(
        clicks=3, ori_shape=(30, 40), img_shape=(96, 128)))
    sample.prompts = InstanceData(references=reference,
                                  boxes=torch.zeros(2, 4))
    answers = decode_clicks(model, torch.zeros(1, 64, 16, 16), sample)
    assert given == [None, [[1], [-1]], [[1, 1], [-1, -1]],
                     [[1, 1, 1], [-1, -1, -1]]]
    assert sample.prompts.points[..., 2].tolist() == given[-1]
    for turn, (logits, iou) in enumerate(answers):
        assert logits[:, 0, 0, 0].tolist() == [turn + 1, 1]
        assert iou[:, 0].tolist() == [turn + 1, 1]


@torch.no_grad()
@pytest.mark.parametrize('has_box', [False, True])
def test_a_session_keeps_the_prediction_after_each_prompt(model, has_box):
    references = np.stack([blobs(1), blobs(2)])
    sample = PromptDataSample(metainfo=dict(
        clicks=3, turns=[0, 1, 2, 3][1 - has_box:], ori_shape=(30, 40),
        img_shape=(96, 128)))
    sample.prompts = InstanceData(references=torch.from_numpy(references))
    if has_box:
        sample.prompts.boxes = torch.tensor([[9., 9, 60, 80], [20, 5, 99, 50]])
    image = torch.randn(1, 3, 128, 128)
    predict_clicks(model, image, [sample])
    found = sample.pred_instances
    assert found.turns.shape == (2, 3 + has_box, 30, 40)
    assert torch.equal(found.turns[:, -1], found.masks)
    if has_box:
        model.predict(image, [sample])
        assert torch.equal(sample.pred_instances.masks, found.turns[:, 0])
    for k in range(2):
        for turn in range(3):
            # Each click is on an error of the prediction before it.
            before = (found.turns[k, turn - 1 + has_box]
                      if turn + has_box else torch.zeros(30, 40, dtype=bool))
            x, y, kind = sample.prompts.points[k, turn].round().long()
            if kind >= 0:
                assert bool(before[y, x]) != references[k, y, x]
                assert kind == references[k, y, x]


def test_a_click_in_a_volume_is_as_deep_as_can_be_in_mm():
    """A plate of 3 x 30 x 40 voxels is thin across the slices or not."""
    reference = np.zeros((9, 40, 50), bool)
    reference[3:6, 5:35, 5:45] = True
    nothing = np.zeros_like(reference)
    x, y, z, kind = next_click(reference, nothing)
    assert (z, kind) == (4, 1) and 6 < x < 43 and 6 < y < 33
    spacing = np.array([20., 1, 1])
    x, y, z, kind = next_click(reference, nothing, spacing)
    depth = ndimage.distance_transform_edt(np.pad(reference, 1), spacing)
    assert depth[z + 1, y + 1, x + 1] == depth.max() == 15
    assert z == 4 and y in (19, 20) and 19 <= x <= 30
    more = reference.copy()
    more[0, :3, :3] = True
    assert next_click(reference, more) == (1, 1, 0, 0)
