"""Planar images are segmented, of every kind and by every kind of prompt."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from letter_volumes import BRIGHT, as_image, letter, stored_otherwise
from PIL import Image

from mmdbsam.apis import PromptInferencer
from mmdbsam.errors import InputError

# The size (H, W) of a letter without symmetry.
MASK = letter()[4]
PIXELS = np.where(MASK, BRIGHT, 0).astype(np.uint8)
WHOLE = [6, 4, 28, 19]


def within(box):
    """The object within a box."""
    x0, y0, x1, y1 = box
    mask = np.zeros_like(MASK)
    mask[y0:y1 + 1, x0:x1 + 1] = MASK[y0:y1 + 1, x0:x1 + 1]
    return mask


@pytest.fixture
def path(tmp_path):
    """The object as a PNG."""
    Image.fromarray(PIXELS).save(tmp_path / 'object.png')
    return tmp_path / 'object.png'


@pytest.mark.parametrize('kind', [
    'path', 'text', 'array', 'PIL', '2-D', 'one slice', 'HU'])
def test_kinds_of_images(bright, path, kind):
    """In HU, the window maps 40 - 200 to 0 and 40 + 200 to 255."""
    flat = sitk.GetImageFromArray(PIXELS)
    image = dict(path=path, text=str(path), array=PIXELS,
                 PIL=Image.fromarray(PIXELS), HU=np.where(MASK, 200., -1000.))
    image.update({'2-D': flat, 'one slice': sitk.JoinSeries(flat)})
    result = bright.set_image(image[kind]).segment(boxes=WHOLE)
    assert result.masks.shape == (1, *MASK.shape)
    assert np.array_equal(result.masks[0], MASK)


def test_an_image_is_encoded_once(bright):
    bright.set_image(PIXELS)
    boxes = [WHOLE, [6, 4, 12, 10]]
    both = bright.segment(boxes=boxes)
    for box, mask in zip(boxes, both.masks, strict=True):
        assert np.array_equal(mask, within(box))
        assert np.array_equal(bright.segment(boxes=box).masks[0], mask)
    assert both.iou.tolist() == [0.75, 0.75]
    assert both.logits.dtype == np.float32
    assert np.array_equal(both.logits > 0, both.masks)
    assert len(bright.fake.encoded) == 1


def test_three_masks_of_an_object(bright):
    result = bright.set_image(PIXELS).segment(boxes=[WHOLE, WHOLE],
                                              multimask_output=True)
    assert result.masks.shape == (2, 3, *MASK.shape)
    assert result.iou.shape == (2, 3)
    assert np.array_equal(result.masks[1, 0], MASK)
    assert np.array_equal(result.masks[1, 1], ~MASK)


def test_a_slice_comes_back_as_it_was_stored(bright):
    """Slices stored in all 48 ways are found, by prompts in pixels and mm."""
    for stored in stored_otherwise(as_image(MASK[None])):
        values = sitk.GetArrayFromImage(stored).squeeze() > 0
        places = np.argwhere(values)[:, ::-1]
        low, high = places.min(0).tolist(), places.max(0).tolist()
        bright.set_image(stored)
        result = bright.segment(boxes=low + high)
        assert np.array_equal(result.masks[0], values)
        through = stored.GetSize().index(1)
        corners = [stored.TransformIndexToPhysicalPoint(
            np.insert(corner, through, 0).tolist()) for corner in (low, high)]
        in_mm = bright.segment(boxes=[np.ravel(corners)], units='mm')
        assert np.array_equal(in_mm.masks, result.masks)


def test_millimetres_of_a_flat_image(bright):
    bright.set_image(PIXELS, spacing=(0.5, 2.))
    result = bright.segment(boxes=[[3., 8., 6., 20.]], units='mm')
    assert np.array_equal(result.masks[0], within([6, 4, 12, 10]))


@pytest.fixture
def prompts_seen(inferencer, monkeypatch):
    """Record what the model is asked of PIXELS."""
    seen = {}
    model = inferencer.model.model
    decode = model.decode_prompts

    def spy(embedding, **prompts):
        seen.update(prompts)
        return decode(embedding, **prompts)

    monkeypatch.setattr(model, 'decode_prompts', spy)
    inferencer.set_image(PIXELS)
    return inferencer, seen


def test_points_go_with_their_labels(prompts_seen):
    inferencer, seen = prompts_seen
    points = [[[3, 4], [5, 6]], [[7, 8], [31, 23]]]
    inferencer.segment(boxes=[WHOLE, WHOLE], points=points,
                       point_labels=[[1, 0], [1, -1]])
    coordinates, labels = seen['points']
    assert torch.equal(coordinates, 4 * torch.tensor(points).float())
    assert labels.tolist() == [[1, 0], [1, -1]]
    assert torch.equal(seen['boxes'], 4. * torch.tensor([WHOLE, WHOLE]))
    inferencer.segment(points=points[0])
    assert seen['points'][1].tolist() == [[1, 1]] and seen['boxes'] is None


def test_a_rough_mask_is_a_prompt_with_its_box(prompts_seen):
    """Its logits cover the padded input's grid, with four pixels in a cell."""
    inferencer, seen = prompts_seen
    inferencer.segment(masks=MASK)
    assert torch.equal(seen['boxes'], 4. * torch.tensor([WHOLE]))
    side = inferencer.model.model.prompt_encoder.mask_input_size[0]
    enlarged = torch.zeros(side, side)
    block = side // 32
    enlarged[:24 * block] = torch.from_numpy(MASK).repeat_interleave(
        block, 0).repeat_interleave(block, 1)
    logits = seen['masks'][0, 0]
    inner = (enlarged == 1) == (logits > 0)
    assert inner.float().mean() > 0.95
    assert logits.min() == -10 and logits.max() == 10
    inferencer.segment(masks=MASK, boxes=[1, 2, 3, 4])
    assert seen['boxes'].tolist() == [[4, 8, 12, 16]]


