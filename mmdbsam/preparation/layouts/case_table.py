"""A table of cases."""

import os
import unicodedata
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.tables import read_table
from mmdbsam.preparation.cases import SourceCase
from mmdbsam.preparation.label_names import read_label_names
from mmdbsam.preparation.layouts.folder_pairs import files_in
from mmdbsam.preparation.layouts.layout import Layout, LayoutOptions
from mmdbsam.preparation.splitting import SPLITS


class CaseTable(Layout):
    """A CSV file with the columns image,label[,case,split,group].

    Paths are relative to the table's folder, and stay inside it. A label is a
    file, or a folder with a file for each structure. The names of labels are
    read from a ``labels.csv`` or ``dataset.json`` beside the table.
    """

    form = 'a CSV file with the columns image,label[,case,split,group]'

    @staticmethod
    def matches(source: Path) -> bool:
        """See :class:`Layout`."""
        return source.is_file() and source.suffix.lower() == '.csv'

    def label_names(self, source: Path) -> dict[int, str]:
        """See :class:`Layout`."""
        return read_label_names(source.parent)

    def cases(self, source: Path, options: LayoutOptions) -> list[SourceCase]:
        """See :class:`Layout`."""
        cases: dict[str, SourceCase] = {}
        for where, row in read_table(source, ('image', 'label')):
            case = _case(row, where, source.parent, options)
            if case.name in cases:
                raise InputError(f'{where}: expected a case of its own, found '
                                 f"'{case.name}' again")
            cases[case.name] = case
        if not cases:
            raise InputError(f'{source}: expected a line for each case, found '
                             'none')
        return sorted(cases.values(), key=lambda case: case.name)


def _case(values: dict[str, str], where: str, root: Path,
          options: LayoutOptions) -> SourceCase:
    """The case of a line."""
    image, label = (_path(values[key], f'{where}: {key}', root, options)
                    for key in ('image', 'label'))
    name = values.get('case') or options.readers.case_name(image)
    if not name or Path(name).name != name or name.startswith('.'):
        raise InputError(f'{where}: expected a case that can name a folder, '
                         f"found '{name or image.name}'")
    split = values.get('split', '').lower() or None
    if split not in (None, *SPLITS):
        raise InputError(f'{where}: expected the split {", ".join(SPLITS)} or '
                         f"nothing, found '{split}'")
    problem = next((f'{path}: expected a file or folder, found none'
                    for path in (image, label) if not path.exists()), None)
    labels = () if problem else files_in(label, options.label_readers)
    return SourceCase(name, image, labels, split,
                      values.get('group') or None, problem)


def _path(text: str, where: str, root: Path, options: LayoutOptions) -> Path:
    """A path in the table, inside its folder unless others are allowed."""
    text = _spelled(text, root)
    path = Path(os.path.normpath(root / text))
    if not text or not (options.absolute_paths or path.is_relative_to(
            os.path.normpath(root)) and not Path(text).is_absolute()):
        raise InputError(
            f"{where}: expected a path inside the table's folder, found "
            f"'{text}'; allow others with --allow-absolute-paths")
    return path


def _spelled(text: str, root: Path) -> str:
    """A path as its file is called here, if a table from elsewhere names it.

    Windows separates folders by backslashes, and macOS writes letters such as
    umlauts as two characters.
    """
    spellings = [form for path in (text, text.replace('\\', '/'))
                 for form in (path, unicodedata.normalize('NFC', path),
                              unicodedata.normalize('NFD', path))]
    return next((path for path in spellings if (root / path).exists()), text)
