"""mmdbsam: a modular model zoo for DB-SAM (MICCAI 2024)."""

import warnings

from mmdbsam.version import __version__

# mmcv misses its compiled op at every start; mmdbsam.ops has its own.
warnings.filterwarnings(
    'ignore', message='Fail to import ``MultiScaleDeformableAttention``')

__all__ = ['__version__']
