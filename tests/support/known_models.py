"""Models whose masks are known."""

import pytest
import torch
import torch.nn.functional as F
from letter_volumes import BRIGHT

TINY = 'tests/data/dbsam_tiny_spine.py'


class BrightInBox:
    """Stands in for a model: the mask is what is bright within the box.

    Without a box it is what is bright; a rough mask counts as a box. The
    images that were encoded are kept.
    """

    def __init__(self, threshold):
        self.threshold = threshold
        self.encoded = []
        self.decoded = 0

    def encode_image(self, images):
        self.encoded += list(images)
        return images

    def decode_prompts(self, embedding, boxes=None, points=None, masks=None,
                       multimask_output=False):
        image = embedding[0, 0]
        rows, columns = torch.meshgrid(
            *(torch.arange(n) + 0.5 for n in image.shape), indexing='ij')
        bright = image > self.threshold
        if boxes is not None:
            x0, y0, x1, y1 = boxes[:, :, None, None].unbind(1)
            # From the outer rim of the first pixel to that of the last.
            scale = 4
            bright = (bright & (columns > x0) & (columns < x1 + scale)
                      & (rows > y0) & (rows < y1 + scale))
        else:
            bright = bright.expand(len(points[0]), -1, -1)
        self.decoded += len(bright)
        logits = torch.where(bright, 10., -10.)[:, None]
        if multimask_output:
            logits = torch.cat([logits, -logits, logits], dim=1)
        return logits, torch.full(logits.shape[:2], 0.75)


@pytest.fixture(scope='session')
def tiny_inferencer(repo_root, tiny_checkpoint):
    """The tiny model, built once; its config says CT."""
    from mmdbsam.apis import PromptInferencer
    return PromptInferencer(repo_root / TINY, tiny_checkpoint, device='cpu')


@pytest.fixture
def inferencer(tiny_inferencer, monkeypatch):
    """An inferencer with the tiny model, without an image."""
    monkeypatch.setattr(tiny_inferencer, '_image', None)
    return tiny_inferencer


@pytest.fixture
def bright(inferencer, monkeypatch):
    """An inferencer whose masks are what is bright in the box.

    Images of 32 px become the model's 128 px, by a whole factor.
    """
    model = inferencer.model.model
    mean, std = (x.flatten()[0] for x in (model.data_preprocessor.mean,
                                          model.data_preprocessor.std))
    fake = BrightInBox((BRIGHT / 2 - mean) / std)
    for name in ('encode_image', 'decode_prompts'):
        monkeypatch.setattr(model, name, getattr(fake, name))
    monkeypatch.setattr(inferencer, 'fake', fake, raising=False)
    return inferencer


class Clickable:
    """Stands in for a model that was trained with clicks.

    The mask is what is bright in the box or, without one, in the mask prompt;
    with the discs of 2 px about points on the object, and without those about
    points on the background.
    """

    def __init__(self, threshold):
        self.threshold = threshold
        self.calls, self.encoded = [], 0

    def encode_image(self, images):
        self.encoded += len(images)
        return images

    def decode_prompts(self, embedding, boxes=None, points=None, masks=None,
                       multimask_output=False):
        self.calls.append(dict(boxes=boxes, points=points, masks=masks))
        side = embedding.shape[-1]
        places = torch.stack(torch.meshgrid(
            *[torch.arange(side)] * 2, indexing='xy'), dim=-1)
        n = len(boxes if boxes is not None else points[0])
        mask = torch.zeros(n, side, side, dtype=torch.bool)
        if boxes is not None:
            # The last pixel of the image is four of the model's.
            mask = ((places >= boxes[:, None, None, :2])
                    & (places < boxes[:, None, None, 2:] + 4)).all(-1)
        elif masks is not None:
            mask = F.interpolate(masks, (side, side))[:, 0] > 0
        mask = mask & (embedding[0, 0] > self.threshold)
        for point, kind in () if points is None else zip(
                points[0].unbind(1), points[1].unbind(1), strict=True):
            near = (places + 0.5 - point[:, None, None]
                    - 2).norm(dim=-1) <= 10
            mask = torch.where((kind == 1)[:, None, None], mask | near, mask)
            mask = torch.where((kind == 0)[:, None, None], mask & ~near, mask)
        return (torch.where(mask, 10., -10.)[:, None],
                torch.full((n, 1), 0.95))


@pytest.fixture
def clickable(inferencer, monkeypatch):
    model = inferencer.model.model
    mean, std = (x.flatten()[0] for x in (model.data_preprocessor.mean,
                                          model.data_preprocessor.std))
    fake = Clickable((BRIGHT / 2 - mean) / std)
    for name in ('encode_image', 'decode_prompts'):
        monkeypatch.setattr(model, name, getattr(fake, name))
    monkeypatch.setattr(inferencer, 'fake', fake, raising=False)
    return inferencer
