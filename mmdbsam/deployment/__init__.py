"""Models outside of torch: their exported files, and the code that runs them.

Importing this package needs no torch. Only
:mod:`mmdbsam.deployment.onnx_export`, which writes the files, needs it.
"""

import os

# onnxruntime reports each use over the network, and leaves files, unless it is
# told not to before its first import (its Privacy.md, version 1.32).
os.environ.setdefault('ORT_DISABLE_TELEMETRY', '1')

from mmdbsam.deployment.onnx_segmentor import OnnxSegmentor, Segmentation
from mmdbsam.deployment.preprocessing import Preprocessing

__all__ = ['OnnxSegmentor', 'Preprocessing', 'Segmentation']
