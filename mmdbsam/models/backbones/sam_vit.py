"""SAM's image encoder, to be run stage by stage."""

import re
from typing import Any, List, Optional, Tuple, Union

from mmengine.model import BaseModule, ModuleList
from mmpretrain.models.backbones import ViTSAM
from mmpretrain.models.backbones.vit_sam import TransformerEncoderLayer
from torch import Tensor, nn

from mmdbsam.errors import InputError
from mmdbsam.models.backbones.rel_pos_attention import RelPosAttention
from mmdbsam.ops import fused
from mmdbsam.registry import MODELS

# The names of weights in SAM's own image encoder, and in mmpretrain's.
_OFFICIAL_NAMES = (
    (r'^patch_embed\.proj\.', 'patch_embed.projection.'),
    (r'^blocks\.', 'layers.'),
    (r'^(layers\.\d+)\.norm(\d)\.', r'\1.ln\2.'),
    (r'^(layers\.\d+)\.mlp\.lin1\.', r'\1.ffn.layers.0.0.'),
    (r'^(layers\.\d+)\.mlp\.lin2\.', r'\1.ffn.layers.1.'),
    (r'^neck\.', 'channel_reduction.'),
)


def _from_official(name: str) -> str:
    for pattern, replacement in _OFFICIAL_NAMES:
        name = re.sub(pattern, replacement, name)
    return name


class _Block(BaseModule):
    """A block of SAM's ViT, on maps (B, h, w, C).

    The module takes over the parameters of mmpretrain's layer, under the same
    names.
    """

    def __init__(self, layer: TransformerEncoderLayer) -> None:
        super().__init__()
        self.ln1 = layer.ln1
        # It makes the windows itself, after the projection.
        self.attn = RelPosAttention(layer.attn, layer.window_size)
        self.ln2 = layer.ln2
        self.ffn = layer.ffn
        # mmpretrain's rate is a numpy number. torch.compile takes that for a
        # tensor, and breaks its graph where the rate is used.
        drop_path = self.ffn.dropout_layer
        drop_path.drop_prob = float(drop_path.drop_prob)

    def forward(self, x: Tensor) -> Tensor:
        """Transform a map (B, h, w, C); its shape stays."""
        if not fused.can_fuse(x, self):
            x = x + self.attn(self.ln1(x))
            return self.ffn(self.ln2(x), identity=x)
        qkv = fused.linear(x, fused.affine(self.attn.qkv), self.ln1)
        x = fused.linear(self.attn.attend(qkv), fused.affine(self.attn.proj),
                         residual=x)
        (expand, _, _), project, _ = self.ffn.layers
        return fused.mlp(x, self.ln2, fused.affine(expand),
                         fused.affine(project), residual=x)


@MODELS.register_module()
class SAMViT(ViTSAM):
    """SAM's ViT (arXiv:2304.02643) as stages of blocks.

    The encoder loads state dicts with the official key names as well as its
    own. Position embeddings that were made for another image side are
    interpolated on loading.

    Args:
        arch: 'base', 'large', 'huge', or a dict with ``embed_dims``,
            ``num_layers``, ``num_heads``, ``feedforward_channels`` and
            ``global_attn_indexes``.
        img_size: Side S of the square input, in pixels.
        num_stages: Number of equal stages that the blocks are divided into.
        frozen: Whether the encoder is frozen. Nothing but the channel
            reduction at its end is then trained, and the rest stays in
            evaluation mode.
        train_channel_reduction: Whether the channel reduction of a frozen
            encoder is trained.
        **kwargs: Further arguments of mmpretrain's ``ViTSAM``.

    Attributes:
        channel_reduction (nn.Module): The module that SAM's own code calls
            the neck. It maps (B, C, h, w) to the embedding (B, 256, h, w).
        stage_widths (list[int]): Channels at the end of each stage.
        stage_strides (list[int]): Pixels of the input that a token stands for
            at the end of each stage.
        out_size (int): Side of the embedding's grid, S / patch size.

    Raises:
        InputError: If the number of blocks is no multiple of ``num_stages``.
    """

    def __init__(self,
                 arch: Union[str, dict] = 'base',
                 img_size: int = 1024,
                 num_stages: int = 4,
                 frozen: bool = True,
                 train_channel_reduction: bool = True,
                 init_cfg: Optional[dict] = None,
                 **kwargs: Any) -> None:
        super().__init__(arch=arch, img_size=img_size, init_cfg=init_cfg,
                         **kwargs)
        if self.num_layers % num_stages:
            raise InputError(f'num_stages: expected a divisor of the '
                             f'{self.num_layers} blocks, found {num_stages}')
        self.num_stages = num_stages
        self.frozen = frozen
        self.stage_widths = [self.embed_dims] * num_stages
        self.out_size = self.patch_resolution[0]
        self.stage_strides = [img_size // self.out_size] * num_stages
        self.layers = ModuleList(_Block(layer) for layer in self.layers)
        if frozen:
            for name, parameter in self.named_parameters():
                parameter.requires_grad = (
                    train_channel_reduction
                    and name.startswith('channel_reduction'))

    @property
    def stages(self) -> List[List[nn.Module]]:
        """The blocks of each stage, which map (B, h, w, C) to the same shape.
        """
        size = self.num_layers // self.num_stages
        # A part of a ModuleList is a new module, which torch 2.11 cannot
        # compile.
        blocks = list(self.layers)
        return [
            blocks[start:start + size]
            for start in range(0, self.num_layers, size)
        ]

    @staticmethod
    def attention_and_mlp(block: nn.Module) -> Tuple[nn.Module, nn.Module]:
        """The attention and the MLP of a block, for adapters within it."""
        return block.attn, block.ffn.layers

    def embed(self, images: Tensor) -> Tensor:
        """Embed patches and positions.

        Args:
            images: The normalised images, (B, 3, S, S).

        Returns:
            Tensor: The tokens, (B, h, w, C).

        Raises:
            InputError: If the images' side is not ``img_size``.
        """
        if images.shape[-2:] != self.img_size:
            raise InputError(f'images: expected {self.img_size} pixels, '
                             f'found {tuple(images.shape[-2:])}')
        tokens, (h, w) = self.patch_embed(images)
        tokens = tokens.view(images.shape[0], h, w, self.embed_dims)
        return self.drop_after_pos(tokens + self.pos_embed)

    def forward(self, images: Tensor) -> Tensor:
        """Run SAM's plain encoder, from (B, 3, S, S) to (B, 256, h, w)."""
        tokens = self.embed(images)
        for layer in self.layers:
            tokens = layer(tokens)
        return self.channel_reduction(tokens.permute(0, 3, 1, 2))

    def train(self, mode: bool = True) -> 'SAMViT':
        """Set the mode; the frozen parts stay in evaluation mode."""
        super().train(mode and not self.frozen)
        self.channel_reduction.train(mode)
        return self

    def _load_from_state_dict(self, state_dict: dict, prefix: str,
                              *args: Any) -> None:
        # The keys are renamed first, because ViTSAM's hooks, which resize the
        # position embeddings, look for mmpretrain's names.
        for key in [k for k in state_dict if k.startswith(prefix)]:
            name = prefix + _from_official(key[len(prefix):])
            state_dict[name] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args)
