"""SAM's prompt encoder."""

from typing import Optional, Sequence, Tuple

from segment_anything.modeling import PromptEncoder
from torch import Tensor

from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS

# The parameters that embed each kind of prompt. The point embeddings 0 to 3
# are those of a background point, a foreground point and a box's two corners.
_PARAMETERS_OF = {
    'points': ('point_embeddings.0', 'point_embeddings.1',
               'not_a_point_embed'),
    'boxes': ('point_embeddings.2', 'point_embeddings.3', 'no_mask_embed'),
    'masks': ('mask_downscaling', ),
}


@MODELS.register_module()
class SAMPromptEncoder(PromptEncoder):
    """segment_anything's prompt encoder, built from a config.

    Args:
        image_size: Side S of the padded input, in pixels. The segmentor fills
            this in, and the next.
        embedding_size: Side of the image embedding's grid, in tokens.
        embed_dims: Channels of the prompt embeddings.
        mask_channels: Hidden channels for mask prompts.
        trained_prompts: The kinds of prompts that training uses, out of
            'boxes', 'points' and 'masks'. The parameters that embed the other
            kinds are frozen, because nothing would train them and weight decay
            would wear them away.

    Raises:
        InputError: If a kind of prompt is unknown.
    """

    def __init__(self,
                 image_size: int,
                 embedding_size: int,
                 embed_dims: int = 256,
                 mask_channels: int = 16,
                 trained_prompts: Sequence[str] = ('boxes', )) -> None:
        super().__init__(
            embed_dim=embed_dims,
            image_embedding_size=(embedding_size, embedding_size),
            input_image_size=(image_size, image_size),
            mask_in_chans=mask_channels)
        unknown = set(trained_prompts) - set(_PARAMETERS_OF)
        if unknown:
            raise InputError(f'trained_prompts: expected some of '
                             f'{sorted(_PARAMETERS_OF)}, found {unknown}')
        trained = {name for kind in trained_prompts
                   for name in _PARAMETERS_OF[kind]}
        for name, parameter in self.named_parameters():
            parameter.requires_grad = name.startswith(tuple(trained))

    def forward(self, points: Optional[Tuple[Tensor, Tensor]],
                boxes: Optional[Tensor],
                masks: Optional[Tensor]) -> Tuple[Tensor, Tensor]:
        """Embed prompts as segment_anything does.

        Args:
            points: The coordinates (n, P, 2) and the labels (n, P) of points.
            boxes: The boxes, (n, 4), in pixels of the input.
            masks: The low-resolution logits, (n, 1, 4h, 4w).

        Returns:
            tuple: The sparse embeddings, (n, T, C), and the dense ones,
            (n, C, h, w), or (1, C, h, w) without masks, where all prompts
            share one.
        """
        sparse, dense = super().forward(points=points, boxes=boxes,
                                        masks=masks)
        return sparse, dense[:1] if masks is None else dense
