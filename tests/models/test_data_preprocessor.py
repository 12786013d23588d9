"""The preprocessing of an image for each model."""

import pytest
import torch

from mmdbsam.errors import InputError
from mmdbsam.models.segmentors import MinMaxDataPreProcessor
from mmdbsam.structures.prompt_data_sample import PromptDataSample

pytestmark = pytest.mark.usefixtures('device')


def test_min_max_scales_each_image_before_it_pads():
    images = [torch.arange(60, 100).view(1, 5, 8).expand(3, -1, -1).byte(),
              torch.full((3, 8, 4), 7, dtype=torch.uint8)]
    batch = MinMaxDataPreProcessor(8).to(torch.get_default_device())(dict(
        inputs=images, data_samples=[PromptDataSample(), PromptDataSample()]))
    first, constant = batch['inputs']
    assert first.shape == (3, 8, 8)
    torch.testing.assert_close(
        first[0, :5], torch.arange(40.).view(5, 8) / 39)
    assert first[:, 5:].abs().max() == 0
    assert constant.abs().max() == 0


def test_min_max_needs_the_longest_side():
    with pytest.raises(InputError, match='expected a longest side of 8 px'):
        MinMaxDataPreProcessor(8)(dict(
            inputs=[torch.zeros(3, 4, 4, dtype=torch.uint8)],
            data_samples=[PromptDataSample()]))
