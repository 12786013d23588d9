"""Image encoders against ``segment_anything``'s."""

from contextlib import nullcontext
from functools import partial
from typing import Any, Callable, ContextManager, Dict, Optional, Tuple

import torch
import torch.nn.functional as F
from benchmark_encoder import ROOT
from mmengine.config import Config
from mmengine.registry import init_default_scope
from segment_anything.modeling import ImageEncoderViT
from segment_anything.modeling.image_encoder import get_rel_pos
from torch import Tensor, nn

from gpu_sections.attention_forms import FORMS, can_multiply, used
from gpu_sections.measuring import (
    DTYPES,
    Row,
    Section,
    Settings,
    extra_gigabytes,
    guarded,
    kernels,
    milliseconds,
)
from mmdbsam.models.backbones import SAMTinyViT, SAMViT
from mmdbsam.registry import MODELS

# The arguments of segment_anything's encoders.
ARCHS = {
    'base': dict(embed_dim=768, depth=12, num_heads=12,
                 global_attn_indexes=(2, 5, 8, 11)),
    'large': dict(embed_dim=1024, depth=24, num_heads=16,
                  global_attn_indexes=(5, 11, 17, 23)),
    'huge': dict(embed_dim=1280, depth=32, num_heads=16,
                 global_attn_indexes=(7, 15, 23, 31)),
    'tiny': dict(embed_dim=32, depth=4, num_heads=2,
                 global_attn_indexes=(1, 3)),
}
# What mmpretrain does not know by name, as it wants it.
OURS = {'tiny': dict(embed_dims=32, num_layers=4, num_heads=2,
                     feedforward_channels=128, global_attn_indexes=[1, 3])}
CONFIGS = {'base': 'configs/dbsam_vitb_ct.py',
           'large': 'configs/dbsam_vitl_ct.py',
           'huge': 'configs/dbsam_vith_ct.py',
           'tiny': 'tests/data/dbsam_tiny_spine.py'}
BOTH = ('float32', 'bfloat16')


class _FusedAttention(nn.Module):
    """segment_anything's attention, its scores left to torch's kernels."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, x: Tensor) -> Tensor:
        ours = self.attention
        batch, h, w, _ = x.shape
        q, k, v = ours.qkv(x).reshape(
            batch, h * w, 3, ours.num_heads, -1).permute(2, 0, 3, 1, 4)
        rows = get_rel_pos(h, h, ours.rel_pos_h)
        columns = get_rel_pos(w, w, ours.rel_pos_w)
        grid = q.unflatten(2, (h, w))
        mask = (torch.einsum('bnhwc,hkc->bnhwk', grid, rows)[..., None]
                + torch.einsum('bnhwc,wkc->bnhwk', grid, columns)[
                    ..., None, :])
        x = F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask.flatten(4).flatten(2, 3).to(q.dtype))
        return ours.proj(x.transpose(1, 2).reshape(batch, h, w, -1))


def peer(arch: str, size: int, fused: bool) -> nn.Module:
    """segment_anything's encoder, plain or with torch's fused attention."""
    torch.manual_seed(0)
    encoder = ImageEncoderViT(
        img_size=size, norm_layer=partial(nn.LayerNorm, eps=1e-6),
        use_rel_pos=True, window_size=14, **ARCHS[arch])
    for name, parameter in encoder.named_parameters():
        if 'pos' in name:
            nn.init.normal_(parameter, std=0.02)
    if fused:
        for block in encoder.blocks:
            block.attn = _FusedAttention(block.attn)
    return encoder.eval()


def dbsam(config: str, size: Optional[int]) -> nn.Module:
    """The encoder of a config, with random weights."""
    cfg = Config.fromfile(ROOT / config).model.image_encoder
    if size:
        cfg.vit.img_size = size
    return MODELS.build(cfg).eval()


def measure(encoder: nn.Module, size: int, device: str, dtype_name: str,
            context: Callable[[], ContextManager],
            wanted: Optional[Tensor]) -> Tuple[Row, Tensor]:
    """Time and memory of an encoding, and its difference to another."""
    torch.manual_seed(1)
    image = torch.randn(1, 3, size, size, device=device)

    @torch.inference_mode()
    def encode() -> Tensor:
        with context(), torch.autocast(device, DTYPES[dtype_name],
                                       enabled=dtype_name != 'float32'):
            return encoder(image)

    found = encode().float()
    row = {'ms': milliseconds(encode, device, 0.2),
           'extra GB': extra_gigabytes(encode, device)}
    if isinstance(encoder, SAMViT) and encoder.embed_dims == 768:
        row['kernels'] = kernels(encode, device, 3)
    if wanted is not None:
        row['difference'] = ((found - wanted).abs().max()
                             / wanted.abs().max()).item()
    return row, found


def variants(arch: str, size: int, device: str) -> Dict[str, Any]:
    """What is compared: how an encoder is built, its attention, the types.

    All but DB-SAM get the weights of the first.
    """
    ours = partial(SAMViT, OURS.get(arch, arch), img_size=size)
    made: Dict[str, Any] = {
        'segment_anything': (partial(peer, arch, size, False), None, BOTH),
        'segment_anything, SDPA': (partial(peer, arch, size, True), None,
                                   BOTH),
        'SAMViT': (ours, None, BOTH),
        'DB-SAM': (partial(dbsam, CONFIGS[arch], size), None, BOTH)}
    if arch in ('base', 'tiny'):
        made['SAMViT, folded'] = ours, FORMS['folded'], BOTH[:1]
        made['SAMViT, triton'] = ours, FORMS['triton'], [
            name for name in BOTH[1:] if can_multiply(device, name)]
    return made


def of_arch(arch: str, size: int, settings: Settings) -> Section:
    """Yield a row an encoder and type."""
    device = settings.device
    wanted, weights = None, None
    for name, (build, form, dtypes) in variants(
            arch, size, device).items():
        torch.manual_seed(0)
        with torch.device(device):
            encoder = build().to(device)
        if name == 'segment_anything':
            weights = encoder.state_dict()
        elif name.startswith('SAMViT'):
            encoder.load_state_dict(dict(weights))
        for dtype_name in dtypes:
            row = {'encoder': f'ViT {arch}', 'by': name, 'type': dtype_name}

            def timed() -> Row:
                nonlocal wanted
                found, embedding = measure(
                    encoder, size, device, dtype_name,  # noqa: B023
                    partial(used, form) if form  # noqa: B023
                    else nullcontext,
                    wanted if 'DB' not in name  # noqa: B023
                    and 'SDPA' not in name else None)  # noqa: B023
                if wanted is None:
                    wanted = embedding
                return found

            yield guarded(row, timed)
        encoder = None
        if settings.left < 0:
            return


def run(settings: Settings) -> Section:
    """Yield the rows of every encoder."""
    init_default_scope('mmdbsam')
    yield from (of_arch('tiny', 64, settings) if settings.quick
                else of_arch('base', 1024, settings))
    for name, build in (('SAMTinyViT', SAMTinyViT),
                        ('DB-SAM', partial(
                            dbsam, 'configs/dbsam_tinyvit_ct.py', None))):
        encoder = build().eval().to(settings.device)
        for dtype_name in BOTH:
            yield guarded(
                {'encoder': 'TinyViT, 256 px', 'by': name,
                 'type': dtype_name},
                lambda: measure(encoder, 256, settings.device,  # noqa: B023
                                dtype_name, nullcontext,  # noqa: B023
                                None)[0])
    for arch in () if settings.quick else ('large', 'huge'):
        if settings.left > 0:
            yield from of_arch(arch, 1024, settings)