def test_colours_for_a_model_of_pictures(tiny_cfg, tiny_checkpoint):
    rgb = np.zeros((32, 32, 3), np.uint8)
    rgb[..., 0], rgb[..., 2] = 50, 250
    tiny_cfg.modality = None
    inferencer = PromptInferencer(tiny_cfg, tiny_checkpoint, 'cpu')
    seen, _ = inferencer.model.preprocess([rgb])
    mean = inferencer.model.model.data_preprocessor.mean.flatten()
    std = inferencer.model.model.data_preprocessor.std.flatten()
    wanted = (torch.tensor([50, 0, 250]) - mean) / std
    torch.testing.assert_close(seen[0, :, 5, 5], wanted)
    assert inferencer.set_image(rgb).segment(boxes=[2, 3, 9, 8]).masks.shape \
        == (1, 32, 32)


def one_line(error):
    return '\n' not in str(error.value)


@pytest.mark.parametrize('prompts, message', [
    (dict(), 'expected boxes, points or masks .* found none'),
    (dict(boxes=[]), 'boxes: expected numbers of shape'),
    (dict(boxes=[9, 4, 3, 19]), 'boxes: expected x0 <= x1, found 9 and 3'),
    (dict(boxes=[3, 9, 4, 4]), 'boxes: expected y0 <= y1, found 9 and 4'),
    (dict(boxes=[6, 4, 40, 19]), 'boxes: expected x within .*0 to 31.*40'),
    (dict(boxes=[6, -2, 28, 19]), 'boxes: expected y within .*-2'),
    (dict(boxes=[6, float('nan'), 28, 19]), 'boxes: expected finite numbers'),
    (dict(boxes=[6, 4, 28]), r'boxes: .* \(4\) or \(n, 4\), found \(3\)'),
    (dict(boxes=[WHOLE, WHOLE[:3]]), 'expected numbers in rows of one length'),
    (dict(boxes=['a', 4, 3, 2]), 'boxes: expected numbers in rows'),
    (dict(points=[[40, 3]]), 'points: expected x within'),
    (dict(points=[[4, 3, 2]]), 'points: .*n, n, 2.*found'),
    (dict(points=[[4, 3]], point_labels=[1, 0]), 'point_labels: expected'),
    (dict(points=[[4, 3]], point_labels=[2]), 'point_labels: expected 1'),
    (dict(points=[[4, 3]], point_labels=[0]), 'at least one 1'),
    (dict(boxes=WHOLE, point_labels=[1]), 'expected points too'),
    (dict(boxes=[WHOLE] * 2, points=[[4, 3]]), '2 boxes, 1 points'),
    (dict(masks=MASK[1:]), r'masks: expected the size .*24, 32.*23, 32'),
    (dict(masks=0 * PIXELS), 'masks: expected a mask of at least one pixel'),
    (dict(masks=PIXELS), 'masks: expected 0 and 1'),
    (dict(boxes=[WHOLE], units='mm'), 'expected px.*no place in space'),
    (dict(boxes=[WHOLE], units='cm'), "units: expected px or mm, found 'cm'"),
])
def test_bad_prompts_are_one_line(bright, prompts, message):
    bright.set_image(PIXELS)
    with pytest.raises(InputError, match=message) as error:
        bright.segment(**prompts)
    assert one_line(error)


@pytest.mark.parametrize('image, options, message', [
    (np.zeros((8, 8, 3), np.uint8) + np.arange(3, dtype=np.uint8), {},
     "expected one value a pixel for a model of CT images .*found RGB"),
    (np.zeros((4, 8, 8)), {}, 'expected an image of one slice.*volume of 4'),
    (np.full((8, 8), np.nan), {}, 'expected finite values, found 64'),
    (np.zeros((2, 4, 8, 8)), {}, '4-D with 2 volumes; choose one of channels'),
    (np.zeros((2, 4, 8, 8)), dict(channel=2), 'and channel=2; choose'),
    (np.zeros(8), {}, r'expected the shape \(H, W\)'),
    (np.zeros((8, 8), complex), {}, 'expected real numbers'),
    (np.zeros((8, 8)), dict(spacing=(1, 0)), 'spacing: expected 2 lengths'),
    (np.zeros((8, 8)), dict(window='lungs'), "window: expected .*'lungs'"),
    (np.zeros((8, 8)), dict(window=(40, 0)), 'expected a width > 0'),
    (np.zeros((8, 8)), dict(window='percentiles'), 'other than 0'),
    ('missing.nii.gz', {}, 'missing.nii.gz: no such file'),
    ('missing.xyz', {}, 'missing.xyz: expected .*nii'),
    (sitk.Image([8, 8], sitk.sitkUInt8), dict(spacing=(1, 1)),
     'spacing: expected it with an array only'),
    (7, {}, 'image: expected a path, an array, .*found int'),
])
def test_bad_images_are_one_line(bright, image, options, message):
    with pytest.raises(InputError, match=message) as error:
        bright.set_image(image, **options)
    assert one_line(error)


def test_an_image_comes_first(bright):
    with pytest.raises(InputError, match='image: expected one, set by'):
        bright.segment(boxes=WHOLE)
