"""Opening and reading files that users give."""

import json
import stat
from pathlib import Path
from typing import Any, BinaryIO

from mmdbsam.errors import InputError


def open_input(path: Path) -> BinaryIO:
    """Open a file to read its bytes.

    Raises:
        InputError: If it cannot be read, or is a folder, a pipe or a device,
            whose content might not end.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f'{path}: expected a file, found a folder, a '
                             'pipe or a device')
        return path.open('rb')
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, 'strerror', None) or error
        raise InputError(f'{path}: expected to read it, found: {reason}'
                         ) from error


def read_text(path: Path) -> str:
    """Read a file of text in UTF-8, with or without a byte order mark.

    :func:`.tables.read_text` reads what spreadsheets and editors of any system
    write.

    Raises:
        InputError: As :func:`open_input`, or if it is no such text.
    """
    with open_input(path) as stream:
        content = stream.read()
    try:
        return content.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise InputError(f'{path}: expected text in UTF-8, found: {error}'
                         ) from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: As :func:`read_text`, or if it is not valid JSON.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except RecursionError as error:
        raise InputError(f'{path}: expected JSON, found lists or objects that '
                         'are nested too deeply') from error
    except ValueError as error:
        # Besides invalid JSON, this is a number of thousands of digits.
        reason = str(error).split(';')[0]
        raise InputError(f'{path}: not valid JSON: {reason}') from error


def require_input(path: Path) -> None:
    """Make sure that a path is a file or folder, if it exists.

    Raises:
        InputError: If it is a pipe or a device, whose content might not end.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        # Whatever reads it says so.
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(f'{path}: expected a file or folder, found a pipe or '
                         'a device')


def is_clutter(path: Path) -> bool:
    """Whether a system left a file or folder among others.

    Its name begins with a dot, or is that of an archive's folder of macOS, a
    waste bin, what a check of the disk has found, or thumbnails of a file
    server.
    """
    return path.name.startswith('.') or path.name in (
        '__MACOSX', '$RECYCLE.BIN', 'RECYCLER', 'System Volume Information',
        '@eaDir', '@Recycle', '#recycle', 'lost+found')


def is_text(name: object) -> bool:
    """Whether a name can be printed and written as UTF-8, on one line."""
    if not isinstance(name, str) or any(sign < ' ' for sign in name):
        return False
    try:
        name.encode()
    except UnicodeEncodeError:
        # A part of a character that UTF-16 writes in two.
        return False
    return True


def is_plain_name(name: object) -> bool:
    """Whether a name can be that of a file or folder, in any folder."""
    # Files beside it have longer names, of which the system takes 255 bytes.
    return (is_text(name) and 0 < len(name.encode()) <= 240
            and not name.startswith('.')
            and not any(sign in '/\\\x7f' for sign in name))
