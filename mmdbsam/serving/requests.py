"""Reads what clients send."""

import json
from typing import Any

from starlette.requests import Request

from mmdbsam.serving.refusals import Refusal


async def read_json(request: Request) -> dict[str, Any]:
    """Read a request's body as an object of JSON; an empty one is {}.

    Raises:
        Refusal: If it is anything else.
    """
    return parse_json(await request.body(), 'body')


def parse_json(text: str | bytes, what: str) -> dict[str, Any]:
    """Read an object of JSON, whose numbers are finite.

    Args:
        text: The text; an empty one is {}.
        what: The name of the text in messages.

    Raises:
        Refusal: If it is anything else.
    """
    try:
        found = json.loads(text or '{}', parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f'{what}: expected an object of JSON, found: '
                           f'{str(error)[:100]}') from error
    if not isinstance(found, dict):
        raise Refusal(400, f'{what}: expected an object of JSON, found '
                           f'{type(found).__name__}')
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f'{name}, which is no finite number')
