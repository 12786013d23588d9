"""compare_reports.py finds the known differences of reports."""

import json
import re

import cv2
import numpy as np
import pytest
from pages import Page

from mmdbsam.errors import InputError
from mmdbsam.evaluation import VolumeMetric
from mmdbsam.reports.comparison import compare
from mmdbsam.reports.report import read_report

# The number of paired rows: all labels of all blocks.
ROWS = 8


def perfect(mask, case, z, label_id):
    return mask


def shifted(mask, case, z, label_id):
    """Shift a mask by two pixels in both axes."""
    return np.roll(mask, 2, axis=(0, 1))


def one_better(mask, case, z, label_id):
    """Shift masks, except those of a label of a case."""
    right = case == 'second' and label_id == 3
    return mask if right else shifted(mask, case, z, label_id)


@pytest.fixture(scope='session')
def reports(prepared, make_samples, evaluate, tmp_path_factory):
    """Write a report of each of the predictions above, by name."""
    base = tmp_path_factory.mktemp('reports')
    for predict in (perfect, shifted, one_better):
        evaluate(VolumeMetric(prepared.root, 'test', min_volume=3,
                              baselines=True),
                 make_samples(predict), base / predict.__name__,
                 dict(config=f'configs/{predict.__name__}.py'))
    return base


@pytest.fixture
def run(command, tmp_path):
    """Compare reports, and return the folder with the results."""

    def run(*folders, options=()):
        command('compare', *folders, '--out', tmp_path / 'out', *options)
        return tmp_path / 'out'

    return run


def cells(text):
    """Read markdown's tables, by their rows' first cells."""
    rows = [[cell.strip() for cell in line.strip('|').split('|')]
            for line in text.splitlines() if line.startswith('|')]
    return {row[0]: row[1:] for row in rows}


def test_a_regression_is_flagged(reports, run, capsys):
    """Every score of predictions that are moved by two pixels falls."""
    out = run(reports / 'perfect', reports / 'shifted')
    summary = json.loads((reports / 'shifted/summary.json').read_text())
    printed = capsys.readouterr().out
    text = (out / 'comparison.md').read_text()
    for metric in ('DSC', 'NSD'):
        loss = 100 * (1 - summary['scores']['model'][metric])
        line = re.compile(
            rf'{metric}: shifted is worse than perfect by {loss:.2f} '
            r'\[([\d.]+), ([\d.]+)\] points, p = ([\d.]+)')
        for place in (printed, text, Page(
                (out / 'comparison.html').read_text()).text):
            low, high, p = map(float, line.search(place).groups())
            assert 0 < low < loss < high
            # All eight signs are alike: 2 / 2^8, for two tests.
            assert p == pytest.approx(2 * 2 / 2**8, abs=5e-4)
    assert f'0 / 0 / {ROWS}' in text
    tex = (out / 'comparison.tex').read_text()
    assert r'\begin{longtable}' in tex and f'-{loss:.2f}' in tex


def test_the_other_way_round_it_is_better(reports, run):
    text = (run(reports / 'shifted', reports / 'perfect')
            / 'comparison.md').read_text()
    assert 'DSC: perfect is better than shifted by ' in text
    assert f'{ROWS} / 0 / 0' in text


def test_identical_runs_are_not(reports, run):
    out = run(reports / 'shifted', reports / 'shifted')
    text = (out / 'comparison.md').read_text()
    folder = str(reports / 'shifted')
    assert f'DSC: {folder} equals {folder} in all {ROWS} volumes' in text
    assert 'worse' not in text and 'better' not in text
    assert f'0 / {ROWS} / 0' in text and '+0.00 [+0.00, +0.00]' in text
    assert sorted(path.name for path in out.iterdir()) == [
        'comparison.html', 'comparison.md', 'comparison.tex']


def test_one_volume_of_eight_is_no_clear_difference(reports, run):
    text = (run(reports / 'shifted', reports / 'one_better')
            / 'comparison.md').read_text()
    assert re.search(r'DSC: no clear difference of one_better from shifted: '
                     r'\+[\d.]+ \[\+0.00, \+[\d.]+\] points, p = 1.000', text)


