"""The names that DICOM objects give what they show."""

from collections.abc import Sequence


def text_of(value: str | Sequence[str] | None) -> str:
    """Read a name, which pydicom takes apart where it has a backslash.

    Args:
        value: The name, its parts, or None if there is none.
    """
    parts = [value or ''] if value is None or isinstance(value, str) else value
    return '\\'.join(parts).strip(' \0')


def numbered(names: Sequence[str]) -> list[str]:
    """The names, with a number behind those that occurred before."""
    taken, numbered = set(names), []
    for name in names:
        number, own = 1, name
        while own in numbered or number > 1 and own in taken:
            number += 1
            own = f'{name} {number}'
        numbered.append(own)
    return numbered
