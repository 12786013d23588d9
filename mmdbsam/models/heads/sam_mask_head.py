"""SAM's mask decoder, with the losses that train it."""

import re
from typing import Dict, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from segment_anything.modeling import MaskDecoder, TwoWayTransformer
from torch import Tensor, nn

from mmdbsam.errors import InputError
from mmdbsam.models.heads.token_image_attention import (
    image_attends_to_tokens,
    tokens_attend_to_image,
    tokens_attend_to_tokens,
)
from mmdbsam.registry import MODELS

# The parameters that training for single masks never reaches, and those that
# only a loss on the predicted IoU reaches.
_OTHER_MASKS = ('output_hypernetworks_mlps.1', 'output_hypernetworks_mlps.2',
                'output_hypernetworks_mlps.3')
_IOU = ('iou_prediction_head', )


@MODELS.register_module()
class SAMMaskHead(MaskDecoder):
    """segment_anything's mask decoder with a loss on its logits.

    It has that decoder's parameters and computes the same logits in a
    fraction of the time (:mod:`~mmdbsam.models.heads.token_image_attention`).

    It is trained for single masks (``multimask_output=False``) unless it is
    told otherwise. The parameters that serve only the other outputs are then
    frozen and keep SAM's weights.

    Args:
        embed_dims: Channels of the image and prompt embeddings.
        depth: Number of layers of the two-way transformer.
        num_heads: Number of attention heads of the transformer.
        mlp_dims: Hidden width of the transformer's MLPs.
        loss: Configs of the losses, whose values are added up. A loss maps
            logits and targets (n, 1, 4h, 4w) to a scalar and weights it
            itself. Its key ``loss_name`` is the name in the log. Without that
            key, the name is the loss's own ``loss_name``, which mmseg's losses
            have, or ``loss_<type>``.
        iou_loss: Config of the loss of the predicted IoU, whose name in the
            log is ``loss_iou``. It maps predicted and true IoU (n, 1) to a
            scalar. Without it, the head that predicts the IoU is frozen.
        trains_multimask: Whether the three masks for ambiguous prompts are
            trained, which the segmentor's ``refinement`` has to do.
        train_all: Whether the parameters that the loss never reaches count as
            trained ones, too, as in DB-SAM's release. They keep SAM's weights
            all the same, and distributed training then needs
            ``find_unused_parameters=True``.

    Raises:
        InputError: If two losses have the same name, or if a name does not
            begin with ``loss_``, by which mmengine knows what to add up.
    """

    def __init__(self,
                 embed_dims: int = 256,
                 depth: int = 2,
                 num_heads: int = 8,
                 mlp_dims: int = 2048,
                 loss: Sequence[dict] = (dict(type='DiceLoss'),
                                         dict(type='BinaryCrossEntropyLoss')),
                 iou_loss: Optional[dict] = None,
                 trains_multimask: bool = False,
                 train_all: bool = False) -> None:
        super().__init__(
            transformer_dim=embed_dims,
            transformer=TwoWayTransformer(depth=depth,
                                          embedding_dim=embed_dims,
                                          num_heads=num_heads,
                                          mlp_dim=mlp_dims))
        self.losses = _build_losses(loss)
        self.iou_loss = MODELS.build(iou_loss) if iou_loss else None
        self.trains_multimask = trains_multimask
        frozen = (_OTHER_MASKS * (not trains_multimask)
                  + _IOU * (iou_loss is None))
        for name, parameter in self.named_parameters():
            parameter.requires_grad = train_all or not name.startswith(frozen)

    def forward(self,
                image_embeddings: Tensor,
                image_pe: Tensor,
                sparse_prompt_embeddings: Tensor,
                dense_prompt_embeddings: Tensor,
                multimask_output: bool = False) -> Tuple[Tensor, Tensor]:
        """Decode n prompts of one image, with segment_anything's results.

        Args:
            image_embeddings: The embedding of the image, (1, C, h, w).
            image_pe: The position encoding of its grid, (1, C, h, w).
            sparse_prompt_embeddings: The embeddings of boxes and points,
                (n, T, C).
            dense_prompt_embeddings: The embeddings of masks, (n, C, h, w), or
                (1, C, h, w) if the prompts share one.
            multimask_output: Whether to decode the three masks for ambiguous
                prompts instead of the single one.

        Returns:
            tuple: The logits, (n, 1 or 3, 4h, 4w), and the predicted IoU,
            (n, 1 or 3).
        """
        wanted = slice(1, None) if multimask_output else slice(0, 1)
        return self.decode_masks(image_embeddings, image_pe,
                                 sparse_prompt_embeddings,
                                 dense_prompt_embeddings, wanted)

    def decode_masks(self,
                     image_embeddings: Tensor,
                     image_pe: Tensor,
                     sparse_prompt_embeddings: Tensor,
                     dense_prompt_embeddings: Tensor,
                     wanted: slice = slice(None),
                     is_absent: Optional[Tensor] = None
                     ) -> Tuple[Tensor, Tensor]:
        """Decode any of the four masks, of which the single one is the first.

        Args:
            image_embeddings: The embedding of the image, (1, C, h, w).
            image_pe: See :meth:`forward`.
            sparse_prompt_embeddings: See :meth:`forward`.
            dense_prompt_embeddings: See :meth:`forward`.
            wanted: The slice of the M masks that are decoded.
            is_absent: The sparse embeddings that only fill a prompt up to the
                length of the others, bool (n, T), if there are any.

        Returns:
            tuple: The logits, (n, M, 4h, 4w), and the predicted IoU, (n, M).
        """
        # The exporter takes len() for a constant.
        prompts = sparse_prompt_embeddings.shape[0]
        outputs = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        tokens = torch.cat([outputs.expand(prompts, -1, -1),
                            sparse_prompt_embeddings], dim=1)
        image = image_embeddings + dense_prompt_embeddings
        size = image.shape[-2:]
        if is_absent is not None:
            is_absent = F.pad(is_absent, (len(outputs), 0))
        tokens, image = self._two_way(tokens, image.flatten(2).mT,
                                      image_pe.flatten(2).mT, is_absent)
        kernels = torch.stack([
            network(token) for network, token in zip(
                list(self.output_hypernetworks_mlps)[wanted],
                tokens[:, 1:1 + self.num_mask_tokens].unbind(1)[wanted],
                strict=True)
        ], dim=1)
        logits = self._mask_logits(image, kernels, size)
        return logits, self.iou_prediction_head(tokens[:, 0])[:, wanted]

    def _two_way(self, tokens: Tensor, image: Tensor, image_pe: Tensor,
                 is_absent: Optional[Tensor]) -> Tuple[Tensor, Tensor]:
        """Run the two-way transformer on tokens and image.

        An image that the prompts share, (1, h w, C), stays a single one until
        the last step of the first layer.

        Args:
            tokens: The output and prompt tokens, (n, T, C).
            image: The map, (n, h w, C) or (1, h w, C).
            image_pe: The position encoding of the map, (1, h w, C).
            is_absent: The tokens that nothing attends to, bool (n, T), if
                there are any.

        Returns:
            tuple: The tokens, (n, T, C), and the map, (n, h w, C).
        """
        token_pe = tokens
        for layer in self.transformer.layers:
            if layer.skip_first_layer_pe:
                tokens = tokens_attend_to_tokens(layer.self_attn, tokens,
                                                 tokens, is_absent)
            else:
                tokens = tokens + tokens_attend_to_tokens(
                    layer.self_attn, tokens + token_pe, tokens, is_absent)
            tokens = layer.norm1(tokens)
            placed = image + image_pe
            tokens = layer.norm2(tokens + tokens_attend_to_image(
                layer.cross_attn_token_to_image, tokens + token_pe, placed,
                image))
            tokens = layer.norm3(tokens + layer.mlp(tokens))
            image = layer.norm4(image + image_attends_to_tokens(
                layer.cross_attn_image_to_token, placed, tokens + token_pe,
                tokens, is_absent))
        tokens = tokens + tokens_attend_to_image(
            self.transformer.final_attn_token_to_image, tokens + token_pe,
            image + image_pe, image)
        return self.transformer.norm_final_attn(tokens), image

    def _mask_logits(self, image: Tensor, kernels: Tensor,
                     size: Tuple[int, int]) -> Tensor:
        """Enlarge the image fourfold and multiply it with each mask's kernel.

        A transposed convolution with a 2x2 kernel and stride 2 is a linear
        layer to the 2x2 pixels of each position. The channels stay last, and
        only the logits are sorted into rows and columns.

        Args:
            image: The map after the transformer, (n, h w, C).
            kernels: The kernels of M masks, (n, M, C / 8).
            size: The height h and width w of the map.

        Returns:
            Tensor: The logits, (n, M, 4h, 4w).
        """
        first, norm, act, second, _ = self.output_upscaling
        x = _enlarge(image, first)
        x = act(F.layer_norm(x, x.shape[-1:], norm.weight, norm.bias,
                             norm.eps))
        x = act(_enlarge(x, second))
        logits = kernels @ x.flatten(1, -2).mT
        logits = logits.view(*kernels.shape[:2], *size, 2, 2, 2, 2)
        # (n, M, h, w, i1, j1, i2, j2) -> (n, M, h, i1, i2, w, j1, j2)
        logits = logits.permute(0, 1, 2, 4, 6, 3, 5, 7)
        return logits.reshape(*kernels.shape[:2], 4 * size[0], 4 * size[1])

    def loss(self, logits: Tensor, iou: Tensor,
             targets: Tensor) -> Dict[str, Tensor]:
        """Compute the losses of low-resolution logits.

        Args:
            logits: The low-resolution logits, (n, 1, 4h, 4w).
            iou: The predicted IoU, (n, 1).
            targets: The reference masks as :func:`mask_targets` makes them,
                (n, 1, 4h, 4w).

        Returns:
            dict[str, Tensor]: The value of each loss by its name.
        """
        found = {name: loss(logits, targets)
                 for name, loss in self.losses.items()}
        if self.iou_loss is not None:
            found['loss_iou'] = self.iou_loss(iou, true_iou(logits, targets))
        return found


