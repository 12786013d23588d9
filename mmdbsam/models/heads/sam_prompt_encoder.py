"""SAM's prompt encoder."""

from typing import Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from segment_anything.modeling import PromptEncoder
from torch import Tensor

from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS

# What a token stands for, beside 0 and 1 for a background and a foreground
# point. SAM gives the padding beside points without a box an embedding of its
# own. An absent token only fills a row of prompts up to the same length.
TOP_LEFT, BOTTOM_RIGHT, PADDING, ABSENT = 2, 3, -1, -2

# The parameters that embed each kind of prompt. The point embeddings 0 to 3
# are those of a background point, a foreground point and a box's two corners.
_PARAMETERS_OF = {
    'points': ('point_embeddings.0', 'point_embeddings.1',
               'not_a_point_embed'),
    'boxes': ('point_embeddings.2', 'point_embeddings.3', 'no_mask_embed'),
    'masks': ('mask_downscaling', ),
}

# The logit of a rough mask's pixels, as high as in SAM's own masks.
_SURE = 10.


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
                 trained_prompts: Sequence[str] = ('boxes', ),
                 click_radius: Optional[float] = None) -> None:
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
        if click_radius is not None and not click_radius > 0:
            raise InputError('prompt_encoder.click_radius: expected a number '
                             f'of pixels above 0, found {click_radius}')
        self.click_radius = click_radius

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
        if points is None and boxes is None:
            n = 1 if masks is None else len(masks)
            weight = self.no_mask_embed.weight
            sparse = weight.new_empty(n, 0, self.embed_dim)
        else:
            tokens = prompt_tokens(points, boxes)
            sparse = self.embed_tokens(*tokens)
            masks = self.with_clicks(masks, *tokens)
        return sparse, self.embed_masks(masks)

    def embed_tokens(self, coordinates: Tensor, labels: Tensor) -> Tensor:
        """Embed points and the corners of boxes.

        Every embedding has a part in the result, whatever the labels are, and
        nothing waits for the values of a label on a GPU.

        Args:
            coordinates: x and y in pixels of the input, (n, T, 2).
            labels: The tokens' labels, int64 (n, T): 1 and 0 for foreground
                and background points, and the constants of this module.

        Returns:
            Tensor: The embeddings, (n, T, C); those of absent tokens are
            zero.
        """
        position = self.pe_layer.forward_with_coords(coordinates + 0.5,
                                                     self.input_image_size)
        padding = self.not_a_point_embed.weight
        embeddings = torch.cat([
            torch.zeros_like(padding), padding,
            *(one.weight for one in self.point_embeddings)])
        is_placed = (labels >= 0)[..., None].to(position.dtype)
        return position * is_placed + F.embedding(labels - ABSENT, embeddings)

    def with_clicks(self, masks: Optional[Tensor], coordinates: Tensor,
                    labels: Tensor) -> Optional[Tensor]:
        """Draw clicks into mask prompts, if the encoder has a click radius.

        Where discs of both kinds overlap, a pixel is of the nearer click.

        Args:
            masks: The mask prompts, (n, 1, 4h, 4w) or (1, 1, 4h, 4w), or None
                if there are none.
            coordinates: See :meth:`embed_tokens`.
            labels: See :meth:`embed_tokens`.

        Returns:
            Tensor: The mask prompts with discs, (n, 1, 4h, 4w), or ``masks``
            as they are.
        """
        if masks is None or self.click_radius is None:
            return masks
        # An exported model may get no token at all, and then has this one.
        coordinates = F.pad(coordinates, (0, 0, 0, 1))
        labels = F.pad(labels, (0, 1), value=ABSENT)
        background, foreground = (
            self._distances(coordinates, labels == kind) for kind in (0, 1))
        drawn = torch.where(foreground < background, _SURE, -_SURE)
        nearest = torch.minimum(background, foreground)
        return torch.where(nearest <= self.click_radius, drawn, masks)

    def _distances(self, coordinates: Tensor, is_counted: Tensor) -> Tensor:
        """Distances to the nearest counted point, in pixels of the logits.

        Returns:
            Tensor: The distances of all pixels, (n, 1, 4h, 4w); infinity
            without any such point.
        """
        height, width = self.mask_input_size
        offsets = []
        for axis, (count, side) in enumerate(zip(
                (width, height), self.input_image_size[::-1], strict=True)):
            centres = torch.arange(count, device=coordinates.device) + 0.5
            places = (coordinates[..., axis, None] + 0.5) * (count / side)
            offsets.append((centres - places)**2)
        across, down = offsets
        squared = down[..., :, None] + across[..., None, :]
        squared = squared.masked_fill(~is_counted[..., None, None], torch.inf)
        return squared.amin(dim=1, keepdim=True).sqrt()

    def embed_masks(self, masks: Optional[Tensor],
                    is_given: Optional[Tensor] = None) -> Tensor:
        """Embed mask prompts.

        Args:
            masks: The low-resolution logits, (n, 1, 4h, 4w), or None if no
                prompt has any.
            is_given: The prompts that have a mask, bool (n,), or None for
                all.

        Returns:
            Tensor: The embeddings, (n, C, h, w), or (1, C, h, w) without
            masks, where all prompts share one.
        """
        none = self.no_mask_embed.weight.view(1, -1, 1, 1)
        if masks is None:
            return none.expand(1, -1, *self.image_embedding_size)
        embedded = self.mask_downscaling(masks)
        if is_given is None:
            return embedded
        return torch.where(is_given[:, None, None, None], embedded, none)


def prompt_tokens(points: Optional[Tuple[Tensor, Tensor]],
                  boxes: Optional[Tensor],
                  has_box: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
    """Turn points and boxes into tokens, with segment_anything's padding.

    Args:
        points: The coordinates (n, P, 2) and the labels (n, P) of points, if
            there are any.
        boxes: The boxes, (n, 4), if there are any.
        has_box: The prompts whose box counts, bool (n,), or None for all.

    Returns:
        tuple: The coordinates, (n, T, 2), and the labels, int64 (n, T).
    """
    coordinates, labels = [], []
    if points is not None:
        coordinates.append(points[0])
        labels.append(points[1].long())
    if boxes is None:
        at = points[0]
        coordinates.append(at.new_zeros(len(at), 1, 2))
        labels.append(labels[0].new_full((len(at), 1), PADDING))
    else:
        corners = boxes.reshape(-1, 2, 2)
        kinds = torch.arange(TOP_LEFT, BOTTOM_RIGHT + 1, device=boxes.device)
        kinds = kinds.expand(len(boxes), -1)
        if has_box is not None:
            # Points without a box have one token of padding.
            kinds = torch.where(has_box[:, None], kinds,
                                kinds - TOP_LEFT + ABSENT)
        coordinates.append(corners)
        labels.append(kinds)
    return torch.cat(coordinates, dim=1), torch.cat(labels, dim=1)


def rough_mask_logits(shares: Tensor, size: Tuple[int, int]) -> Tensor:
    """Turn rough masks into logits, as if they were of an earlier decoding.

    Args:
        shares: The share of each pixel of the padded input that the mask
            covers, in 0..1, (n, 1, S, S).
        size: The size (4h, 4w) of mask prompts.

    Returns:
        Tensor: The logits, (n, 1, 4h, 4w).
    """
    return (2 * F.interpolate(shares, size, mode='area') - 1) * _SURE
