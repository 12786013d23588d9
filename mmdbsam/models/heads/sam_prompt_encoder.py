"""SAM's prompt encoder."""

from typing import Optional, Sequence, Tuple

import torch
from segment_anything.modeling import PromptEncoder
from torch import Tensor

from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS

# What embeds each kind of prompt: the point embeddings are those of a
# background point, a foreground point and the two corners of a box.
_PARAMETERS_OF = {
    'points': ('point_embeddings.0', 'point_embeddings.1',
               'not_a_point_embed'),
    'boxes': ('point_embeddings.2', 'point_embeddings.3', 'no_mask_embed'),
    'masks': ('mask_downscaling', ),
}
# SAM's mask prompts are logits; this is a sure one.
_SURE_LOGIT = 4.


@MODELS.register_module()
class SAMPromptEncoder(PromptEncoder):
    """segment_anything's prompt encoder, built from a config.

    Args:
        image_size: Side of the padded input S in pixels, filled in by the
            segmentor.
        embedding_size: Side of the image embedding's grid, likewise.
        embed_dims: Channels of the prompt embeddings.
        mask_channels: Hidden channels for mask prompts.
        boxes_as_masks: Give every box that comes without a mask as a mask
            prompt too. SAM does not; a decoder that is trained from scratch
            so learns within minutes what its box encloses.
        trained_prompts: The kinds of prompts, of 'boxes', 'points' and
            'masks', that training uses. What embeds the others is frozen:
            nothing would train it, and weight decay would wear it away.

    Raises:
        InputError: If a kind of prompt is unknown.
    """

    def __init__(self,
                 image_size: int,
                 embedding_size: int,
                 embed_dims: int = 256,
                 mask_channels: int = 16,
                 boxes_as_masks: bool = False,
                 trained_prompts: Sequence[str] = ('boxes', )) -> None:
        super().__init__(
            embed_dim=embed_dims,
            image_embedding_size=(embedding_size, embedding_size),
            input_image_size=(image_size, image_size),
            mask_in_chans=mask_channels)
        self.boxes_as_masks = boxes_as_masks
        unknown = set(trained_prompts) - set(_PARAMETERS_OF)
        if unknown:
            raise InputError(f'trained_prompts: expected some of '
                             f'{sorted(_PARAMETERS_OF)}, found {unknown}')
        trained = {name for kind in trained_prompts
                   for name in _PARAMETERS_OF[kind]}
        if boxes_as_masks:
            trained -= {'no_mask_embed'}
            trained |= {'mask_downscaling'}
        for name, parameter in self.named_parameters():
            parameter.requires_grad = name.startswith(tuple(trained))

    def forward(self, points: Optional[Tuple[Tensor, Tensor]],
                boxes: Optional[Tensor],
                masks: Optional[Tensor]) -> Tuple[Tensor, Tensor]:
        """Embed prompts, as segment_anything does; see ``decode_prompts``.

        Returns:
            tuple: Sparse embeddings (n, T, C) and dense ones (n, C, h, w), or
            (1, C, h, w) without masks: then they are one for all prompts.
        """
        if self.boxes_as_masks and boxes is not None and masks is None:
            share = box_coverage(boxes, self.input_image_size[0],
                                 self.mask_input_size[0])
            masks = (2 * share - 1)[:, None] * _SURE_LOGIT
        sparse, dense = super().forward(points=points, boxes=boxes,
                                        masks=masks)
        return sparse, dense[:1] if masks is None else dense


def box_coverage(boxes: Tensor, image_size: int, grid_size: int) -> Tensor:
    """The share of each cell of a coarse grid that a box covers.

    Args:
        boxes: (n, 4), x0, y0, x1, y1, inclusive pixels of the input.
        image_size: Side of the input, in pixels.
        grid_size: Side of the grid, in cells.

    Returns:
        Tensor: (n, grid_size, grid_size), in [0, 1].
    """
    cell = image_size / grid_size
    edges = torch.arange(grid_size, device=boxes.device) * cell

    def along(low: Tensor, high: Tensor) -> Tensor:
        start = torch.maximum(low[:, None], edges)
        stop = torch.minimum(high[:, None] + 1, edges + cell)
        return (stop - start).clamp(min=0) / cell

    x0, y0, x1, y1 = boxes.unbind(-1)
    return along(y0, y1)[:, :, None] * along(x0, x1)[:, None, :]
