"""Tables of text, as spreadsheets and scripts write them."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import open_input

_MARKS = ((codecs.BOM_UTF8, 'utf-8-sig'), (codecs.BOM_UTF32_LE, 'utf-32'),
          (codecs.BOM_UTF32_BE, 'utf-32'), (codecs.BOM_UTF16_LE, 'utf-16'),
          (codecs.BOM_UTF16_BE, 'utf-16'))


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


def delimiter_of(text: str) -> str:
    """What separates the columns: the comma, unless the first line has none.

    Spreadsheets of languages with a decimal comma write semicolons.
    """
    first = next(iter(text.splitlines()), '')
    return max(',;\t', key=first.count)


def read_table(path: Path, needed: Sequence[str]
               ) -> Iterator[tuple[str, dict[str, str]]]:
    """Read the lines of a table with a line of column names.

    Names of columns are taken without regard to case, and values without the
    spaces around them. Lines without a value are left out.

    Args:
        path: A CSV file, whose columns commas, semicolons or tabs separate.
        needed: The names, in lower case, of the columns that it must have.

    Yields:
        tuple: The place of a line for messages, and its values by column;
        missing ones are empty.

    Raises:
        InputError: If the file cannot be read, or a column is missing.
    """
    text = read_text(path, 'a CSV file')
    lines = io.StringIO(text.replace('\r\n', '\n').replace('\r', '\n'))
    rows = csv.reader(lines, delimiter=delimiter_of(text),
                      skipinitialspace=True)
    try:
        columns = [name.strip().lower() for name in next(rows, [])]
        if any('\0' in name for name in columns):
            raise InputError(f'{path}: expected a CSV file in UTF-8, found '
                             'zero bytes, as in UTF-16 without a mark')
        if not set(needed) <= set(columns):
            raise InputError(f'{path}: expected the columns '
                             f'{",".join(needed)}, found {",".join(columns)}')
        for row in rows:
            values = [value.strip() for value in row]
            values += [''] * (len(columns) - len(values))
            if any(values):
                yield (f'{path}: line {rows.line_num}',
                       dict(zip(columns, values, strict=False)))
    except csv.Error as error:
        raise InputError(f'{path}: expected a CSV file, found: {error}'
                         ) from error
