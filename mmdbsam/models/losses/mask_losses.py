"""Dice and cross-entropy on mask logits, and the predicted IoU's loss."""

import torch.nn.functional as F
from torch import Tensor, nn

from mmdbsam.registry import MODELS


@MODELS.register_module()
class DiceLoss(nn.Module):
    """Dice loss with squares in the denominator (V-Net, arXiv:1606.04797).

    The loss of a mask is
    ``1 - (2 sum(p t) + eps) / (sum(p^2) + sum(t^2) + eps)``, with p the
    sigmoid of the logits and t the target. It is averaged over the masks.

    Args:
        loss_weight: Factor that the loss is multiplied by.
        eps: Small number that keeps the loss of an empty mask finite.
    """

    def __init__(self, loss_weight: float = 1., eps: float = 1e-5) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.eps = eps

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            logits: The logits of n masks, (n, 1, H, W).
            targets: Their targets in [0, 1], (n, 1, H, W).

        Returns:
            Tensor: A scalar.
        """
        probabilities = logits.float().sigmoid().flatten(1)
        targets = targets.float().flatten(1)
        overlap = (probabilities * targets).sum(1)
        total = probabilities.square().sum(1) + targets.square().sum(1)
        dice = (2 * overlap + self.eps) / (total + self.eps)
        return self.loss_weight * (1 - dice).mean()


@MODELS.register_module()
class BinaryCrossEntropyLoss(nn.Module):
    """Binary cross-entropy, averaged over pixels and masks.

    Args:
        loss_weight: Factor that the loss is multiplied by.
    """

    def __init__(self, loss_weight: float = 1.) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            logits: The logits of n masks, (n, 1, H, W).
            targets: Their targets in [0, 1], (n, 1, H, W).

        Returns:
            Tensor: A scalar.
        """
        return self.loss_weight * F.binary_cross_entropy_with_logits(
            logits.float(), targets.float())


@MODELS.register_module()
class PredictedIoULoss(nn.Module):
    """Mean squared error of the predicted IoU (Segment Anything, appendix A).

    Args:
        loss_weight: Factor that the loss is multiplied by.
    """

    def __init__(self, loss_weight: float = 1.) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, predicted: Tensor, iou: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            predicted: The predicted IoU of n masks, (n, 1).
            iou: The IoU that they have, (n, 1).

        Returns:
            Tensor: A scalar.
        """
        return self.loss_weight * F.mse_loss(predicted.float(), iou.float())
