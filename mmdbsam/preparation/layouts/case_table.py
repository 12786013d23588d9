"""A table of cases."""

import csv
import os
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.preparation.cases import SourceCase
from mmdbsam.preparation.label_names import read_label_names
from mmdbsam.preparation.layouts.folder_pairs import files_in
from mmdbsam.preparation.layouts.layout import Layout, LayoutOptions
from mmdbsam.preparation.splitting import SPLITS

_NEEDED = {'image', 'label'}


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
        try:
            with source.open(newline='', encoding='utf-8-sig') as stream:
                rows = csv.DictReader(stream)
                columns = set(rows.fieldnames or ())
                if not _NEEDED <= columns:
                    raise InputError(
                        f'{source}: expected the columns image,label, found '
                        f'{",".join(rows.fieldnames or ())}')
                for row in rows:
                    case = _case(row, f'{source}: line {rows.line_num}',
                                 source.parent, options)
                    if case.name in cases:
                        raise InputError(
                            f'{source}: line {rows.line_num}: expected a case '
                            f"of its own, found '{case.name}' again")
                    cases[case.name] = case
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(f'{source}: expected a CSV file in UTF-8, found: '
                             f'{error}') from error
        if not cases:
            raise InputError(f'{source}: expected a line for each case, found '
                             'none')
        return sorted(cases.values(), key=lambda case: case.name)


def _case(row: dict, where: str, root: Path, options: LayoutOptions
          ) -> SourceCase:
    """The case of a line."""
    values = {key: (value or '').strip() for key, value in row.items()
              if isinstance(key, str)}
    image, label = (_path(values[key], f'{where}: {key}', root, options)
                    for key in ('image', 'label'))
    name = values.get('case') or options.readers.case_name(image)
    if not name or Path(name).name != name or name.startswith('.'):
        raise InputError(f'{where}: expected a case that can name a folder, '
                         f"found '{name or image.name}'")
    split = values.get('split') or None
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
    path = Path(os.path.normpath(root / text))
    if not text or not (options.absolute_paths or path.is_relative_to(
            os.path.normpath(root)) and not Path(text).is_absolute()):
        raise InputError(
            f"{where}: expected a path inside the table's folder, found "
            f"'{text}'; allow others with --allow-absolute-paths")
    return path