def test_tests_are_corrected_together(reports):
    """There are four tests, of which two have the same smallest p."""
    found = compare([read_report(reports / name) for name
                     in ('shifted', 'perfect', 'one_better')])
    assert [(d.report, d.shown.name) for d in found] == [
        (1, 'DSC'), (1, 'NSD'), (2, 'DSC'), (2, 'NSD')]
    assert [d.adjusted_p for d in found] == pytest.approx(
        [4 * 2 / 2**8, 4 * 2 / 2**8, 1, 1])
    assert [d.is_clear for d in found] == [True, True, False, False]


def test_labels_are_listed_by_what_they_lost(reports, run):
    out = run(reports / 'perfect', reports / 'shifted')
    found = compare([read_report(reports / name) for name
                     in ('perfect', 'shifted')], by_label=True)
    # A label has two or three volumes: too few for a test.
    assert not any(d.tested or d.is_clear for d in found)
    page = Page((out / 'comparison.html').read_text())
    table = next(t for t in page.tables if t[0][0] == 'label')
    losses = [float(row[4]) for row in table[1:]]
    assert losses == sorted(losses) and len(losses) == 3
    assert {row[5] for row in table[1:]} == {'–'}


def test_scores_and_pictures_side_by_side(reports, run, capsys):
    out = run(reports / 'perfect', reports / 'one_better')
    summary = json.loads((reports / 'one_better/summary.json').read_text())
    dsc = f'{100 * summary["scores"]["model"]["DSC"]:.2f} ['
    for text in ((out / 'comparison.md').read_text(),
                 capsys.readouterr().out):
        table = cells(text)
        assert table['perfect'][0] == '100.00 [100.00, 100.00]' or (
            table['filled box'][-1] == str(ROWS))
        assert dsc in text and 'Drawn, not scanned.' in text
    # Three losses; a volume that did not change is not shown.
    picture = cv2.imread(str(out / 'comparison.png'))
    assert picture.shape[:2] == (3 * 444, 2 * 384)
    page = Page((out / 'comparison.html').read_text())
    assert page.pictures == [(768, 888)] * 6
    assert all(link.startswith(('data:', '#')) for link in page.links)


def test_without_the_data_there_are_no_pictures(reports, prepared, run,
                                                tmp_path):
    moved = tmp_path / 'moved'
    moved.mkdir()
    for name in ('summary.json', 'cases.csv'):
        text = (reports / 'perfect' / name).read_text()
        (moved / name).write_text(text.replace(prepared.root, '/nowhere'))
    out = run(moved, reports / 'shifted')
    assert not (out / 'comparison.png').exists()
    for kind in ('md', 'html'):
        assert 'give --data-root' in (out / f'comparison.{kind}').read_text()
    with pytest.raises(InputError, match='moved/predictions.npz: expected'):
        run(moved, reports / 'shifted',
            options=['--data-root', prepared.root])


@pytest.mark.parametrize('name, old, new, message', [
    ('summary.json', '"tolerance": 2.0', '"tolerance": 1.0',
     'tolerance: expected 2.0 as in .*, found 1.0'),
    ('summary.json', '"task": "phantom"', '"task": "other"',
     "task: expected 'phantom' as in .*, found 'other'"),
    ('cases.csv', 'second,0,5,3,spleen,model', 'third,0,5,3,spleen,model',
     "cases: expected 'spleen' in slices 0 to 5 of case second as in .*, "
     'found none'),
    ('cases.csv', r'(second,0,5,3,spleen,\w+),\d+', r'\1,7',
     "reference: expected .* voxels of 'spleen' .*, found 7"),
    ('cases.csv', r'(second,0,5,3,spleen,box,.*),0\.\d+,', r'\1,0.5,',
     'data or prompts: expected a DSC of .* for the box of .*, found 0.5'),
])
def test_what_was_not_measured_alike_is_refused(reports, run, tmp_path, name,
                                                old, new, message):
    other = tmp_path / 'other'
    other.mkdir()
    for file in ('summary.json', 'cases.csv'):
        text = (reports / 'shifted' / file).read_text()
        if file == name:
            text, changes = re.subn(old, new, text)
            assert changes
        (other / file).write_text(text)
    with pytest.raises(InputError, match=message) as error:
        run(reports / 'perfect', other)
    assert '\n' not in str(error.value)
    assert not (tmp_path / 'out').exists()


def test_a_folder_that_is_no_report_is_named(run, tmp_path):
    with pytest.raises(InputError, match='summary.json: expected to read it'):
        run(tmp_path, tmp_path)
    assert not (tmp_path / 'out').exists()