def mask_targets(masks: Tensor, size: Tuple[int, int]) -> Tensor:
    """Bring reference masks to the grid of the logits.

    They are averaged over areas, so that a target is the share of its pixel
    that the structure covers. Masks that were enlarged to the input side come
    back exactly.

    Args:
        masks: The masks on the padded input grid, (n, S, S), 0 or 1.
        size: The size (4h, 4w) of the logits.

    Returns:
        Tensor: The targets, float32 (n, 1, 4h, 4w), in 0..1.
    """
    return F.interpolate(masks[:, None].float(), size=size, mode='area')


@torch.no_grad()
def true_iou(logits: Tensor, targets: Tensor) -> Tensor:
    """Compare masks with their targets.

    Args:
        logits: The logits, (n, M, H, W); a mask is where they exceed 0.
        targets: The targets, (n, 1, H, W); a mask is where they exceed 0.5.

    Returns:
        Tensor: The IoU, float32 (n, M); 0 if both masks are empty.
    """
    found, wanted = logits > 0, targets > 0.5
    overlap = (found & wanted).sum((-2, -1))
    return overlap / (found | wanted).sum((-2, -1)).clamp(min=1)


def _build_losses(configs: Sequence[dict]) -> nn.ModuleDict:
    losses = nn.ModuleDict()
    for cfg in configs:
        cfg = dict(cfg)
        name = cfg.pop('loss_name', None)
        loss = MODELS.build(cfg)
        name = name or getattr(loss, 'loss_name',
                               f'loss_{type(loss).__name__}')
        if not re.fullmatch(r'loss_\w+', name):
            raise InputError('mask_head.loss: expected a loss_name of letters,'
                             ' digits and underscores that begins with loss_,'
                             f" found '{name}'")
        if name in losses:
            raise InputError('mask_head.loss: expected another loss_name for '
                             f"each loss, found '{name}' twice; set one")
        losses[name] = loss
    return losses


def _enlarge(x: Tensor, layer: nn.ConvTranspose2d) -> Tensor:
    """Apply a transposed convolution of kernel and stride 2, channels last.

    The shape changes from (..., C) to (..., 4, C').
    """
    weight = layer.weight.permute(2, 3, 1, 0).flatten(0, 2)
    return F.linear(x, weight, layer.bias.repeat(4)).unflatten(-1, (4, -1))
