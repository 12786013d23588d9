"""All layouts, and the search for the one that a source has."""

from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import is_clutter
from mmdbsam.preparation.layouts.case_table import CaseTable
from mmdbsam.preparation.layouts.folder_pairs import FolderPairs
from mmdbsam.preparation.layouts.layout import Layout
from mmdbsam.preparation.layouts.medsam_archives import MedsamArchives
from mmdbsam.preparation.layouts.openkbp_folders import OpenKbpFolders
from mmdbsam.preparation.layouts.structure_folders import StructureFolders

#: The first layout that matches a source reads it.
LAYOUTS = (FolderPairs, CaseTable, MedsamArchives, StructureFolders,
           OpenKbpFolders)


def find_layout(source: Path) -> Layout:
    """The layout that a source has.

    Raises:
        InputError: If the source does not exist, or has no known layout.
    """
    if not source.exists():
        raise InputError(f'{source}: expected a folder or a table of cases, '
                         'found none')
    for layout in LAYOUTS:
        if layout.matches(source):
            return layout()
    forms = '; '.join(layout.form for layout in LAYOUTS)
    raise InputError(f'{source}: expected one of: {forms}; found none of them')


def find_tasks(source: Path) -> list[Path]:
    """The tasks of a benchmark: folders of archives, as DB-SAM's have them.

    Returns:
        The sorted folders; empty if the source is something else.

    Raises:
        InputError: If only some of the source's folders hold archives.
    """
    if not source.is_dir() or any(
            layout.matches(source) for layout in LAYOUTS):
        return []
    folders = sorted(path for path in source.iterdir()
                     if path.is_dir() and not is_clutter(path))
    tasks = [folder for folder in folders if MedsamArchives.matches(folder)]
    for folder in folders if tasks else ():
        if folder not in tasks:
            raise InputError(f'{folder}: expected .npz files, as the task '
                             f'{tasks[0].name} beside it holds, found none')
    return tasks
