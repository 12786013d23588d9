"""From any medical image to the prepared data format."""

from mmdbsam.geometry.grids import ORIENTATIONS
from mmdbsam.io.atomic import staged_folder
from mmdbsam.io.windowing import (
    WINDOWS,
    PercentileWindow,
    Window,
    parse_window,
)
from mmdbsam.preparation.cases import CaseOptions, LabelFile, SourceCase
from mmdbsam.preparation.label_table import LabelTable
from mmdbsam.preparation.layouts import find_tasks
from mmdbsam.preparation.splitting import SPLITS, SplitCase, SplitPlan
from mmdbsam.preparation.volumes import LabelledVolume, read_case
from mmdbsam.preparation.writer import Prepared, prepare_dataset

__all__ = [
    'ORIENTATIONS', 'SPLITS', 'WINDOWS', 'CaseOptions', 'LabelFile',
    'LabelTable', 'LabelledVolume', 'PercentileWindow', 'Prepared',
    'SourceCase', 'SplitCase', 'SplitPlan', 'Window', 'find_tasks',
    'parse_window', 'prepare_dataset', 'read_case', 'staged_folder'
]
