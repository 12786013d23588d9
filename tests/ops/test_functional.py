"""The MSDA function against mmcv's, its argument checks, and its module."""

import pytest
import torch

from mmdbsam.ops import (
    MSDeformAttention,
    available_backends,
    multi_scale_deformable_attn,
    pixel_centre_references,
)
from mmdbsam.ops.backends.mmcv_backend import pure_torch_function
from mmdbsam.ops.shapes import level_starts

SHAPES = [(5, 7), (3, 2), (1, 1)]


def arguments(dtype=torch.float32, shapes=SHAPES, device='cpu', queries=6):
    """Random arguments; some locations lie outside the levels."""
    generator = torch.Generator().manual_seed(0)

    def rand(*size):
        return torch.rand(*size, generator=generator, dtype=dtype).to(device)

    tokens = sum(h * w for h, w in shapes)
    value = rand(2, tokens, 3, 4) - 0.5
    locations = rand(2, queries, 3, len(shapes), 2, 2) * 1.4 - 0.2
    weights = rand(2, queries, 3, len(shapes), 2)
    return value, shapes, level_starts(shapes), locations, weights


def test_equals_mmcv_pure_torch():
    value, shapes, starts, locations, weights = arguments()
    expected = pure_torch_function()(value, torch.tensor(shapes), locations,
                                     weights)
    actual = multi_scale_deformable_attn(value, shapes, starts, locations,
                                         weights)
    torch.testing.assert_close(actual, expected)


@pytest.mark.skipif(bool(available_backends()['mmcv']),
                    reason=available_backends()['mmcv'])
def test_equals_mmcv_cuda():
    args = arguments(device='cuda')
    torch.testing.assert_close(
        multi_scale_deformable_attn(*args, backend='mmcv'),
        multi_scale_deformable_attn(*args, backend='torch'))


def test_samples_pixel_centres_exactly():
    value, _, _, _, _ = arguments(shapes=[(5, 7)])
    references = pixel_centre_references([(5, 7)], value.device)
    locations = references.view(1, 35, 1, 1, 1, 2).expand(2, -1, 3, -1, 1, -1)
    output = multi_scale_deformable_attn(value, [(5, 7)], [0], locations,
                                         torch.ones(2, 35, 3, 1, 1))
    torch.testing.assert_close(output.view_as(value), value)


def test_tensor_and_list_shapes_are_the_same():
    value, shapes, starts, locations, weights = arguments()
    torch.testing.assert_close(
        multi_scale_deformable_attn(value, torch.tensor(shapes),
                                    torch.tensor(starts), locations, weights),
        multi_scale_deformable_attn(value, shapes, starts, locations,
                                    weights), rtol=0, atol=0)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_computes_in_float32_under_autocast(dtype):
    value, shapes, starts, locations, weights = arguments()
    value = value.to(dtype).requires_grad_()
    with torch.autocast('cpu', dtype=dtype):
        output = multi_scale_deformable_attn(value, shapes, starts, locations,
                                             weights)
    expected = multi_scale_deformable_attn(value.float(), shapes, starts,
                                           locations, weights)
    torch.testing.assert_close(output, expected, rtol=0, atol=0)
    output.sum().backward()
    assert value.grad.dtype == dtype and value.grad.isfinite().all()


def replaced(index, new):
    args = list(arguments())
    args[index] = new(args[index])
    return args


@pytest.mark.parametrize('args, message', [
    (replaced(0, lambda x: x[:, 1:]), r'value, tokens: expected 42, found 41'),
    (replaced(0, lambda x: x[0]), r'value: expected 4 dimensions'),
    (replaced(2, lambda x: [0, 1, 2]), r'level_start_index: expected \[0, 35'),
    (replaced(3, lambda x: x[..., 0]), r'sampling_locations: expected 6'),
    (replaced(4, lambda x: x[:, 1:]), r'attention_weights: expected \(2, 6,'),
    (replaced(4, lambda x: x.to('meta')), r'attention_weights: .*device'),
    (replaced(3, lambda x: x.double()),
     r'sampling_locations: .* torch.float32, found torch.float64'),
])
def test_arguments_that_do_not_fit_are_named(args, message):
    with pytest.raises(ValueError, match=message):
        multi_scale_deformable_attn(*args)


def test_module_reads_values_of_another_width():
    module = MSDeformAttention(query_dims=24, value_dims=10, num_heads=4,
                               num_levels=2, num_points=3)
    shapes = [(4, 4), (2, 2)]
    query, value = torch.randn(2, 9, 24), torch.randn(2, 20, 10)
    output = module(query, pixel_centre_references([(3, 3)], query.device),
                    value, shapes)
    assert output.shape == (2, 9, 24)


def test_module_reads_padding_as_zeros():
    module = MSDeformAttention(16, 16, num_heads=4, num_levels=1)
    torch.nn.init.normal_(module.value_proj.bias)
    shapes = [(4, 5)]
    references = pixel_centre_references(shapes, torch.device('cpu'))
    query, value = torch.randn(1, 20, 16), torch.randn(1, 20, 16)
    padding = (torch.arange(20) % 5 >= 3)[None]
    output = module(query, references, value, shapes, padding)
    other = torch.where(padding[..., None], torch.randn(1, 20, 16), value)
    torch.testing.assert_close(
        module(query, references, other, shapes, padding), output)
    assert not torch.allclose(module(query, references, value, shapes),
                              output)


def test_module_starts_as_deformable_detr():
    """All samples weigh the same; head m looks in direction m, p + 1 far."""
    module = MSDeformAttention(16, 16, num_heads=4, num_levels=1,
                               num_points=2)
    query = torch.randn(1, 3, 16)
    offsets = module.sampling_offsets(query).view(3, 4, 2, 2)
    expected = torch.tensor([[1., 0], [0, 1], [-1, 0], [0, -1]])
    for point in range(2):
        torch.testing.assert_close(offsets[0, :, point],
                                   expected * (point + 1), atol=1e-6, rtol=0)
    assert module.attention_weights(query).abs().max() == 0


def test_module_refuses_heads_that_do_not_divide():
    with pytest.raises(ValueError, match='num_heads: .*16, found 3'):
        MSDeformAttention(16, 16, num_heads=3)
