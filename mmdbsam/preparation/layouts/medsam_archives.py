"""MedSAM's archives, which hold an image and its labels."""

from pathlib import Path

from mmdbsam.io.input_files import is_clutter
from mmdbsam.preparation.cases import LabelFile, SourceCase
from mmdbsam.preparation.label_names import read_label_names
from mmdbsam.preparation.layouts.layout import Layout, LayoutOptions


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


def _archives(folder: Path) -> list[Path]:
    """The sorted archives of a folder; empty if it is not a folder."""
    return sorted(path for path in folder.iterdir()
                  if path.suffix.lower() == '.npz' and path.is_file()
                  and not is_clutter(path)) if folder.is_dir() else []
