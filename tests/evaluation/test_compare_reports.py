"""tools/analysis_tools/compare_reports.py on two reports."""

import json

import cv2
import numpy as np
import pytest

from mmdbsam.errors import InputError
from mmdbsam.evaluation import VolumeMetric


@pytest.fixture
def reports(prepared, make_samples, evaluate, tmp_path):
    """One of perfect, one of empty predictions, on the same volumes."""
    folders = []
    for name, factor in (('perfect', True), ('empty', False)):
        folder = tmp_path / name
        evaluate(VolumeMetric(
            prepared.root, 'test', min_volume=50, report_dir=str(folder),
            overlays_of=str(folders[0]) if folders else None,
            provenance=dict(config=f'configs/{name}.py')),
            make_samples(lambda mask, *_, f=factor: mask & f))
        folders.append(folder)
    return folders


@pytest.fixture
def compare(load_tool, monkeypatch, tmp_path):
    tool = load_tool('analysis_tools/compare_reports.py')

    def run(*folders):
        monkeypatch.setattr('sys.argv', [
            'x', *map(str, folders), '--out', str(tmp_path / 'out')])
        tool.main()
        return tmp_path / 'out'

    return run


def cells(text):
    rows = [[cell.strip() for cell in line.strip('|').split('|')]
            for line in text.splitlines() if line.startswith('|')]
    return {row[0]: row[1:] for row in rows}


def test_rows_and_pictures_side_by_side(reports, compare, capsys):
    out = compare(*reports)
    text = (out / 'comparison.md').read_text()
    for table in (cells(text), cells(capsys.readouterr().out)):
        assert table['perfect'] == ['100.00', '100.00', '6']
        assert table['empty'] == ['0.00', '0.00', '6']
        summary = json.loads((reports[1] / 'summary.json').read_text())
        box = summary['scores']['box']
        assert table['filled box'][0] == f'{100 * box["DSC"]:.2f}'
    assert '> Drawn, not scanned.' in text
    assert sorted(path.name for path in out.iterdir()) == [
        'comparison.md', 'comparison.png']
    picture = cv2.imread(str(out / 'comparison.png'))
    for column, report in enumerate(reports):
        for row, name in enumerate(('best', 'median', 'worst')):
            part = cv2.imread(str(report / f'overlays/{name}.png'))[::2, ::2]
            height, width = part.shape[:2]
            np.testing.assert_array_equal(
                picture[row * height:][:height, column * width:][:, :width],
                part)


@pytest.mark.parametrize('old, new, message', [
    ('"tolerance": 2.0', '"tolerance": 1.0', 'tolerance: expected 2'),
    ('"task": "phantom"', '"task": "other"', "task: expected 'phantom'"),
    ('"label_id": 1', '"label_id": 2', 'overlays: expected'),
])
def test_what_was_not_measured_alike_is_refused(reports, compare, old, new,
                                                message):
    path = reports[1] / 'summary.json'
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        compare(*reports)


def test_a_folder_that_is_no_report_is_named(compare, tmp_path):
    with pytest.raises(InputError, match='summary.json: expected a report'):
        compare(tmp_path)
    assert not (tmp_path / 'out').exists()
