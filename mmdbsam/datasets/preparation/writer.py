"""Writing the prepared data format, see :mod:`mmdbsam.datasets.prepared`."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.progress import track

from mmdbsam.datasets.preparation.grids import canonical
from mmdbsam.datasets.preparation.label_names import read_label_names
from mmdbsam.datasets.preparation.readers import Readers
from mmdbsam.datasets.preparation.sources import Pair, find_pairs
from mmdbsam.datasets.preparation.splitting import SplitPlan
from mmdbsam.datasets.preparation.staging import staged_folder
from mmdbsam.datasets.preparation.volumes import check_pair, read_pair
from mmdbsam.datasets.preparation.windowing import PercentileWindow, Window
from mmdbsam.datasets.prepared import FORMAT_VERSION, PreparedData
from mmdbsam.errors import InputError

Areas = dict[int, np.ndarray]


def prepare_dataset(source: str | Path,
                    dest: str | Path,
                    name: str | None = None,
                    window: Window | PercentileWindow | None = None,
                    plan: SplitPlan | None = None,
                    note: str = '',
                    series: Sequence[str] = (),
                    channel: int | None = None,
                    modality: str = 'CT',
                    overwrite: bool = False) -> PreparedData:
    """Turn image and label volumes into a prepared data set.

    All headers are checked before any volume is read. ``dest`` appears only
    once the data set is complete.

    Args:
        source: Folder of images, labels and maybe their names, see
            :func:`~mmdbsam.datasets.preparation.sources.find_pairs` and
            :func:`~mmdbsam.datasets.preparation.label_names.
            read_label_names`.
        dest: Folder to write.
        name: The data set's name, by default the name of ``dest``.
        window: How intensities become 8 bits, by default ``Window()`` for
            CT and ``PercentileWindow()`` for other modalities.
        plan: How the data are split, by default ``SplitPlan()``.
        note: What a reader of a score on these data must know.
        series: Instance UIDs of the DICOM series to take from folders that
            hold several.
        channel: The channel to take of nnU-Net's cases with several.
        modality: What the scans are, as ``'CT'`` or ``'MR'``.
        overwrite: Replace a data set that is already at ``dest``.

    Raises:
        InputError: If the source is not usable or ``dest`` is taken.
    """
    source, dest = Path(source), Path(dest)
    window = window or (Window() if modality == 'CT' else PercentileWindow())
    check_vacant(dest, overwrite)
    names = read_label_names(source)
    readers = Readers(series)
    pairs = find_pairs(source, readers, channel)
    splits = (plan or SplitPlan()).assign({
        pair.name: canonical(
            check_pair(pair.image, pair.label, readers))['size'][2]
        for pair in pairs
    })
    with staged_folder(dest) as folder:
        areas: dict[str, Areas] = {}
        cases = []
        for pair in track(pairs, description='preparing'):
            entry, areas[pair.name] = _write_case(pair, folder, window,
                                                  readers)
            cases.append({**entry, 'splits': splits[pair.name]})
        ids = sorted(set().union(*areas.values()))
        for pair in pairs:
            _write_areas(folder / pair.name, areas[pair.name], ids)
        content = dict(
            format=FORMAT_VERSION,
            name=name or dest.resolve().name,
            modality=modality,
            labels={str(i): names.get(i, f'label_{i}') for i in ids},
            note=note,
            cases=cases)
        (folder / 'dataset.json').write_text(json.dumps(content, indent=1))
    return PreparedData(str(dest))


def check_vacant(dest: Path, overwrite: bool) -> None:
    """Refuse to write over anything but a data set that may be replaced.

    Raises:
        InputError: If ``dest`` holds something that has to stay.
    """
    if not dest.exists() or (dest.is_dir() and not any(dest.iterdir())):
        return
    if not (dest / 'dataset.json').is_file():
        raise InputError(f'{dest}: expected a new or empty folder, found '
                         'something that is not a prepared data set')
    if not overwrite:
        raise InputError(f'{dest}: a prepared data set is already there; '
                         'replace it with --overwrite')


def _write_case(pair: Pair, folder: Path, window: Window | PercentileWindow,
                readers: Readers) -> tuple[dict, Areas]:
    """Write a case's image and label; its areas wait for all cases' ids."""
    volumes = read_pair(pair.image, pair.label, readers)
    fitted = _fit(window, volumes.image, pair)
    target = folder / pair.name
    target.mkdir()
    image = np.lib.format.open_memmap(
        target / 'image.npy', 'w+', np.uint8, volumes.image.shape)
    # Slice by slice, because the window works in floating point.
    for index, values in enumerate(volumes.image):
        image[index] = fitted.apply(values)
    image.flush()
    np.save(target / 'label.npy', volumes.label)
    entry = dict(
        name=pair.name,
        shape=list(volumes.label.shape),
        geometry=volumes.geometry,
        window=dict(level=fitted.level, width=fitted.width),
        source=dict(
            image=f'{pair.image.parent.name}/{pair.image.name}',
            label=f'{pair.label.parent.name}/{pair.label.name}',
            **volumes.source))
    return entry, _areas(volumes.label)


def _fit(window: Window | PercentileWindow, values: np.ndarray,
         pair: Pair) -> Window:
    """The window of a case, whose voxels are finite numbers."""
    broken = np.count_nonzero(~np.isfinite(values))
    if broken:
        raise InputError(f'{pair.image}: expected finite values, found '
                         f'{broken} voxels that are NaN or infinite')
    try:
        return window.fit(values)
    except InputError as error:
        raise InputError(f'{pair.image}: {error}') from error


def _areas(label: np.ndarray) -> Areas:
    """Label id to its pixels in every slice, int32 (D,)."""
    areas: Areas = {}
    for index, label_slice in enumerate(label):
        counts = np.bincount(label_slice.ravel())
        for i in np.flatnonzero(counts[1:]) + 1:
            areas.setdefault(int(i), np.zeros(len(label), np.int32))
            areas[i][index] = counts[i]
    return areas


def _write_areas(case: Path, areas: Areas, ids: list[int]) -> None:
    absent = np.zeros_like(next(iter(areas.values())))
    columns = [areas.get(i, absent) for i in ids]
    np.save(case / 'areas.npy', np.stack(columns, axis=1))
