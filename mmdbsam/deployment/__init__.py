"""Models outside of torch: their exported files, and the code that runs them.

Importing this package needs no torch. Only
:mod:`mmdbsam.deployment.onnx_export`, which writes the files, needs it.
"""

from mmdbsam.deployment.onnx_segmentor import OnnxSegmentor, Segmentation
from mmdbsam.deployment.preprocessing import Preprocessing

__all__ = ['OnnxSegmentor', 'Preprocessing', 'Segmentation']
