"""MSDA as an operator of torch: traced, compiled, exported, counted."""

import shutil

import onnxruntime
import pytest
import torch
from mmengine.registry import init_default_scope
from torch.utils.flop_counter import FlopCounterMode

from mmdbsam.ops import (
    MSDeformAttention,
    export_form,
    multi_scale_deformable_attn,
    pixel_centre_references,
)
from mmdbsam.ops.torch_operator import msda, msda_backward
from mmdbsam.registry import MODELS

SHAPES = [(5, 7), (3, 2)]
FLAT = [5, 7, 3, 2]
# The inductor needs a C++ compiler.
COMPILER = 'inductor' if shutil.which('c++') else 'aot_eager'


def tensors(dtype=torch.float32, queries=4):
    """Draw value, locations and weights, with no location near a kink."""
    generator = torch.Generator().manual_seed(1)

    def rand(*size):
        return torch.rand(*size, generator=generator, dtype=dtype)

    return [x.requires_grad_() for x in (
        rand(2, 41, 2, 3), rand(2, queries, 2, 2, 2, 2) * 1.4 - 0.2,
        rand(2, queries, 2, 2, 2))]


@pytest.mark.parametrize('backend', ['torch', 'numba', 'triton'])
def test_is_registered_as_torch_demands(backend):
    has_gpu = backend == 'triton' and torch.cuda.is_available()
    device = 'cuda' if has_gpu else 'cpu'
    value, locations, weights = (x.detach().to(device).requires_grad_()
                                 for x in tensors())
    torch.library.opcheck(msda, (value, FLAT, locations, weights, backend))
    grad = torch.rand(2, 4, 6, device=device, requires_grad=True)
    torch.library.opcheck(
        msda_backward, (grad, value, FLAT, locations, weights, backend))


@pytest.mark.parametrize('backend', ['torch', 'numba'])
def test_can_be_differentiated_twice(backend):
    value, locations, weights = tensors(torch.float64, queries=2)
    assert torch.autograd.gradgradcheck(
        lambda *args: msda(args[0], FLAT, *args[1:], backend),
        (value, locations, weights), fast_mode=backend == 'numba')


def attention():
    """A module and a function of query and value that calls it."""
    torch.manual_seed(0)
    module = MSDeformAttention(16, 12, num_heads=2, num_levels=2,
                               num_points=2)
    torch.nn.init.normal_(module.sampling_offsets.weight)
    references = pixel_centre_references([(3, 3)], torch.device('cpu'))

    class Bound(torch.nn.Module):

        def __init__(self):
            super().__init__()
            self.attention = module

        def forward(self, query, value):
            return self.attention(query, references, value, SHAPES)

    return Bound(), (torch.randn(2, 9, 16), torch.randn(2, 41, 12))


def test_export_keeps_the_operator():
    module, inputs = attention()
    exported = torch.export.export(module, inputs)
    assert 'mmdbsam.multi_scale_deformable_attn' in str(exported.graph)
    torch.testing.assert_close(exported.module()(*inputs), module(*inputs))


def test_onnx_computes_the_same(tmp_path):
    module, inputs = attention()
    path = tmp_path / 'attention.onnx'
    torch.onnx.export(module.eval(), inputs, path, dynamo=True)
    session = onnxruntime.InferenceSession(path)
    names = [argument.name for argument in session.get_inputs()]
    output, = session.run(None, {
        name: x.numpy() for name, x in zip(names, inputs, strict=True)})
    torch.testing.assert_close(torch.from_numpy(output), module(*inputs),
                               rtol=1e-5, atol=1e-5)


def test_what_is_exported_is_the_operator():
    """This holds for locations outside the levels too."""
    value, locations, weights = tensors(torch.float64)
    assert (locations < 0).any() and (locations > 1).any()
    torch.testing.assert_close(
        export_form.forward(value, SHAPES, locations, weights),
        msda(value, FLAT, locations, weights, 'torch'))


def test_compiled_attention_is_the_same():
    module, inputs = attention()
    compiled = torch.compile(module, fullgraph=True, backend=COMPILER)
    with torch.no_grad():
        torch.testing.assert_close(compiled(*inputs), module(*inputs))


def test_compiled_encoder_is_the_same(tiny_cfg):
    """Neither the op nor anything else breaks the graph."""
    init_default_scope('mmdbsam')
    torch.manual_seed(0)
    encoder = MODELS.build(tiny_cfg.model.image_encoder).eval()
    images = torch.randn(1, 3, encoder.img_size, encoder.img_size)
    compiled = torch.compile(encoder, fullgraph=True,
                             backend='aot_eager')
    with torch.no_grad():
        torch.testing.assert_close(compiled(images), encoder(images),
                                   rtol=1e-4, atol=1e-5)


def test_compiled_gradients_are_the_same():
    inputs = tensors()

    def loss(value, locations, weights):
        output = multi_scale_deformable_attn(value, SHAPES, [0, 35],
                                             locations, weights)
        return output.square().sum()

    wanted = torch.autograd.grad(loss(*inputs), inputs)
    compiled = torch.compile(loss, fullgraph=True, backend='aot_eager')
    found = torch.autograd.grad(compiled(*inputs), inputs)
    torch.testing.assert_close(found, wanted)


def test_flops_are_counted():
    value, locations, weights = tensors()
    with FlopCounterMode(display=False) as counter:
        output = msda(value, FLAT, locations, weights, 'numba')
    # A multiplication and an addition: 4 corners, 3 channels.
    forward = weights.numel() * 4 * 2 * 3
    assert counter.get_total_flops() == forward
    with FlopCounterMode(display=False) as counter:
        output.sum().backward()
    assert counter.get_total_flops() == 2 * forward
