"""The preparation of a source in the format of :mod:`mmdbsam.io.prepared`."""

import os
import shutil
import threading
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context, parent_process
from pathlib import Path

import SimpleITK as sitk
from rich.progress import track

from mmdbsam.errors import InputError, WriteError
from mmdbsam.io.input_files import is_plain_name
from mmdbsam.io.label_readers import LabelReaders
from mmdbsam.io.prepared import PreparedData
from mmdbsam.io.prepared_form import FORMAT_VERSION
from mmdbsam.io.prepared_index import FILE as INDEX
from mmdbsam.io.readers import Readers
from mmdbsam.preparation.assembling import (
    split_case,
    write_dataset,
    write_problems,
)
from mmdbsam.preparation.case_writer import (
    RECORD,
    checksum_of,
    kept_record,
    write_case,
)
from mmdbsam.preparation.cases import CaseOptions, SourceCase
from mmdbsam.preparation.label_table import LabelTable
from mmdbsam.preparation.layouts import LayoutOptions, find_layout
from mmdbsam.preparation.splitting import SplitCase, SplitPlan
from mmdbsam.preparation.volumes import depth_of
from mmdbsam.preparation.workplace import workplace
from mmdbsam.structures.shard import Shard

PROBLEMS = 'problems.csv'
# The files that lie beside the cases.
_OWN_FILES = ('dataset.json', 'origin.json', PROBLEMS, INDEX)
_ENDED = ('{}: expected a case that can be read, found that the process that '
          'prepared it was ended, for lack of memory or by its library; '
          'finished cases are kept')
# By case name, its record or its problem, and whether it is new.
Results = dict[str, tuple[dict | str, bool]]


@dataclass(frozen=True)
class Prepared:
    """What :func:`prepare_dataset` did.

    Attributes:
        data: The data set.
        written: The names of the cases that were prepared.
        kept: The names of the cases that were already there, unchanged.
        problems: The reasons why cases could not be prepared, by the name of
            the case.
    """

    data: PreparedData
    written: list[str]
    kept: list[str]
    problems: dict[str, str]

    @classmethod
    def of(cls, dest: Path, records: list[dict], results: Results,
           problems: dict[str, str]) -> 'Prepared':
        """Make it from what :func:`prepare_cases` did.

        Args:
            dest: The data set's folder.
            records: The records of the cases that it could prepare.
            results: Its result for each case.
            problems: The reasons for the cases that it could not prepare.
        """
        names = [record['name'] for record in records]
        return cls(PreparedData(str(dest)),
                   [name for name in names if results[name][1]],
                   [name for name in names if not results[name][1]], problems)


def prepare_dataset(source: str | Path,
                    dest: str | Path,
                    name: str | None = None,
                    options: CaseOptions | None = None,
                    plan: SplitPlan | None = None,
                    note: str = '',
                    labels: str | Path | None = None,
                    absolute_paths: bool = False,
                    overwrite: bool = False,
                    workers: int = 1,
                    shard: Shard | None = None) -> Prepared:
    """Prepare all cases of a source, or a shard of them.

    Each case appears in ``dest`` once it is complete. A case that is already
    there, from the same files and options, is kept. A case that cannot be
    prepared is left out and listed in ``dest/problems.csv``. The splits are
    made from all cases that exist in the end.

    Args:
        source: A folder or table; see :mod:`.layouts`.
        dest: The folder to write.
        name: The data set's name, by default the name of ``dest``.
        options: How each case is prepared, by default ``CaseOptions()``. Its
            ``table`` is replaced.
        plan: How the data are split, by default ``SplitPlan()``.
        note: What a reader of a score on these data must know about them.
        labels: A YAML file that chooses, merges and renames labels; see
            :meth:`.LabelTable.of_selection`.
        absolute_paths: Whether paths in a table may leave its folder.
        overwrite: Whether to replace a data set at ``dest`` that was made from
            another source or with other options.
        workers: The number of processes that prepare cases at the same time.
        shard: The part of the cases to prepare. A shard has no splits before
            :func:`.merge_datasets` has put all of them together.

    Raises:
        InputError: If the source is not usable, ``dest`` is taken or cannot
            be written to, or no case could be prepared.
    """
    source, dest = Path(source), Path(dest)
    options, plan = options or CaseOptions(), plan or SplitPlan()
    cases, table = read_source(source, options, labels, absolute_paths)
    origin = origin_of(source, labels, options)
    options = replace(options, table=table)
    if shard:
        cases = shard.of(cases, 'cases')
        origin['shard'] = str(shard)
    else:
        _check_split(cases, options, plan)
    with workplace(dest, origin, overwrite) as root:
        results = dict(prepare_cases(cases, options, root, workers))
        records, problems = sort_results(cases, results)
        if not records:
            raise InputError(next(iter(problems.values())))
        splits = {} if shard else plan.assign([split_case(record)
                                               for record in records])
        write_dataset(root, [dict(record, splits=splits.get(record['name'],
                                                            {}))
                             for record in records], table.name_of,
                      dict(name=name or dest.resolve().name, note=note))
        write_problems(root / PROBLEMS, problems)
        _remove_others(root, results.keys())
    return Prepared.of(dest, records, results, problems)


