"""SAM's prompt encoder."""

from typing import Optional, Sequence, Tuple

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


@MODELS.register_module()
class SAMPromptEncoder(PromptEncoder):
    """segment_anything's prompt encoder, built from a config.

    Args:
        image_size: Side of the padded input S in pixels, filled in by the
            segmentor.
        embedding_size: Side of the image embedding's grid, likewise.
        embed_dims: Channels of the prompt embeddings.
        mask_channels: Hidden channels for mask prompts.
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
        """Embed prompts, as segment_anything does; see ``decode_prompts``.

        Returns:
            tuple: Sparse embeddings (n, T, C) and dense ones (n, C, h, w), or
            (1, C, h, w) without masks: then they are one for all prompts.
        """
        sparse, dense = super().forward(points=points, boxes=boxes,
                                        masks=masks)
        return sparse, dense[:1] if masks is None else dense
