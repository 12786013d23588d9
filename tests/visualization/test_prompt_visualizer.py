"""Pictures of prompted slices, and where the visualizer puts them."""

import sys

import cv2
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from mmengine.config import Config
from mmengine.structures import InstanceData

from mmdbsam.errors import InputError
from mmdbsam.registry import VISUALIZERS
from mmdbsam.structures.colours import label_colour
from mmdbsam.structures.prompt_data_sample import PromptDataSample

SIDE, MARGIN, GAP, TOP = 512, 24, 20, 92
FIRST, SECOND = 1, 2


def mask(x0, y0, x1, y1):
    found = torch.zeros(64, 64, dtype=torch.bool)
    found[y0:y1 + 1, x0:x1 + 1] = True
    return found


def sample(**prompts):
    """Two labels, whose predictions lie to the right of the references."""
    return PromptDataSample(
        metainfo=dict(task='spine', case='a $case^$', slice_index=7,
                      prompt='one box a label', ori_shape=(64, 64)),
        prompts=InstanceData(labels=torch.tensor([FIRST, SECOND]), **prompts),
        gt_instances=InstanceData(masks=torch.stack(
            [mask(4, 4, 19, 19), mask(4, 40, 11, 47)])),
        pred_instances=InstanceData(masks=torch.stack(
            [mask(40, 4, 55, 19), mask(40, 40, 47, 47)])))


@pytest.fixture
def visualizer(tmp_path):
    return VISUALIZERS.build(dict(
        type='PromptVisualizer', name=str(tmp_path),
        save_dir=str(tmp_path), vis_backends=[dict(type='LocalVisBackend')]))


@pytest.fixture
def draw(visualizer, tmp_path):
    """The RGB picture of a sample on a grey slice."""

    def draw(data_sample, image=np.full((64, 64), 90, np.uint8), **options):
        path = tmp_path / 'pictures/one.png'
        visualizer.add_datasample('one', image, data_sample, out_file=path,
                                  **options)
        return cv2.imread(str(path))[..., ::-1]

    return draw


def tile(picture, number):
    left = MARGIN + number * (SIDE + GAP)
    return picture[TOP:TOP + SIDE, left:left + SIDE]


def extent(picture, label):
    """x0, y0, x1, y1 of a label's colour, in pixels of the slice, or None."""
    rgb = 255 * np.array(to_rgb(label_colour(label)))
    close = np.abs(picture.astype(float) - rgb).max(axis=-1) < 40
    rows, columns = np.nonzero(close)
    if not rows.size:
        return None
    scale = SIDE / 64
    return np.array([columns.min(), rows.min(), columns.max(), rows.max()]
                    ) / scale - 0.5


def test_reference_and_prediction_stand_side_by_side(draw):
    picture = draw(sample())
    assert picture.shape[1] == 2 * (MARGIN + SIDE) + GAP
    for number, x in ((0, 4), (1, 40)):
        shown = tile(picture, number)
        # A contour runs along the border of its mask, half a pixel outside.
        np.testing.assert_allclose(
            extent(shown, FIRST), [x - .5, 3.5, x + 15.5, 19.5], atol=0.3)
        np.testing.assert_allclose(
            extent(shown, SECOND), [x - .5, 39.5, x + 7.5, 47.5], atol=0.3)


def test_masks_can_be_left_out(draw):
    whole = draw(sample(), draw_pred=False)
    assert whole.shape[1] == 2 * MARGIN + SIDE
    assert extent(tile(whole, 0), FIRST)[0] < 20
    other = draw(sample(), draw_gt=False)
    assert extent(tile(other, 0), FIRST)[0] > 20
    neither = draw(sample(), draw_gt=False, draw_pred=False)
    assert extent(tile(neither, 0), FIRST) is None
    unknown = sample()
    del unknown.gt_instances
    np.testing.assert_array_equal(draw(unknown), other)


def test_boxes_and_points_are_on_both(draw):
    boxes = torch.tensor([[24., 24, 34, 34], [24, 50, 34, 60]])
    picture = draw(sample(ori_boxes=boxes), draw_gt=False)
    nothing = draw(sample(), draw_gt=False)
    drawn = np.abs(picture.astype(int) - nothing).max(axis=-1) > 60
    assert drawn[TOP + 24 * 8:TOP + 35 * 8, MARGIN + 24 * 8:MARGIN + 35 * 8
                 ].any()
    # A click that was not needed is not drawn.
    points = torch.tensor([[[30., 30, 1], [20, 30, 0]],
                           [[30, 55, 1], [0, 0, -1]]])
    picture = draw(sample(points=points), draw_gt=False, draw_pred=False)
    np.testing.assert_allclose(extent(tile(picture, 0), FIRST),
                               [20, 30, 30, 30], atol=1)
    np.testing.assert_allclose(extent(tile(picture, 0), SECOND),
                               [30, 55, 30, 55], atol=1)


def test_the_first_of_several_draws_is_shown(draw):
    once = sample(ori_boxes=torch.tensor([[24., 24, 34, 34]] * 2))
    twice = sample(ori_boxes=torch.tensor([[24., 24, 34, 34]] * 2))
    several = PromptDataSample(
        metainfo=twice.metainfo, prompts=InstanceData(
            labels=torch.tensor([FIRST, SECOND] * 2),
            draws=torch.tensor([0, 0, 1, 1]),
            ori_boxes=torch.tensor([[24., 24, 34, 34]] * 2
                                   + [[1, 1, 60, 60]] * 2)),
        gt_instances=InstanceData(
            masks=once.gt_instances.masks.repeat(2, 1, 1)),
        pred_instances=InstanceData(masks=torch.cat([
            once.pred_instances.masks, once.gt_instances.masks])))
    np.testing.assert_array_equal(draw(several), draw(once))


def test_colour_slices(draw):
    image = np.zeros((64, 64, 3), np.uint8)
    image[..., 0] = 200
    corner = tile(draw(sample(), image), 0)[-5, -5]
    np.testing.assert_allclose(corner, [200, 0, 0], atol=2)


def test_names_of_labels_are_written(draw):
    named = draw(sample(), label_names={FIRST: 'L1', SECOND: 'L2'})
    assert (named != draw(sample())).any()
    renamed = draw(sample(), label_names={FIRST: 'L1', SECOND: 'L3'})
    assert (named[:TOP + SIDE] == renamed[:TOP + SIDE]).all()
    assert (named != renamed).any()


def test_backends_get_the_picture_and_the_step(visualizer, draw, tmp_path):
    image = np.full((64, 64), 90, np.uint8)
    visualizer.add_datasample('slice', image, sample(), step=12)
    path = tmp_path / 'vis_data/vis_image/slice_12.png'
    np.testing.assert_array_equal(cv2.imread(str(path))[..., ::-1],
                                  draw(sample()))


def test_a_backend_without_its_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'torch.utils.tensorboard', None)
    visualizer = VISUALIZERS.build(dict(
        type='PromptVisualizer', name=f'{tmp_path} without',
        save_dir=str(tmp_path),
        vis_backends=[dict(type='TensorboardVisBackend')]))
    with pytest.raises(InputError, match='visualizer.vis_backends: .*pip'):
        visualizer.add_config(Config(dict(a=1)))
