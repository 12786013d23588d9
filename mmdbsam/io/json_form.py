"""Checks what a JSON file holds before it is used."""

import math
from dataclasses import dataclass
from typing import Any, Mapping

from mmdbsam.errors import InputError


class Number:
    """The form of a number that may be NaN or infinite."""


_NAMES = {str: 'text', int: 'a whole number', float: 'a finite number',
          bool: 'true or false', dict: 'an object', list: 'a list',
          type(None): 'null', Number: 'a number'}


@dataclass(frozen=True)
class Fields:
    """The form of an object that has certain keys, and maybe others.

    Attributes:
        forms: The form of each key's value.
    """

    forms: Mapping[str, Any]


@dataclass(frozen=True)
class Values:
    """The form of an object with any keys.

    Attributes:
        form: The form of each value.
    """

    form: Any


def check_form(content: Any, form: Any, where: str) -> None:
    """Make sure that a part of a JSON file has the form that is expected.

    Args:
        content: The part.
        form: The type of the part, which for numbers is ``float`` or ``int``;
            a list of the form of a list's items, repeated if the length is
            given; a tuple of alternatives; :class:`Fields`; or
            :class:`Values`.
        where: The place of the part, for the message.

    Raises:
        InputError: If it has another form; it says where.
    """
    if isinstance(form, tuple):
        _check_alternatives(content, form, where)
    elif isinstance(form, Fields):
        _require(content, dict, where)
        for key, part in form.forms.items():
            if key not in content:
                raise InputError(f"{where}: expected the key '{key}', found "
                                 f'{_short(list(content))}')
            check_form(content[key], part, f'{where}: {key}')
    elif isinstance(form, Values):
        _require(content, dict, where)
        for key, value in content.items():
            check_form(value, form.form, f'{where}: {key[:100]}')
    elif isinstance(form, list):
        _require(content, list, where)
        if len(form) > 1 and len(content) != len(form):
            raise InputError(f'{where}: expected {len(form)} items, found '
                             f'{len(content)}')
        for index, value in enumerate(content):
            check_form(value, form[0], f'{where}[{index}]')
    else:
        _require(content, form, where)


def _check_alternatives(content: Any, forms: tuple, where: str) -> None:
    problems = []
    for form in forms:
        try:
            return check_form(content, form, where)
        except InputError as error:
            problems.append(error)
    # The last form is the one that says most.
    raise problems[-1]


def _require(content: Any, kind: type, where: str) -> None:
    if kind is Number:
        fits = type(content) in (int, float)
    elif kind is float:
        fits = type(content) in (int, float) and math.isfinite(content)
    else:
        fits = type(content) is kind
    if not fits:
        raise InputError(f'{where}: expected {_NAMES[kind]}, found '
                         f'{_short(content)}')


def _short(content: Any) -> str:
    """The beginning of what something prints as."""
    text = repr(content)
    return text if len(text) <= 100 else f'{text[:97]}...'
