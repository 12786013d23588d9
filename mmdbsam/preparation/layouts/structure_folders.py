"""TotalSegmentator's folders, with a file for each structure."""

from pathlib import Path

from mmdbsam.io.input_files import is_clutter
from mmdbsam.io.tables import read_table
from mmdbsam.preparation.cases import SourceCase
from mmdbsam.preparation.layouts.folder_pairs import files_in
from mmdbsam.preparation.layouts.layout import Layout, LayoutOptions
from mmdbsam.preparation.splitting import SPLITS

_IMAGES = ('ct.nii.gz', 'mri.nii.gz')
_LABELS = 'segmentations'


class StructureFolders(Layout):
    """``<case>/ct.nii.gz`` and ``<case>/segmentations/<structure>.nii.gz``.

    The splits are those of ``meta.csv`` (columns image_id;split), if it
    exists, as in the TotalSegmentator data set.
    """

    form = '<case>/ct.nii.gz and <case>/segmentations/<structure>.nii.gz'

    @staticmethod
    def matches(source: Path) -> bool:
        """See :class:`Layout`."""
        return source.is_dir() and any(source.glob(f'*/{_LABELS}'))

    def cases(self, source: Path, options: LayoutOptions) -> list[SourceCase]:
        """See :class:`Layout`."""
        splits = _splits(source / 'meta.csv')
        cases = []
        for folder in sorted(path for path in source.iterdir()
                             if path.is_dir() and not is_clutter(path)):
            labels = folder / _LABELS
            image = next((folder / name for name in _IMAGES
                          if (folder / name).is_file()), None)
            if image is None and not labels.is_dir():
                continue
            files = files_in(labels, options.label_readers)
            problem = None
            if image is None:
                problem = (f'{folder}: expected {" or ".join(_IMAGES)}, found '
                           'neither')
            elif not any(file.name for file in files):
                problem = f'{labels}: expected files of structures, found none'
            cases.append(SourceCase(folder.name, image, files,
                                    splits.get(folder.name), problem=problem))
        return cases


def _splits(table: Path) -> dict[str, str]:
    """The splits by case, for the cases whose split is one of ours."""
    if not table.is_file():
        return {}
    return {row.get('image_id', ''): row['split']
            for _, row in read_table(table, ())
            if row.get('split') in SPLITS}
