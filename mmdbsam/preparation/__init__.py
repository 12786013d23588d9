"""The preparation of any medical image to one data format."""

from mmdbsam.preparation.addition import add_cases
from mmdbsam.preparation.cases import CaseOptions, LabelFile, SourceCase
from mmdbsam.preparation.label_table import LabelTable
from mmdbsam.preparation.layouts import find_tasks
from mmdbsam.preparation.merging import merge_datasets, shard_folder
from mmdbsam.preparation.splitting import SPLITS, SplitCase, SplitPlan
from mmdbsam.preparation.volumes import LabelledVolume, read_case
from mmdbsam.preparation.writer import Prepared, prepare_dataset

__all__ = [
    'SPLITS', 'CaseOptions', 'LabelFile', 'LabelTable', 'LabelledVolume',
    'Prepared', 'SourceCase', 'SplitCase', 'SplitPlan', 'add_cases',
    'find_tasks', 'merge_datasets', 'prepare_dataset', 'read_case',
    'shard_folder',
]
