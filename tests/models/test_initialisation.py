"""The added blocks start with the moments of the authors' release."""

import math

import pytest
import torch
from torch import nn

from mmdbsam.models.layers import Conv1x1
from mmdbsam.ops import MSDeformAttention
from mmdbsam.registry import MODELS

WIDTH = 96
pytestmark = pytest.mark.usefixtures('device')
TWO = dict(vit_channels=WIDTH, conv_channels=WIDTH, num_levels=2)
BLOCKS = {
    'ChannelAttention': dict(channels=WIDTH),
    'ConvStem': dict(channels=WIDTH, widths=(64, 64, 64)),
    'LargeKernelStem': dict(channels=WIDTH, widths=(64, 64, 64)),
    'BilateralCrossAttention': TWO,
    'PyramidSelfAttention': TWO,
    **{kind: TWO for kind in (
        'ConcatFusion', 'GatedFusion', 'HadamardFusion', 'PixelGatedFusion',
        'SoftmaxFusion', 'SumFusion')},
}


def wanted_spread(module):
    """The standard deviation of a layer's weights in the release."""
    if isinstance(module, Conv1x1):
        return math.sqrt(2 / module.out_features)
    if isinstance(module, nn.Linear):
        return 0.02
    out, _, k, _ = module.weight.shape
    return math.sqrt(2 / (k * k * out // module.groups))


@pytest.mark.parametrize('kind', BLOCKS)
def test_moments_are_the_releases(kind):
    torch.manual_seed(0)
    block = MODELS.build(dict(type=kind, **BLOCKS[kind]))
    # The Runner calls this, and it must change nothing.
    block.init_weights()
    projections = {layer for module in block.modules()
                   if isinstance(module, MSDeformAttention)
                   for layer in module.modules()}
    layers = [m for m in block.modules() if m not in projections
              and isinstance(m, (nn.Conv2d, nn.Linear))]
    assert layers
    for layer in layers:
        assert layer.bias is None or not layer.bias.any()
        ratio = layer.weight.std() / wanted_spread(layer)
        # Three standard errors of a spread.
        assert abs(ratio - 1) < 3 / math.sqrt(2 * layer.weight.numel()), layer
    for module in block.modules():
        if isinstance(module, MSDeformAttention):
            assert module.sampling_offsets.bias.abs().min() < 1e-6
            assert module.sampling_offsets.bias.abs().max() == 4
            assert not module.sampling_offsets.weight.any()
            bound = math.sqrt(6 / (2 * WIDTH))  # Xavier's
            assert 0.9 * bound < module.value_proj.weight.max() <= bound
