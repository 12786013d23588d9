"""``mmdbsam browse``: samples and label statistics."""

import base64
import csv
import json
import re
import shutil
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from mmengine.registry import init_default_scope

from mmdbsam.datasets import SampleKey
from mmdbsam.errors import run_cli
from mmdbsam.registry import DATASETS
from mmdbsam.reports.browse import draw_sample, spread
from mmdbsam.reports.browse.label_statistics import box_sizes
from mmdbsam.structures.colours import label_colour
from mmdbsam.visualization import Tile, draw_contact_sheet, draw_prompts

TOOL = 'analysis_tools/browse_dataset.py'
CONFIG = 'tests/data/dbsam_tiny_spine.py'
FILES = ['index.html', 'label_statistics.csv', 'samples.png']
# A name that HTML and matplotlib's formulas would take for their own.
ODD_NAME = '<b>&"$x^$'


@pytest.fixture
def browse(command, repo_root):
    """A function that runs the command in this process.

    Its arguments are the data root, the folder and the options.
    """

    def run(data_root, out, *args):
        run_cli(lambda: command(
            'browse', repo_root / CONFIG, '--out', out, *args,
            '--cfg-options', f'data_root={data_root}'))

    return run


def copy_with(source, dest, change):
    """Copy a prepared data set of one case and change its dataset.json."""
    shutil.copytree(source, dest)
    path = dest / 'dataset.json'
    content = json.loads(path.read_text())
    change(content)
    old, = (folder for folder in dest.iterdir() if folder.is_dir())
    old.rename(dest / content['cases'][0]['name'])
    path.write_text(json.dumps(content))
    return content


