"""SAM's prompt encoder and mask decoder."""

from mmdbsam.models.heads.sam_mask_head import SAMMaskHead
from mmdbsam.models.heads.sam_prompt_encoder import SAMPromptEncoder

__all__ = ['SAMMaskHead', 'SAMPromptEncoder']
