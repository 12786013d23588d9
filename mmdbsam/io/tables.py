"""Tables of text, as spreadsheets and scripts write them."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import open_input

_MARKS = ((codecs.BOM_UTF8, 'utf-8-sig'), (codecs.BOM_UTF32_LE, 'utf-32'),
          (codecs.BOM_UTF32_BE, 'utf-32'), (codecs.BOM_UTF16_LE, 'utf-16'),
          (codecs.BOM_UTF16_BE, 'utf-16'))
# Excel's first line.
_TOLD = re.compile(r'"?sep=([,;\t])"?', re.IGNORECASE)


def read_text(path: Path, what: str = 'a text file') -> str:
    """Read a text file.

    A mark at its beginning says how it is encoded. Without one it is in UTF-8
    or, if it cannot be, in Windows-1252, which contains Latin-1.

    Args:
        path: The file.
        what: What it should be, for messages.

    Raises:
        InputError: If the file cannot be read or is not encoded like that.
    """
    with open_input(path) as stream:
        content = stream.read()
    try:
        encoding = next((name for mark, name in _MARKS
                         if content.startswith(mark)), 'utf-8')
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            # A mark within a text says that it is none of Windows'.
            if encoding != 'utf-8' or any(
                    mark in content for mark, _ in _MARKS):
                raise
            return content.decode('cp1252')
    except UnicodeDecodeError as error:
        raise InputError(f'{path}: expected {what} in UTF-8, found: {error}'
                         ) from error


def read_rows(path: Path, what: str = 'a CSV file'
              ) -> Iterator[tuple[str, list[str], str]]:
    """Read the lines of a table, without the spaces around their values.

    Commas, semicolons or tabs separate the columns, whichever the first line
    has most of. Spreadsheets of languages with a decimal comma write
    semicolons. A first line such as ``sep=;``, which tells Excel the
    separator, is left out.

    Args:
        path: The file.
        what: What it should be, for messages.

    Yields:
        tuple: The place of a line for messages, its values, and what separates
        them.

    Raises:
        InputError: If the file cannot be read, or is no such table.
    """
    text = read_text(path, what).replace('\r\n', '\n').replace('\r', '\n')
    first = text.partition('\n')[0]
    told = _TOLD.fullmatch(first)
    delimiter = told[1] if told else max(',;\t', key=first.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter,
                      skipinitialspace=True)
    if told:
        next(rows)
    try:
        for row in rows:
            yield (f'{path}: line {rows.line_num}',
                   [value.strip() for value in row], delimiter)
    except csv.Error as error:
        raise InputError(f'{path}: expected {what}, found: {error}'
                         ) from error


def read_table(path: Path, needed: Sequence[str]
               ) -> Iterator[tuple[str, dict[str, str]]]:
    """Read the lines of a table with a line of column names.

    Names of columns are taken without regard to case. Lines without a value
    are left out.

    Args:
        path: A CSV file; see :func:`read_rows`.
        needed: The names, in lower case, of the columns that it must have.

    Yields:
        tuple: The place of a line for messages, and its values by column;
        missing ones are empty.

    Raises:
        InputError: If the file cannot be read, or a column is missing.
    """
    rows = read_rows(path)
    _, names, _ = next(rows, ('', [], ''))
    columns = [name.lower() for name in names]
    if any('\0' in name for name in columns):
        raise InputError(f'{path}: expected a CSV file in UTF-8, found zero '
                         'bytes, as in UTF-16 without a mark')
    if not set(needed) <= set(columns):
        raise InputError(f'{path}: expected the columns {",".join(needed)}, '
                         f'found {",".join(columns)}')
    for where, values, _ in rows:
        values += [''] * (len(columns) - len(values))
        if any(values):
            yield where, dict(zip(columns, values, strict=False))
