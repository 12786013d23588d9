"""SAM's mask decoder, with the losses that train it."""

from typing import Dict, Sequence

import torch.nn.functional as F
from segment_anything.modeling import MaskDecoder, TwoWayTransformer
from torch import Tensor, nn

from mmdbsam.registry import MODELS

# Single-mask training reaches neither the other masks' hypernetworks nor the
# head that predicts the IoU.
_UNTRAINED = ('output_hypernetworks_mlps.1', 'output_hypernetworks_mlps.2',
              'output_hypernetworks_mlps.3', 'iou_prediction_head')


@MODELS.register_module()
class SAMMaskHead(MaskDecoder):
    """segment_anything's mask decoder with a loss on its logits.

    Trained for single masks (``multimask_output=False``), so what serves only
    the other outputs is frozen and keeps SAM's weights.

    Args:
        embed_dims: Channels of the image and prompt embeddings.
        depth: Layers of the two-way transformer.
        num_heads: Its attention heads.
        mlp_dims: Its hidden width.
        loss: Configs of the losses, whose values are added up.
    """

    def __init__(self,
                 embed_dims: int = 256,
                 depth: int = 2,
                 num_heads: int = 8,
                 mlp_dims: int = 2048,
                 loss: Sequence[dict] = (dict(type='DiceLoss'),
                                         dict(type='BinaryCrossEntropyLoss'))
                 ) -> None:
        super().__init__(
            transformer_dim=embed_dims,
            transformer=TwoWayTransformer(depth=depth,
                                          embedding_dim=embed_dims,
                                          num_heads=num_heads,
                                          mlp_dim=mlp_dims))
        self.losses = nn.ModuleDict(
            (cfg['type'], MODELS.build(cfg)) for cfg in loss)
        for name, parameter in self.named_parameters():
            parameter.requires_grad = not name.startswith(_UNTRAINED)

    def loss(self, logits: Tensor, masks: Tensor) -> Dict[str, Tensor]:
        """The losses of low-resolution logits.

        The masks are brought to the logits' grid by area averaging, so that
        a target is the share of its pixel that the structure covers; masks
        that were enlarged to the input side come back exactly.

        Args:
            logits: (n, 1, 4h, 4w).
            masks: (n, S, S), 0 or 1, on the padded input grid.

        Returns:
            dict[str, Tensor]: ``loss_<type>`` of each loss, scalars.
        """
        targets = F.interpolate(masks[:, None].to(logits.dtype),
                                size=logits.shape[-2:], mode='area')
        return {
            f'loss_{name}': loss(logits, targets)
            for name, loss in self.losses.items()
        }
