"""``torch.compile`` takes the encoder as one graph on a GPU."""

import pytest
import torch

from mmdbsam.registry import MODELS


@pytest.mark.parametrize('with_gradients', [False, True])
def test_the_encoder_has_no_break(tiny_cfg, with_gradients):
    encoder = MODELS.build(tiny_cfg.model.image_encoder).cuda().eval()
    side = encoder.img_size
    images = torch.randn(1, 3, side, side, device='cuda')
    compiled = torch.compile(encoder, fullgraph=True)
    with torch.set_grad_enabled(with_gradients):
        found, wanted = compiled(images), encoder(images)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)
    if with_gradients:
        parameters = [p for p in encoder.parameters() if p.requires_grad]
        slopes = [torch.autograd.grad(output.square().mean(), parameters)
                  for output in (found, wanted)]
        for ours, reference in zip(*slopes, strict=True):
            torch.testing.assert_close(ours, reference, rtol=1e-2, atol=1e-3)
