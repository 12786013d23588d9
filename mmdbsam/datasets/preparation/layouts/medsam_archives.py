"""MedSAM's archives, which hold an image and its labels."""

from pathlib import Path

from mmdbsam.datasets.preparation.cases import LabelFile, SourceCase
from mmdbsam.datasets.preparation.label_names import read_label_names
from mmdbsam.datasets.preparation.layouts.layout import Layout, LayoutOptions
from mmdbsam.errors import InputError
from mmdbsam.registry import LAYOUTS


@LAYOUTS.register_module()
class MedsamArchives(Layout):
    """A folder of ``.npz`` files with ``imgs`` and ``gts``."""

    form = '.npz files with imgs and gts'

    @staticmethod
    def matches(source: Path) -> bool:
        """See :class:`Layout`."""
        return bool(_archives(source))

    def label_names(self, source: Path) -> dict[int, str]:
        """See :class:`Layout`."""
        return read_label_names(source)

    def cases(self, source: Path, options: LayoutOptions) -> list[SourceCase]:
        """See :class:`Layout`."""
        return [SourceCase(path.stem, path, (LabelFile(path), ))
                for path in _archives(source)]


def find_tasks(source: Path) -> list[Path]:
    """The tasks of a benchmark: folders of archives, as DB-SAM tests them.

    Returns:
        The folders, sorted; none if the source is something else.

    Raises:
        InputError: If only some of the source's folders hold archives.
    """
    if not source.is_dir() or any(
            layout.matches(source) for layout in LAYOUTS.module_dict.values()):
        return []
    folders = sorted(path for path in source.iterdir()
                     if path.is_dir() and not path.name.startswith('.'))
    tasks = [folder for folder in folders if MedsamArchives.matches(folder)]
    for folder in folders if tasks else ():
        if folder not in tasks:
            raise InputError(f'{folder}: expected .npz files, as the task '
                             f'{tasks[0].name} beside it holds, found none')
    return tasks


def _archives(folder: Path) -> list[Path]:
    """The archives of a folder, sorted; none if it is no folder."""
    return sorted(path for path in folder.iterdir()
                  if path.suffix.lower() == '.npz' and path.is_file()
                  and not path.name.startswith('.')) if folder.is_dir() else []
