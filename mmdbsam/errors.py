"""The error for input that a user can mend, and how the tools report it."""

import os
import sys
from typing import Callable


class InputError(ValueError):
    """Something the user gave (a file, a field, a name) is not usable.

    The message is one line: it names the file or field, says what was
    expected and what was found, and where possible what to do.
    """


_QUALIFIED = f'{InputError.__module__}.{InputError.__qualname__}: '


def run_cli(main: Callable[[], None]) -> None:
    """Run a command-line tool; an :class:`InputError` ends it in one line.

    ``MMDBSAM_TRACEBACK=1`` in the environment shows its traceback instead.

    Args:
        main: The tool's entry point, without arguments.

    Raises:
        SystemExit: With status 1, after printing ``error: ...`` to stderr,
            when ``main`` raises :class:`InputError`.
    """
    try:
        main()
    except InputError as error:
        if os.environ.get('MMDBSAM_TRACEBACK') == '1':
            raise
        # One that was raised in a data loader's worker comes with the
        # worker's traceback before it.
        line = str(error).strip().splitlines()[-1]
        sys.exit(f'error: {line.removeprefix(_QUALIFIED)}')
