"""Adding cases to a prepared data set, whose own cases are not read."""

from dataclasses import replace
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.locks import locked
from mmdbsam.io.prepared import PreparedData
from mmdbsam.preparation.assembling import (
    merged_origin,
    read_origin,
    same_options,
    split_case,
    write_dataset,
    write_origin,
    write_problems,
)
from mmdbsam.preparation.cases import CaseOptions, SourceCase
from mmdbsam.preparation.splitting import SplitPlan
from mmdbsam.preparation.writer import (
    PROBLEMS,
    Prepared,
    origin_of,
    prepare_cases,
    read_source,
    sort_results,
)


def add_cases(source: Path, dest: Path, options: CaseOptions, plan: SplitPlan,
              labels: str | Path | None = None, absolute_paths: bool = False,
              workers: int = 1) -> Prepared:
    """Prepare the cases of a source into a data set that exists.

    The data set's own cases keep their splits, and their files and sources are
    not read. A new case that cannot be prepared is left out and listed in
    ``dest/problems.csv``. Labels have the ids of the data set by their names;
    names that it does not have get new ids.

    Args:
        source: The folder or table with the new cases.
        dest: The data set's folder.
        options: How each new case is prepared, as those before were.
        plan: How all cases together are to be split.
        labels: The file of labels to keep, with which the data set was made.
        absolute_paths: Whether paths in a table may leave its folder.
        workers: The number of cases that are prepared at the same time.

    Raises:
        InputError: If ``dest`` is no data set or was prepared with other
            options, if a case of that name is there already, if a label has
            another name or id, or if no case could be prepared.
    """
    with locked(dest):
        data = PreparedData(str(dest))
        before = {record['name']: record
                  for record in data.read_json()['cases']}
        origin = read_origin(dest)
        new = origin_of(source, labels, options)
        same_options(dest, origin, source, new)
        cases, table = read_source(source, options, labels, absolute_paths)
        options = replace(options, table=table.joined_to(data.labels, dest))
        results = dict(prepare_cases(_nameable(cases, before, dest), options,
                                     dest, workers))
        records, problems = sort_results(cases, results)
        if not records:
            raise InputError(next(iter(problems.values())))
        added = {record['name'] for record in records}
        kept = [record for name, record in before.items() if name not in added]
        splits = plan.assign(
            [split_case(record) for record in records if record['name']
             not in before],
            [(split_case(record), record['splits'])
             for record in before.values()])
        splits |= {name: before[name]['splits']
                   for name in added & set(before)}
        write_dataset(
            dest, kept + [dict(record, splits=splits[record['name']])
                          for record in records],
            lambda i: data.labels.get(i) or options.table.name_of(i),
            dict(name=data.name, note=data.note))
        write_origin(dest, merged_origin([origin, new]))
        write_problems(dest / PROBLEMS, problems)
        return Prepared.of(dest, records, results, problems)


def _nameable(cases: list[SourceCase], before: dict[str, dict],
              dest: Path) -> list[SourceCase]:
    """Refuse a new case that would replace one of other files.

    A case of the same files may come again, as after an interruption.
    """
    for case in cases:
        files = before.get(case.name, {}).get('source', {})
        if files and case.image is not None and files['image'] != str(
                Path(case.image.parent.name, case.image.name)):
            raise InputError(
                f"{dest}: expected a case of a new name, found '{case.name}', "
                f'which is there already, from {files["image"]}; rename it, '
                'or name it in a table')
    return cases
