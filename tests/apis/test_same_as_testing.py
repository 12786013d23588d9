"""Inference on a scan gives what testing gives on the prepared data."""

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData

from mmdbsam.apis import CoarseLabels, VolumeBox
from mmdbsam.datasets import PreparedData, PromptSliceDataset
from mmdbsam.geometry.planes import SlicePlane

# The scan is stored along other axes than it is prepared.
VERTEBRAE = 'tests/data/ct_spine/{}/lumbar.nii.gz'


@pytest.fixture
def samples(tiny_cfg, prepared_spine):
    """The samples of the test split, as batches of one."""
    cfg = dict(tiny_cfg.test_dataloader.dataset, data_root=prepared_spine)
    cfg.pop('type')
    data = PromptSliceDataset(**cfg)
    return [pseudo_collate([data[i]]) for i in range(0, len(data), 4)]


@torch.no_grad()
def predicted(model, batch):
    """Return the masks by label, and the slice."""
    sample, = model.test_step(batch)
    return sample.slice_index, dict(zip(
        sample.prompts.labels.tolist(),
        sample.pred_instances.masks.numpy(), strict=True))


def axial_slices(result, label):
    """The mask of a label, in the order of the prepared data."""
    return SlicePlane(result.geometry, 'axial').slices(
        result.mask(result.ids.index(label)))


def test_boxes_of_labels(inferencer, samples, repo_root):
    """With the prompts of `tools/test.py`, every mask is equal to the bit."""
    result = inferencer.segment_volume(
        repo_root / VERTEBRAE.format('images'),
        CoarseLabels(repo_root / VERTEBRAE.format('labels')), batch_size=1)
    shown = 0
    for batch in samples:
        index, masks = predicted(inferencer.model.model, batch)
        for label, mask in masks.items():
            assert np.array_equal(axial_slices(result, label)[index], mask)
            shown += mask.sum()
    assert shown


def test_a_box_in_space(inferencer, samples, prepared_spine, repo_root):
    """A 3-D box in mm can prompt each of its slices as a test does."""
    grid = PreparedData(prepared_spine).cases[0].geometry
    direction = np.array(grid['direction']).reshape(3, 3)
    corners = np.array([[10, 12, 0], [60, 40, 46]]) * grid['spacing']
    result = inferencer.segment_volume(
        repo_root / VERTEBRAE.format('images'),
        VolumeBox((corners @ direction.T + grid['origin']).ravel(),
                  each_slice=True),
        units='mm', batch_size=1)
    for batch in samples:
        sample, = batch['data_samples']
        scale = sample.img_shape[0] / sample.ori_shape[0]
        sample.prompts = InstanceData(
            boxes=torch.tensor([[10., 12., 60., 40.]]) * scale,
            labels=torch.tensor([1]))
        index, masks = predicted(inferencer.model.model, batch)
        assert masks[1].any()
        assert np.array_equal(axial_slices(result, 1)[index], masks[1])
