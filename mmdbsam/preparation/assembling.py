"""The files that put prepared cases together to a data set."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.atomic import write_text
from mmdbsam.io.prepared_form import FORMAT_VERSION
from mmdbsam.io.prepared_index import load_index, write_index
from mmdbsam.preparation.splitting import SplitCase
from mmdbsam.preparation.workplace import ORIGIN


def write_dataset(root: Path, records: Sequence[dict],
                  name_of: Callable[[int], str], about: Mapping[str, str]
                  ) -> None:
    """Write ``dataset.json`` and the index.

    The areas of cases that an earlier index of the folder knows are not read
    again.

    Args:
        root: The folder of the cases.
        records: The record of each case, with its ``splits``.
        name_of: A function that gives the name of a label's id.
        about: The ``name`` and the ``note`` of the data set.
    """
    ids = sorted({i for record in records for i in record['labels']})
    content = dict(format=FORMAT_VERSION, **about,
                   labels={str(i): name_of(i) for i in ids},
                   cases=list(records))
    path, text = root / 'dataset.json', json.dumps(content, indent=1)
    known = load_index(root) if path.is_file() else None
    if known is None or path.read_text(encoding='utf-8') != text:
        write_text(path, text)
        write_index(root, lambda: content, known)


def split_case(record: dict) -> SplitCase:
    """What a split has to know about a case with a record."""
    return SplitCase(record['name'], record['shape'][0], record['labels'],
                     record['split'], record['group'])


def write_problems(path: Path, problems: Mapping[str, str]) -> None:
    """Write a table of the cases that could not be prepared, if any."""
    if not problems:
        path.unlink(missing_ok=True)
        return
    text = io.StringIO(newline='')
    table = csv.writer(text, lineterminator='\n')
    table.writerow(['case', 'problem'])
    table.writerows(problems.items())
    write_text(path, text.getvalue())


def read_origin(root: Path) -> dict:
    """Read what a prepared data set was made from.

    Raises:
        InputError: If the folder does not say it.
    """
    try:
        return json.loads((root / ORIGIN).read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise InputError(f'{root / ORIGIN}: expected what the data set was '
                         f'made from, found: {error}') from error


def merged_origin(origins: Sequence[dict]) -> dict:
    """The origin of the cases of several origins together."""
    sources: list[str] = []
    for origin in origins:
        own = origin['source']
        sources += [own] if isinstance(own, str) else own
    sources = list(dict.fromkeys(sources))
    merged = dict(origins[0],
                  source=sources[0] if len(sources) == 1 else sources)
    merged.pop('shard', None)
    return merged


def write_origin(root: Path, origin: dict) -> None:
    """Write what a prepared data set was made from."""
    write_text(root / ORIGIN, json.dumps(origin, indent=1))


def same_options(place: Path, origin: dict, other_place: Path, other: dict
                 ) -> None:
    """Refuse to put cases together that were prepared in different ways.

    Raises:
        InputError: If the format, the choice of labels or the options of the
            cases differ.
    """
    for key in ('format', 'labels', 'options'):
        if origin.get(key) != other.get(key):
            raise InputError(
                f'{other_place}: expected cases prepared like those of '
                f'{place}, with {key} {origin.get(key)}, found '
                f'{other.get(key)}')
