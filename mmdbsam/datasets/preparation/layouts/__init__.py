"""How sources are laid out: where the images lie, and where their labels."""

from mmdbsam.datasets.preparation.layouts.case_table import CaseTable
from mmdbsam.datasets.preparation.layouts.folder_pairs import FolderPairs
from mmdbsam.datasets.preparation.layouts.layout import (
    Layout,
    LayoutOptions,
    find_layout,
)
from mmdbsam.datasets.preparation.layouts.medsam_archives import (
    MedsamArchives,
    find_tasks,
)
from mmdbsam.datasets.preparation.layouts.structure_folders import (
    StructureFolders,
)

__all__ = [
    'CaseTable', 'FolderPairs', 'Layout', 'LayoutOptions', 'MedsamArchives',
    'StructureFolders', 'find_layout', 'find_tasks'
]
