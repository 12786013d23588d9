"""From any medical image to the prepared data format."""

from mmdbsam.datasets.preparation.cases import (
    CaseOptions,
    LabelFile,
    SourceCase,
)
from mmdbsam.datasets.preparation.grids import ORIENTATIONS
from mmdbsam.datasets.preparation.label_table import LabelTable
from mmdbsam.datasets.preparation.layouts import find_tasks
from mmdbsam.datasets.preparation.splitting import (
    SPLITS,
    SplitCase,
    SplitPlan,
)
from mmdbsam.datasets.preparation.staging import staged_folder
from mmdbsam.datasets.preparation.volumes import LabelledVolume, read_case
from mmdbsam.datasets.preparation.windowing import (
    WINDOWS,
    PercentileWindow,
    Window,
    parse_window,
)
from mmdbsam.datasets.preparation.writer import Prepared, prepare_dataset

__all__ = [
    'ORIENTATIONS', 'SPLITS', 'WINDOWS', 'CaseOptions', 'LabelFile',
    'LabelTable', 'LabelledVolume', 'PercentileWindow', 'Prepared',
    'SourceCase', 'SplitCase', 'SplitPlan', 'Window', 'find_tasks',
    'parse_window', 'prepare_dataset', 'read_case', 'staged_folder'
]