class Page(HTMLParser):
    """A page's tags with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ''
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def images(self):
        """The pictures, uint8 BGR."""
        data = [attributes['src'].split('base64,')[1]
                for tag, attributes in self.tags if tag == 'img']
        return [cv2.imdecode(np.frombuffer(base64.b64decode(code), np.uint8),
                             cv2.IMREAD_COLOR) for code in data]


def coloured(picture, label_id):
    """The pixels, bool (h, w), that have the colour of a label."""
    rgb = 255 * np.array(to_rgb(label_colour(label_id)))
    return np.abs(picture.astype(float) - rgb).max(axis=-1) < 50


def near(mask, distance):
    """The pixels at most so far from those of a mask."""
    kernel = np.ones((2 * distance + 1, ) * 2, np.uint8)
    return cv2.dilate(mask.astype(np.uint8), kernel) > 0


def border(mask):
    """The pixels of a mask that touch pixels outside it."""
    padded = np.pad(mask.astype(np.uint8), 1)
    return (cv2.erode(padded, np.ones((3, 3), np.uint8))
            < padded)[1:-1, 1:-1]


def frame(box, shape):
    """The pixels of a box, bool (h, w)."""
    x0, y0, x1, y1 = np.rint(box).astype(int).tolist()
    return cv2.rectangle(np.zeros(shape, np.uint8), (x0, y0), (x1, y1), 1) > 0


def test_contours_and_boxes_are_drawn_where_they_lie():
    masks = np.zeros((2, 100, 100), bool)
    masks[0, 10:40, 20:60] = True
    masks[1, 60:, 70:] = True  # to the edges
    boxes = np.array([[15, 5, 70, 50], [60, 55, 99, 99]])
    image = np.full((100, 100, 3), 90, np.uint8)
    picture = draw_prompts(image, boxes, [21, 22], masks, side=400)
    assert picture.dtype == np.uint8 and picture.shape == (400, 400, 3)
    for mask, box, label_id in zip(masks, boxes, (21, 22), strict=True):
        found = coloured(picture, label_id)
        outline = border(mask.repeat(4, 0).repeat(4, 1))
        lines = frame(4 * box + 1.5, (400, 400))
        assert near(found, 3)[outline].all()
        # A box is dashed.
        assert near(found, 5)[lines].all()
        assert not (found & ~near(outline | lines, 3)).any()
    without_masks = draw_prompts(image, boxes, [21, 22], side=400)
    found = coloured(without_masks, 21)
    assert found.any()
    assert not (found & ~near(frame(4 * boxes[0] + 1.5, (400, 400)), 3)).any()


def test_a_picture_without_prompts_is_the_image_and_its_padding():
    image = np.full((60, 100, 3), 90, np.uint8)
    picture = draw_prompts(image, np.zeros((0, 4)), [], side=200)
    assert (picture[:119] == 90).all()
    assert (picture[121:] == picture[-1, -1]).all()
    assert picture[-1, -1].max() < 40


def test_neighbouring_labels_differ_and_none_is_dark():
    colours = np.array([to_rgb(label_colour(i)) for i in range(1, 120)])
    for step in (1, 2, 3, 4):
        apart = np.abs(colours[step:] - colours[:-step]).max(axis=1)
        assert apart.min() > 0.2
    assert (colours @ (0.2126, 0.7152, 0.0722)).min() > 0.4
    assert label_colour(22) == label_colour(22)


def test_samples_are_drawn_as_the_pipeline_makes_them(
        tiny_cfg, prepared_spine):
    init_default_scope('mmdbsam')
    settings = tiny_cfg.train_dataloader.dataset
    settings.data_root = str(prepared_spine)
    dataset = DATASETS.build(settings)
    for index in (0, 8, 20):
        key = SampleKey(3, 0, index)
        sample, packed = draw_sample(dataset, key), dataset[key]
        about = packed['data_samples']
        side = len(sample.picture)
        for mask, label_id in zip(about.gt_instances.masks.numpy(),
                                  about.prompts.labels.tolist(), strict=True):
            mask = cv2.resize(mask, (side, side),
                              interpolation=cv2.INTER_NEAREST_EXACT)
            # Contours of several labels can hide one another.
            seen = near(coloured(sample.picture, label_id), 4)[border(mask)]
            assert seen.mean() > 0.8
            assert label_id in sample.labels
        assert sample.has_masks and sample.slice_index == about.slice_index
        assert ('flipped' in sample.title) == about.flip


def test_a_sheet_shows_every_tile_and_stays_within_its_width():
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 255, (8, 60, 60, 3), dtype=np.uint8)
    names = [(i, f'{ODD_NAME} {i}' * 20) for i in range(1, 30)]
    tiles = [Tile(picture, ODD_NAME * 20, names[:i * i])
             for i, picture in enumerate(pictures, 1)]
    sheet = draw_contact_sheet(tiles, ODD_NAME, 'eight')
    places = set()
    for picture in pictures:
        distance = cv2.matchTemplate(sheet, picture, cv2.TM_SQDIFF)
        y, x = np.unravel_index(distance.argmin(), distance.shape)
        assert (sheet[y:y + 60, x:x + 60] == picture).all()
        places.add((x, y))
    assert len(places) == 8
    picture = np.zeros((400, 400, 3), np.uint8)
    for count in (1, 7, 30):
        tiles = [Tile(picture, 'case', [(1, 'liver')])] * count
        assert draw_contact_sheet(tiles, 'many', '').shape[1] <= 2548


def test_boxes_span_the_layers_of_a_slice():
    layers = np.zeros((2, 8, 9), np.uint16)
    layers[0, 2, 3] = layers[1, 5, 1] = 300
    layers[0, 0:3, 8] = 7
    assert box_sizes(layers) == {7: (1, 3), 300: (3, 4)}


def test_statistics_are_those_of_the_label_arrays(browse, prepared_spine,
                                                  tmp_path, capsys):
    browse(prepared_spine, tmp_path / 'out', '--samples', 1)
    with open(tmp_path / 'out/label_statistics.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    content = json.loads((prepared_spine / 'dataset.json').read_text())
    case, = content['cases']
    label = np.load(prepared_spine / case['name'] / 'label.npy')[0]
    voxel = np.prod(case['geometry']['spacing']) / 1000
    wanted = [(i, split) for i in content['labels']
              for split in ('train', 'val', 'test')]
    assert [(row['label_id'], row['split']) for row in rows] == wanted
    printed = capsys.readouterr().out.splitlines()
    for row in rows:
        slices = [np.argwhere(label[z] == int(row['label_id']))
                  for start, stop in case['splits'][row['split']]
                  for z in range(start, stop)]
        shown = [points for points in slices if len(points)]
        voxels = sum(map(len, shown))
        assert row['task'] == content['name']
        assert row['label'] == content['labels'][row['label_id']]
        assert int(row['cases']) == bool(shown)
        assert int(row['slices']) == len(shown)
        assert int(row['voxels']) == voxels
        assert float(row['volume_ml']) == pytest.approx(voxels * voxel,
                                                        abs=1e-4)
        for side, axis in (('width', 1), ('height', 0)):
            found = [row[f'{side}_{what}'] for what in
                     ('min', 'median', 'max')]
            sizes = [np.ptp(points[:, axis]) + 1 for points in shown]
            assert found == [''] * 3 if not shown else [
                float(x) for x in found
            ] == [min(sizes), np.median(sizes), max(sizes)]
        line, = (line for line in printed if line.split()[:2] == [
            row['label'], row['split']])
        assert line.split()[2:5] == [row['cases'], row['slices'],
                                     row['voxels']]


def test_the_seed_decides_what_is_shown(browse, prepared_spine, tmp_path):
    outs, slices, pictures = {}, {}, {}
    for name, seed, count in (('a', 5, 3), ('b', 5, 3), ('c', 6, 3),
                              ('all', 5, 99), ('d', 6, 99)):
        browse(prepared_spine, tmp_path / name, '--samples', count, '--seed',
               seed)
        outs[name] = {path.name: path.read_bytes()
                      for path in (tmp_path / name).iterdir()}
        page = Page(outs[name]['index.html'].decode())
        slices[name] = re.findall(r'slice (\d+)', page.text)
        pictures[name] = np.stack(page.images())
    assert sorted(outs['a']) == FILES
    assert outs['a'] == outs['b']
    # The seed chooses the slices, and what the pipeline makes of them.
    assert slices['a'] != slices['c'] and slices['all'] == slices['d']
    assert (pictures['all'] != pictures['d']).any()
    browse(prepared_spine, tmp_path / 'c', '--samples', 3, '--seed', 5)
    assert (tmp_path / 'c/samples.png').read_bytes() == outs['a'][
        'samples.png']
    # Nothing of a temporary name is left.
    assert {path.name for path in tmp_path.iterdir()} == outs.keys()


def test_slices_are_spread_and_none_is_shown_twice():
    for total, count in ((29, 24), (7, 7), (1000, 24), (5, 1)):
        for seed in range(5):
            indices = np.array(spread(total, count, seed))
            assert len(set(indices)) == count and indices.max() < total
            assert np.diff(indices).max(initial=0) < 2 * total / count + 2


def test_page_needs_nothing_outside_it(browse, prepared_spine, tmp_path,
                                       capsys):
    def rename(content):
        content.update(name=ODD_NAME, note='<script>')
        content['cases'][0]['name'] = ODD_NAME
        content['labels'] = {key: f'{name} {ODD_NAME}' for key, name
                             in content['labels'].items()}

    copy_with(prepared_spine, tmp_path / 'data/odd', rename)
    plain = copy_with(prepared_spine, tmp_path / 'data/plain',
                      lambda content: None)
    name, case = plain['name'], plain['cases'][0]['name']
    browse(tmp_path / 'data', tmp_path / 'out', '--samples', 4)
    text = (tmp_path / 'out/index.html').read_text()
    page = Page(text)
    images = page.images()
    assert len(images) == 4
    sheet = cv2.imread(str(tmp_path / 'out/samples.png'))
    for image in images:
        distance = cv2.matchTemplate(sheet, image, cv2.TM_SQDIFF)
        y, x = np.unravel_index(distance.argmin(), distance.shape)
        assert (sheet[y:y + 400, x:x + 400] == image).all()
    for tag, attributes in page.tags:
        assert tag not in ('script', 'iframe')
        assert not {'srcset', 'onload'} & attributes.keys()
        for address in ('src', 'href'):
            assert attributes.get(address, 'data:').startswith('data:')
    rest = ''.join(part.split('"', 1)[-1] for part
                   in text.split('data:image/png;base64,'))
    for outside in ('http', '//', 'url(', '@import'):
        assert outside not in rest
    # Both data sets are in the samples and in the tables.
    for wanted in (f'{ODD_NAME}: {ODD_NAME}, slice', f'{name}: {case}, slice',
                   f'Labels of {ODD_NAME}', f'Labels of {name}', '<script>',
                   f'vertebra_L3 {ODD_NAME}'):
        assert wanted in page.text
    assert str(tmp_path / 'out/index.html') in capsys.readouterr().out


def test_fewer_slices_and_no_masks_are_said(browse, prepared_spine, tmp_path,
                                            capsys):
    browse(prepared_spine, tmp_path / 'out', '--split', 'val', '--samples', 9)
    out = capsys.readouterr().out
    assert "note: 4 samples instead of 9: split 'val' has no more" in out
    assert 'note: boxes only' in out
    page = Page((tmp_path / 'out/index.html').read_text())
    assert len(page.images()) == 4 and 'boxes only' in page.text


def test_bad_input_is_one_line(browse, run_tool, prepared_spine, tmp_path):
    def only_training(content):
        splits = content['cases'][0]['splits']
        content['cases'][0]['splits'] = dict(train=splits['train'])

    copy_with(prepared_spine, tmp_path / 'data', only_training)
    (tmp_path / 'thesis').mkdir()
    (tmp_path / 'thesis/chapter.tex').write_text('years of work')
    for out, args, message in [
        ('out', ['--split', 'val'], "split 'val' has no slice"),
        ('out', ['--samples', 0], '--samples 0: expected at least 1'),
        ('out', ['--seed', -1], '--seed -1: expected at least 0'),
        ('thesis', [], 'found a folder with chapter.tex'),
        ('thesis/chapter.tex', [], 'expected a folder, found a file'),
    ]:
        with pytest.raises(SystemExit) as stopped:
            browse(tmp_path / 'data', tmp_path / out, *args)
        line = stopped.value.code
        assert line.startswith('error: ') and message in line
        assert len(line.splitlines()) == 1
    assert (tmp_path / 'thesis/chapter.tex').read_text() == 'years of work'
    assert not (tmp_path / 'out').exists()
    done = run_tool(TOOL, 'none.py')
    assert done.returncode == 1
    assert done.stderr == 'error: config none.py: no such file\n'
