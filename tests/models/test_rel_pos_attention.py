"""RelPosAttention is equal to mmpretrain's attention, its plain form."""

import numpy as np
import onnxruntime
import pytest
import torch
from mmpretrain.models.backbones import vit_sam
from torch import nn

from mmdbsam.models.backbones import rel_pos_attention
from mmdbsam.models.backbones.rel_pos_attention import RelPosAttention

# (height, width, window); windows that do not fill the map, maps in blocks of
# rows that do not fill it.
SHAPES = [(8, 8, 0), (5, 9, 0), (14, 14, 7), (9, 16, 7), (4, 5, 14)]
FORMS = ['folded', 'blocks', 'at once']


def build(height, width, window, dtype=torch.float64, **kwargs):
    """mmpretrain's attention with random parameters, and a map."""
    torch.manual_seed(0)
    side = (window, window) if window else (height, width)
    plain = vit_sam.Attention(24, num_heads=3, use_rel_pos=True,
                              input_size=side, **kwargs).to(dtype)
    for parameter in plain.parameters():
        nn.init.normal_(parameter, std=0.5)
    return plain, torch.randn(2, height, width, 24, dtype=dtype)


def attend_plainly(attention, x, window):
    """Attend as mmpretrain's block does, including its windows."""
    if not window:
        return attention(x)
    windows, padded = vit_sam.window_partition(x, window)
    return vit_sam.window_unpartition(attention(windows), window, padded,
                                      x.shape[1:3])


@pytest.fixture
def form(request, monkeypatch):
    """Let one form be chosen, and assert that it ran."""
    used = []
    function = {'folded': 'attend_folded',
                'blocks': 'attend_in_blocks',
                'at once': 'attend_at_once'}[request.param]
    inner = getattr(rel_pos_attention, function)
    monkeypatch.setattr(rel_pos_attention, '_blocks_are_faster',
                        lambda scores: request.param == 'blocks')
    monkeypatch.setattr(torch.onnx, 'is_in_onnx_export',
                        lambda: request.param == 'at once')
    monkeypatch.setattr(rel_pos_attention, '_BLOCK', 200)
    monkeypatch.setattr(rel_pos_attention, function,
                        lambda *args: used.append(1) or inner(*args))
    yield request.param
    assert used


@torch.no_grad()
@pytest.mark.parametrize('form', FORMS, indirect=True)
@pytest.mark.parametrize('height, width, window', SHAPES)
@pytest.mark.parametrize('qkv_bias', [True, False])
def test_output_equals_the_plain_form(form, height, width, window, qkv_bias,
                                      device):
    plain, x = build(height, width, window, qkv_bias=qkv_bias)
    wanted = attend_plainly(plain, x, window)
    torch.testing.assert_close(RelPosAttention(plain, window)(x), wanted)


@pytest.mark.parametrize('height, width, window', SHAPES)
def test_gradients_equal_the_plain_form(height, width, window, device):
    plain, x = build(height, width, window)
    x.requires_grad_()
    ours = RelPosAttention(plain, window)
    parameters = dict(plain.named_parameters())
    assert dict(ours.named_parameters()) == parameters
    slope = torch.randn(x.shape, dtype=x.dtype)
    inputs = [x, *parameters.values()]
    wanted = torch.autograd.grad(attend_plainly(plain, x, window), inputs,
                                 slope)
    found = torch.autograd.grad(ours(x), inputs, slope)
    for name, a, b in zip(['x', *parameters], found, wanted, strict=True):
        torch.testing.assert_close(a, b, msg=name)


@torch.no_grad()
@pytest.mark.parametrize('form', FORMS, indirect=True)
@pytest.mark.parametrize('window', [0, 7])
def test_bfloat16_autocast_errs_no_more_than_the_plain_form(form, window):
    plain, x = build(16, 16, window, torch.float32)
    wanted = attend_plainly(plain, x, window)
    with torch.autocast('cpu', torch.bfloat16):
        errors = [(output.float() - wanted).square().mean() for output in (
            RelPosAttention(plain, window)(x),
            attend_plainly(plain, x, window))]
    assert 0 < errors[0] < 1.5 * errors[1]


def test_blocks_serve_where_no_backward_follows():
    plain, x = build(9, 9, 0, torch.float32)
    ours = RelPosAttention(plain, 0)
    by_row = torch.empty(1, 1, 9, 9, 9)
    assert rel_pos_attention._blocks_are_faster(by_row)
    assert not rel_pos_attention._blocks_are_faster(by_row.requires_grad_())
    with torch.no_grad():
        found = ours(x)
    wanted = ours(x.requires_grad_())
    assert wanted.requires_grad
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('window', [0, 7])
def test_onnx_runtime_computes_the_same(tmp_path, window):
    plain, x = build(9, 9, window, torch.float32)
    ours = RelPosAttention(plain, window).eval()
    path = tmp_path / 'attention.onnx'
    torch.onnx.export(ours, (x, ), str(path), dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(str(path))
    found, = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    np.testing.assert_allclose(found, ours(x).detach().numpy(), rtol=1e-3,
                               atol=1e-4)
