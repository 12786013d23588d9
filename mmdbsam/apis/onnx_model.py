"""Lets an exported model stand in for a torch one."""

from pathlib import Path
from typing import Optional, Tuple, Union

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor

from mmdbsam.deployment import OnnxSegmentor, Preprocessing
from mmdbsam.deployment.runtimes import RUNTIMES
from mmdbsam.io.windowing import PercentileWindow, Window
from mmdbsam.registry import MODELS

Points = Tuple[Tensor, Tensor]


class OnnxModel:
    """Offers inference what a ``PromptSegmentor`` does, without torch.

    Args:
        folder: The output folder of ``tools/deployment/export_onnx.py``.
        runtime: The runtime, see :class:`.OnnxSegmentor`.

    Attributes:
        cfg (Config): The part of a config that inference reads.

    Raises:
        InputError: If the folder holds no exported model, or the runtime is
            unknown or not installed.
    """

    def __init__(self, folder: Union[str, Path],
                 runtime: str = RUNTIMES[0]) -> None:
        self.exported = OnnxSegmentor(folder, runtime=runtime)
        self.mask_input_size = self.exported.mask_input_size
        preprocessing = self.exported.preprocessing
        self.cfg = _config_of(preprocessing)
        scale = dict(type='MinMaxDataPreProcessor')
        if preprocessing.normalisation == 'mean_std':
            scale = dict(type='SAMDataPreProcessor', mean=preprocessing.mean,
                         std=preprocessing.std)
        self.data_preprocessor = MODELS.build(
            dict(scale, size=preprocessing.image_size))

    def encode_image(self, images: Tensor) -> Tensor:
        """See ``PromptSegmentor.encode_image``."""
        return torch.from_numpy(self.exported.encode_image(images.numpy()))

    def decode_prompts(self,
                       embedding: Tensor,
                       boxes: Optional[Tensor] = None,
                       points: Optional[Points] = None,
                       masks: Optional[Tensor] = None,
                       multimask_output: bool = False
                       ) -> Tuple[Tensor, Tensor]:
        """See ``PromptSegmentor.decode_prompts``."""
        logits, iou = self.exported.decode_prompts(
            embedding.numpy(), _array(boxes),
            None if points is None else tuple(map(_array, points)),
            _array(masks), multimask_output)
        return torch.from_numpy(logits), torch.from_numpy(iou)


def _array(tensor: Optional[Tensor]) -> Optional[np.ndarray]:
    return None if tensor is None else tensor.numpy()


def _config_of(preprocessing: Preprocessing) -> Config:
    window = None
    if preprocessing.windows_8_bits:
        windows = [Window(**one) if 'width' in one else
                   PercentileWindow(**one) for one in preprocessing.window]
        window = windows if len(windows) > 1 else windows[0]
    resize = dict(type='ResizeLongestSide', size=preprocessing.image_size)
    return Config(dict(
        modality=preprocessing.modality, window=window,
        test_dataloader=dict(dataset=dict(pipeline=[resize]))))
