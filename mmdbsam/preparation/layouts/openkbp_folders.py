"""OpenKBP's folders of patients, with a table for each structure."""

from pathlib import Path

from mmdbsam.io.input_files import is_clutter
from mmdbsam.io.voxel_tables import CT, NO_STRUCTURES
from mmdbsam.preparation.cases import LabelFile, SourceCase
from mmdbsam.preparation.layouts.layout import Layout, LayoutOptions

# The splits by the names of the folders that hold the patients.
_SPLITS = {'train-pats': 'train', 'valid-pats': 'val', 'test-pats': 'test'}
# Patients, splits of them, or the whole repository.
_PLACES = (f'*/{CT}', f'*-pats/*/{CT}', f'provided-data/*-pats/*/{CT}')


class OpenKbpFolders(Layout):
    """``<patient>/ct.csv`` and ``<patient>/<structure>.csv``.

    The splits are those of OpenKBP, ``train-pats``, ``valid-pats`` and
    ``test-pats``, where the source holds them.
    """

    form = '<patient>/ct.csv and <patient>/<structure>.csv'

    @staticmethod
    def matches(source: Path) -> bool:
        """See :class:`Layout`."""
        return any(_scans(source))

    def cases(self, source: Path, options: LayoutOptions) -> list[SourceCase]:
        """See :class:`Layout`."""
        cases = []
        for image in _scans(source):
            folder = image.parent
            labels = tuple(
                LabelFile(path, path.stem)
                for path in sorted(folder.glob('*.csv'))
                if path.name not in NO_STRUCTURES and not is_clutter(path))
            split = (None if folder.parent == source
                     else _SPLITS.get(folder.parent.name))
            problem = None if labels else (
                f'{folder}: expected tables of structures beside {CT} and '
                'voxel_dimensions.csv, found none')
            cases.append(SourceCase(folder.name, image, labels, split,
                                    problem=problem))
        return sorted(cases, key=lambda case: case.name)


def _scans(source: Path) -> list[Path]:
    return [path for place in _PLACES for path in source.glob(place)
            if not is_clutter(path.parent)]
