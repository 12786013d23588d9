"""Losses on mask logits and on the predicted IoU."""

from mmdbsam.models.losses.mask_losses import (
    BinaryCrossEntropyLoss,
    DiceLoss,
    PredictedIoULoss,
)

__all__ = ['BinaryCrossEntropyLoss', 'DiceLoss', 'PredictedIoULoss']