def origin_of(source: Path, labels: str | Path | None, options: CaseOptions
              ) -> dict:
    """What determines the cases of a data set.

    The table of the labels is left out: it follows from the source, and the
    checksum of each case includes it.
    """
    return dict(format=FORMAT_VERSION, source=str(source.resolve()),
                labels=str(labels), options=repr(options))


def read_source(source: Path, options: CaseOptions,
                labels: str | Path | None, absolute_paths: bool
                ) -> tuple[list[SourceCase], LabelTable]:
    """List the cases of a source and the labels that are kept of them.

    The arguments are those of :func:`prepare_dataset`.

    Raises:
        InputError: If the source or the file of labels is not usable.
    """
    readers = LabelReaders(options.series)
    layout = find_layout(source)
    cases = layout.cases(source, LayoutOptions(
        Readers(options.series), readers, options.channel, absolute_paths))
    for case in cases:
        if not is_plain_name(case.name) or case.name in _OWN_FILES:
            raise InputError(
                f'{source}: expected cases whose names can be those of '
                f'folders, and none of {", ".join(_OWN_FILES)}, found '
                f'{case.name[:100]!r}')
    return cases, _label_table(cases, layout.label_names(source), readers,
                               labels)


def _label_table(cases: list[SourceCase], declared: dict[int, str],
                 readers: LabelReaders, selection: str | Path | None
                 ) -> LabelTable:
    found: set[str] = set()
    for case in cases:
        for file in () if case.problem else case.labels:
            try:
                found.update([file.name] if file.name else
                             readers.find(file.path).names(file.path))
            except InputError:
                # Reading the case will report the error.
                continue
    if selection:
        return LabelTable.of_selection(Path(selection), declared, found)
    return LabelTable.of_names(declared, found)


def _check_split(cases: list[SourceCase], options: CaseOptions,
                 plan: SplitPlan) -> None:
    """Find an impossible split before the work, as far as headers tell."""
    found = []
    for case in cases:
        try:
            depth = 0 if case.problem else depth_of(case, options)
        except InputError:
            # Preparing the case will report the error.
            continue
        if depth:
            found.append(SplitCase(case.name, depth, (), case.split,
                                   case.group))
    if found:
        plan.assign(found)


def prepare_cases(cases: list[SourceCase], options: CaseOptions, root: Path,
                  workers: int) -> Iterator[tuple[str, tuple[dict | str,
                                                             bool]]]:
    """Prepare cases in a folder, each of which appears once it is complete.

    Args:
        cases: The cases.
        options: How each case is prepared.
        root: The folder.
        workers: The number of processes that prepare cases at the same time.

    Yields:
        The name of a case, then its record or its problem, and whether it was
        prepared now.

    Raises:
        InputError: If a file cannot be written, or memory is too small.
    """
    if workers == 1 or len(cases) == 1:
        for case in _progress(cases, len(cases)):
            yield case.name, _prepare_case(case, options, root)
        return
    left = {case.name: case for case in cases}
    results = _side_by_side(cases, options, root, workers)
    for name, result in _progress(results, len(cases)):
        del left[name]
        yield name, result
    # A case that ended its process took the others with it; alone, it shows
    # which it is.
    for name, case in left.items():
        results = dict(_side_by_side([case], options, root, workers=1))
        yield name, results.get(name, (_ENDED.format(case.image), False))


def _side_by_side(cases: list[SourceCase], options: CaseOptions, root: Path,
                  workers: int) -> Iterator[tuple[str, tuple]]:
    """Prepare cases in processes, and stop early if one of these ends."""
    # Forking a process whose libraries use threads can hang.
    pool = ProcessPoolExecutor(min(workers, len(cases)),
                               get_context('spawn'), _begin_worker)
    with pool:
        futures = {pool.submit(_prepare_case, case, options, root): case.name
                   for case in cases}
        try:
            for future in as_completed(futures):
                try:
                    yield futures[future], future.result()
                except BrokenProcessPool:
                    continue
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def sort_results(cases: list[SourceCase], results: Results
                 ) -> tuple[list[dict], dict[str, str]]:
    """The records and the problems of cases, in the cases' order."""
    found = {case.name: results[case.name][0] for case in cases}
    return ([one for one in found.values() if isinstance(one, dict)],
            {name: one for name, one in found.items()
             if isinstance(one, str)})


def _begin_worker() -> None:
    """Let a process use one thread, and end when its parent is killed."""
    # There is a process for each core.
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # Otherwise it would wait for its next case for good.
    parent_process().join()
    os._exit(1)


def _progress(items: Iterable, total: int) -> Iterable:
    return track(items, description='preparing', total=total)


def _prepare_case(case: SourceCase, options: CaseOptions, root: Path
                  ) -> tuple[dict | str, bool]:
    if case.problem:
        return case.problem, False
    try:
        checksum = checksum_of(case, options)
    except OSError as error:
        return f'{error.filename}: expected to read it, found: {error}', False
    try:
        kept = kept_record(root / case.name, checksum)
        return (kept, False) if kept else (
            write_case(case, options, root, checksum), True)
    except WriteError as error:
        raise InputError(f'{error}; run again to go on after the cases that '
                         'are finished') from error
    except InputError as error:
        return str(error), False


def _remove_others(root: Path, names: Collection[str]) -> None:
    """Remove the cases that the source no longer has."""
    for record in root.glob(f'*/{RECORD}'):
        if record.parent.name not in names:
            shutil.rmtree(record.parent)
