"""The preparation of a source in the format of :mod:`mmdbsam.io.prepared`."""

import csv
import io
import json
import shutil
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import SimpleITK as sitk
from rich.progress import track

from mmdbsam.errors import InputError
from mmdbsam.io.atomic import write_text
from mmdbsam.io.label_readers import LabelReaders
from mmdbsam.io.prepared import FORMAT_VERSION, PreparedData
from mmdbsam.io.readers import Readers
from mmdbsam.preparation.case_writer import RECORD, checksum_of, write_case
from mmdbsam.preparation.cases import CaseOptions, SourceCase
from mmdbsam.preparation.label_table import LabelTable
from mmdbsam.preparation.layouts import LayoutOptions, find_layout
from mmdbsam.preparation.splitting import SplitCase, SplitPlan
from mmdbsam.preparation.volumes import depth_of
from mmdbsam.preparation.workplace import workplace

PROBLEMS = 'problems.csv'


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


def prepare_dataset(source: str | Path,
                    dest: str | Path,
                    name: str | None = None,
                    options: CaseOptions | None = None,
                    plan: SplitPlan | None = None,
                    note: str = '',
                    labels: str | Path | None = None,
                    absolute_paths: bool = False,
                    overwrite: bool = False,
                    workers: int = 1) -> Prepared:
    """Prepare all cases of a source.

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

    Raises:
        InputError: If the source is not usable, ``dest`` is taken or cannot
            be written to, or no case could be prepared.
    """
    source, dest = Path(source), Path(dest)
    options, plan = options or CaseOptions(), plan or SplitPlan()
    label_readers = LabelReaders(options.series)
    layout = find_layout(source)
    cases = layout.cases(source, LayoutOptions(
        Readers(options.series), label_readers, options.channel,
        absolute_paths))
    table = _label_table(cases, layout.label_names(source), label_readers,
                         labels)
    # The table is left out: it follows from the source, and the checksum of
    # each case includes it.
    origin = dict(format=FORMAT_VERSION, source=str(source.resolve()),
                  labels=str(labels), options=repr(options))
    options = replace(options, table=table)
    _check_split(cases, options, plan)
    with workplace(dest, origin, overwrite) as root:
        results = dict(_prepare(cases, options, root, workers))
        records = [result for case in cases
                   if isinstance(result := results[case.name][0], dict)]
        problems = {case.name: result for case in cases
                    if isinstance(result := results[case.name][0], str)}
        if not records:
            raise InputError(next(iter(problems.values())))
        _write_index(root, records, plan, table,
                     dict(name=name or dest.resolve().name, note=note))
        _write_problems(root / PROBLEMS, problems)
        _remove_others(root, results.keys())
    was_new = {name: new for name, (_, new) in results.items()}
    names = [record['name'] for record in records]
    return Prepared(PreparedData(str(dest)),
                    [name for name in names if was_new[name]],
                    [name for name in names if not was_new[name]], problems)


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


def _prepare(cases: list[SourceCase], options: CaseOptions, root: Path,
             workers: int) -> Iterator[tuple[str, tuple[dict | str, bool]]]:
    """By case name, its record or its problem, and whether it is new."""
    if workers == 1 or len(cases) == 1:
        for case in _progress(cases, len(cases)):
            yield case.name, _prepare_case(case, options, root)
        return
    # Forking a process whose libraries use threads can hang.
    pool = ProcessPoolExecutor(min(workers, len(cases)),
                               get_context('spawn'), _one_thread)
    with pool:
        futures = {pool.submit(_prepare_case, case, options, root): case.name
                   for case in cases}
        try:
            for future in _progress(as_completed(futures), len(cases)):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise InputError(
                f'{root}: expected {workers} cases to fit in memory together, '
                'found that the system stopped one; run again with fewer '
                '--workers, finished cases are kept') from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _one_thread() -> None:
    """Let each process use one thread, as there is one for each core."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)


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
        kept = _kept(root / case.name / RECORD, checksum)
        return (kept, False) if kept else (
            write_case(case, options, root, checksum), True)
    except InputError as error:
        return str(error), False
    except OSError as error:
        raise InputError(
            f'{error.filename or root / case.name}: expected to write it, '
            f'found: {error.strerror}; run again to go on after the cases '
            'that are finished') from error


def _kept(record: Path, checksum: str) -> dict | None:
    """The record of a case that need not be prepared again."""
    if not record.is_file():
        return None
    content = json.loads(record.read_text(encoding='utf-8'))
    return content if content['checksum'] == checksum else None


def _write_index(root: Path, records: list[dict], plan: SplitPlan,
                 table: LabelTable, about: dict[str, str]) -> None:
    splits = plan.assign([
        SplitCase(record['name'], record['shape'][0], record['labels'],
                  record['split'], record['group']) for record in records])
    ids = sorted({i for record in records for i in record['labels']})
    write_text(root / 'dataset.json', json.dumps(dict(
        format=FORMAT_VERSION,
        **about,
        labels={str(i): table.name_of(i) for i in ids},
        cases=[dict(record, splits=splits[record['name']])
               for record in records]), indent=1))


def _write_problems(path: Path, problems: dict[str, str]) -> None:
    if not problems:
        path.unlink(missing_ok=True)
        return
    text = io.StringIO(newline='')
    table = csv.writer(text, lineterminator='\n')
    table.writerow(['case', 'problem'])
    table.writerows(problems.items())
    write_text(path, text.getvalue())


def _remove_others(root: Path, names: Collection[str]) -> None:
    """Remove the cases that the source no longer has."""
    for record in root.glob(f'*/{RECORD}'):
        if record.parent.name not in names:
            shutil.rmtree(record.parent)
