"""Ways in which a file can be damaged."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np

Generator = np.random.Generator

_NUMBER = re.compile(rb'-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?')
_TEXT_EXTREMES = (b'-1', b'0', b'', b'1e30', b'nan', b'inf', b'2147483648',
                  b'9223372036854775807', b'99999999999999999999', b'x',
                  b'9' * 5000, b'1e400', b'-2147483649', b'\0')
_EXTREMES = (b'\0', b'\xff', b'\x7f', b'\x80', b'\x01')
_JSON_EXTREMES: tuple = (
    None, True, -1, 0, 2**31, 2**63, 10**30, 1.5, float('nan'), float('inf'),
    '', 'x', '../x', '/etc/passwd', 'a\0b', '\ud800', 'x' * 100_000, [], [[]],
    {}, {'x': 1}, [1, 2, 3])


def flip(data: bytearray, rng: Generator) -> bytearray:
    """Flip one, 8 or 64 bits."""
    for _ in range(int(rng.choice([1, 8, 64]))):
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    return data


def flip_one(data: bytearray, rng: Generator) -> bytearray:
    """Flip one bit."""
    data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    return data


def cut(data: bytearray, rng: Generator) -> bytearray:
    """Cut the end off, or everything."""
    return data[:rng.integers(len(data))]


def cut_little(data: bytearray, rng: Generator) -> bytearray:
    """Cut off up to 16 bytes."""
    return data[:-int(rng.integers(1, 17))]


def zero(data: bytearray, rng: Generator) -> bytearray:
    """Overwrite a part with zeros."""
    start = rng.integers(len(data))
    stop = min(len(data), start + int(rng.integers(1, 513)))
    data[start:stop] = bytes(stop - start)
    return data


def double(data: bytearray, rng: Generator) -> bytearray:
    """Write the content twice, or a part of it."""
    start = int(rng.integers(len(data))) if rng.random() < 0.5 else 0
    return data + data[start:]


def remove(data: bytearray, rng: Generator) -> bytearray:
    """Remove a part from within."""
    start = rng.integers(len(data))
    del data[start:start + int(rng.integers(1, 65))]
    return data


def insert(data: bytearray, rng: Generator) -> bytearray:
    """Insert random bytes."""
    place = rng.integers(len(data))
    data[place:place] = rng.bytes(int(rng.integers(1, 65)))
    return data


def noise(data: bytearray, rng: Generator) -> bytearray:
    """Replace everything by random bytes."""
    return bytearray(rng.bytes(len(data)))


def text_extreme(data: bytearray, rng: Generator) -> bytearray:
    """Replace a number that is written as text by an extreme one."""
    found = list(_NUMBER.finditer(data, 0, 4096))
    if not found:
        return flip(data, rng)
    match = found[rng.integers(len(found))]
    data[match.start():match.end()] = _TEXT_EXTREMES[
        rng.integers(len(_TEXT_EXTREMES))]
    return data


def binary_extreme(data: bytearray, rng: Generator) -> bytearray:
    """Overwrite a field of 1 to 8 bytes near one end by an extreme number."""
    size = int(rng.choice([1, 2, 4, 8]))
    place = int(rng.integers(min(len(data), 400)))
    if rng.random() < 0.2:
        place = max(0, len(data) - size - place)
    # Parts that are cut off at the end must not make the file longer.
    size = min(size, len(data) - place)
    data[place:place + size] = (
        _EXTREMES[rng.integers(len(_EXTREMES))] * size)
    return data


DAMAGES: tuple[Callable[[bytearray, Generator], bytearray], ...] = (
    flip_one, flip, cut, cut_little, zero, double, remove, insert, noise,
    text_extreme, binary_extreme)


def damage_json(content: Any, rng: Generator) -> Any:
    """Replace or remove a random part of what a JSON file holds."""
    content = deepcopy(content)
    places: list[tuple[Any, Any]] = []

    def walk(part: Any) -> None:
        items = (part.items() if isinstance(part, dict) else
                 enumerate(part) if isinstance(part, list) else ())
        for key, value in list(items):
            places.append((part, key))
            walk(value)

    walk(content)
    if not places:
        return _JSON_EXTREMES[rng.integers(len(_JSON_EXTREMES))]
    part, key = places[rng.integers(len(places))]
    if rng.random() < 0.25:
        del part[key]
    else:
        part[key] = deepcopy(_JSON_EXTREMES[
            rng.integers(len(_JSON_EXTREMES))])
    return content


def damaged(data: bytes, suffix: str, rng: Generator) -> tuple[str, bytes]:
    """Damage the content of a file.

    Args:
        data: The content, not empty.
        suffix: The suffix of the file; the parts of JSON can be exchanged.
        rng: Where the damage is drawn from.

    Returns:
        The kind of the damage, and the damaged content.
    """
    # A log has a JSON object in each line.
    if suffix == '.json' and data.count(b'}\n{') == 0 and rng.random() < 0.6:
        content = damage_json(json.loads(data), rng)
        return 'json', json.dumps(content, ensure_ascii=True).encode()
    how = DAMAGES[rng.integers(len(DAMAGES))]
    return how.__name__, bytes(how(bytearray(data), rng))
