"""The layouts of sources: where their images and labels lie."""

from mmdbsam.preparation.layouts.all_layouts import find_layout, find_tasks
from mmdbsam.preparation.layouts.case_table import CaseTable
from mmdbsam.preparation.layouts.folder_pairs import FolderPairs
from mmdbsam.preparation.layouts.layout import Layout, LayoutOptions
from mmdbsam.preparation.layouts.medsam_archives import MedsamArchives
from mmdbsam.preparation.layouts.structure_folders import StructureFolders

__all__ = [
    'CaseTable', 'FolderPairs', 'Layout', 'LayoutOptions', 'MedsamArchives',
    'StructureFolders', 'find_layout', 'find_tasks'
]
