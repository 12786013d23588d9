"""The whole model, from images and prompts to masks."""

from mmdbsam.models.segmentors.data_preprocessor import (
    MinMaxDataPreProcessor,
    SAMDataPreProcessor,
)
from mmdbsam.models.segmentors.prompt_ensemble import PromptEnsemble
from mmdbsam.models.segmentors.prompt_segmentor import (
    PromptSegmentor,
    logits_on_image,
)
from mmdbsam.models.segmentors.prompt_tta_model import PromptTTAModel

__all__ = [
    'MinMaxDataPreProcessor', 'PromptEnsemble', 'PromptSegmentor',
    'PromptTTAModel', 'SAMDataPreProcessor', 'logits_on_image'
]
