"""The error for input that a user can mend, and how the tools report it."""

import os
import sys
from typing import Callable


class InputError(ValueError):
    """Something the user gave (a file, a field, a name) is not usable.

    The message is one line: it names the file or field, says what was
    expected and what was found, and where possible what to do.
    """


class WriteError(InputError):
    """A file or folder could not be written: the disk is full or read-only.

    Args:
        path: What was to be written.
        error: The system's error, or the text of a library's.
    """

    def __init__(self, path: object, error: object) -> None:
        reason = getattr(error, 'strerror', None) or error
        super().__init__(f'{path}: expected a place to write to, found: '
                         f'{reason}')

    def __reduce__(self) -> tuple:
        """Pickle the message, which has no use for the arguments again."""
        return InputError, self.args


_QUALIFIED = f'{InputError.__module__}.{InputError.__qualname__}: '


def run_cli(main: Callable[[], None]) -> None:
    """Run a command-line tool; an :class:`InputError` ends it in one line.

    ``MMDBSAM_TRACEBACK=1`` in the environment shows its traceback instead.

    Args:
        main: The tool's entry point, without arguments.

    Raises:
        SystemExit: With status 1, after printing ``error: ...`` to stderr,
            when ``main`` raises :class:`InputError`, or when the system
            refuses it a file or memory.
    """
    try:
        main()
    except (InputError, OSError, MemoryError) as error:
        if os.environ.get('MMDBSAM_TRACEBACK') == '1':
            raise
        sys.exit(f'error: {_one_line(error)}')


def _one_line(error: Exception) -> str:
    """Say in one line what an error of the user's or the system's is."""
    if isinstance(error, InputError):
        # One that was raised in a data loader's worker comes with the
        # worker's traceback before it.
        line = str(error).strip().splitlines()[-1]
        return line.removeprefix(_QUALIFIED)
    if isinstance(error, MemoryError):
        return 'expected enough memory, found that it is used up'
    where = '' if error.filename is None else f'{error.filename}: '
    reason = error.strerror or ' '.join(str(error).split())
    return (f'{where}expected to read or write '
            f'{"it" if where else "a file"}, found: {reason}')
