"""Losses on binary mask logits."""

from mmdbsam.models.losses.mask_losses import BinaryCrossEntropyLoss, DiceLoss

__all__ = ['BinaryCrossEntropyLoss', 'DiceLoss']
