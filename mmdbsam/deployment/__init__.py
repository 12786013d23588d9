"""Models outside of torch: exported files, and what runs them.

Importing this needs no torch; :mod:`mmdbsam.deployment.onnx_export`, which
writes the files, does.
"""

from mmdbsam.deployment.onnx_segmentor import OnnxSegmentor, Segmentation
from mmdbsam.deployment.preprocessing import Preprocessing

__all__ = ['OnnxSegmentor', 'Preprocessing', 'Segmentation']
