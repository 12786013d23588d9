"""Putting prepared data sets together, such as the shards of one."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.atomic import staged_folder
from mmdbsam.io.prepared import PreparedData
from mmdbsam.preparation.assembling import (
    merged_origin,
    read_origin,
    same_options,
    split_case,
    write_dataset,
)
from mmdbsam.preparation.splitting import SplitPlan
from mmdbsam.preparation.workplace import workplace
from mmdbsam.structures.shard import Shard


def shard_folder(dest: Path, shard: Shard) -> Path:
    """The folder of a shard of the data set that will be at ``dest``."""
    dest = Path(dest)
    return dest.with_name(f'{dest.name}.shards') / (
        f'{shard.place}-of-{shard.number}')


def merge_datasets(dest: str | Path, parts: Sequence[str | Path],
                   name: str | None = None, plan: SplitPlan | None = None,
                   overwrite: bool = False) -> PreparedData:
    """Make one data set of several, whose files stay where they are.

    The cases are linked where the disk allows it, and copied elsewhere. They
    are split anew. The shards of a source become the data set that one
    preparation of the whole source makes.

    Args:
        dest: The folder to write.
        parts: The folders of the data sets.
        name: The name of the data set, by default the name of ``dest``.
        plan: How the cases are split, by default ``SplitPlan()``.
        overwrite: Whether to replace another data set at ``dest``.

    Raises:
        InputError: If shards are missing, if the parts were prepared in
            different ways or name a label differently, or if they share a
            case, by its name or by its content.
    """
    dest, parts = Path(dest), [Path(part) for part in parts]
    plan = plan or SplitPlan()
    sets = [PreparedData(str(part)) for part in parts]
    origins = [read_origin(part) for part in parts]
    for part, origin in zip(parts, origins, strict=True):
        same_options(parts[0], origins[0], part, origin)
    _require_all_shards(parts, origins)
    labels = _labels(sets)
    places = _require_distinct(sets)
    notes = dict.fromkeys(data.note for data in sets if data.note)
    with workplace(dest, merged_origin(origins), overwrite) as root:
        records = []
        for case, (data, record) in sorted(places.items()):
            _link(data.root / case, root / case)
            records.append(record)
        splits = plan.assign([split_case(record) for record in records])
        write_dataset(root, [dict(record, splits=splits[record['name']])
                             for record in records], labels.__getitem__,
                      dict(name=name or dest.resolve().name,
                           note=' '.join(notes)))
    return PreparedData(str(dest))


def _require_all_shards(parts: Sequence[Path], origins: Sequence[dict]
                        ) -> None:
    """Refuse some shards of a source without the others."""
    found: dict[tuple, set] = {}
    for part, origin in zip(parts, origins, strict=True):
        if 'shard' in origin:
            shard = Shard.parse(origin['shard'])
            own = found.setdefault((str(origin['source']), shard.number),
                                   set())
            if shard.place in own:
                raise InputError(f'{part}: expected each shard once, found '
                                 f'{shard} again')
            own.add(shard.place)
    for (source, number), own in found.items():
        missing = sorted(set(range(1, number + 1)) - own)
        if missing:
            raise InputError(
                f'{parts[0].parent}: expected {number} shards of {source}, '
                f'found none of {", ".join(map(str, missing))}; prepare them '
                f'with --shard {missing[0]}/{number}')


def _labels(sets: Sequence[PreparedData]) -> dict[int, str]:
    """The names of all labels by their ids, which must agree."""
    names: dict[int, str] = {}
    ids: dict[str, int] = {}
    for data in sets:
        for i, name in data.labels.items():
            if names.setdefault(i, name) != name or ids.setdefault(
                    name, i) != i:
                raise InputError(
                    f'{data.root}: expected the same ids and names of labels '
                    f"in all parts, found '{name}' as {i}, where another has "
                    f"'{names[i]}' as {i} and '{name}' as {ids.get(name, i)}; "
                    'prepare all with the same --labels')
    return names


def _require_distinct(sets: Sequence[PreparedData]
                      ) -> dict[str, tuple[PreparedData, dict]]:
    """Find each case's data set and record, if no case is there twice."""
    found: dict[str, tuple[PreparedData, dict]] = {}
    contents: dict[str, tuple[PreparedData, str]] = {}
    for data in sets:
        for record in data.read_json()['cases']:
            name, content = record['name'], record['checksum']
            if name in found:
                raise InputError(
                    f"{data.root}: expected cases of different names, found "
                    f"'{name}', which is also in {found[name][0].root}")
            other, twin = contents.setdefault(content, (data, name))
            if other is not data:
                raise InputError(
                    f"{data.root}: expected different cases, found '{name}', "
                    f"made from the same files as '{twin}' in {other.root}")
            found[name] = data, record
    return found


def _link(source: Path, dest: Path) -> None:
    """Link the files of a case, or copy them to another disk."""
    if dest.is_dir():
        return
    with staged_folder(dest) as folder:
        for file in source.iterdir():
            try:
                os.link(file, folder / file.name)
            except OSError:
                shutil.copy2(file, folder / file.name)
