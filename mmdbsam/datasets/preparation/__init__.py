"""From image and label volumes to the prepared data format."""

from mmdbsam.datasets.preparation.splitting import SPLITS, SplitPlan
from mmdbsam.datasets.preparation.staging import staged_folder
from mmdbsam.datasets.preparation.volumes import VolumePair, read_pair
from mmdbsam.datasets.preparation.windowing import (
    WINDOWS,
    PercentileWindow,
    Window,
    parse_window,
)
from mmdbsam.datasets.preparation.writer import prepare_dataset

__all__ = [
    'SPLITS', 'WINDOWS', 'PercentileWindow', 'SplitPlan', 'VolumePair',
    'Window', 'parse_window', 'prepare_dataset', 'read_pair', 'staged_folder'
]
