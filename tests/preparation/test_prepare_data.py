"""tools/prepare_data.py: what it writes."""

import json

import numpy as np
import SimpleITK as sitk
from synthetic import volume

from mmdbsam.datasets import PreparedData


def test_tool_writes_the_format(run_tool, repo_root, tmp_path):
    source = repo_root / 'tests/data/ct_spine'
    dest = tmp_path / 'spine'
    result = run_tool('prepare_data.py', source, dest, '--note', 'A crop.',
                      '--window', '300', '1500', '--min-volume', '0',
                      '--min-area', '0')
    assert result.returncode == 0, result.stderr
    assert 'vertebra_L2, vertebra_L3, vertebra_L4' in result.stdout
    assert 'slices            29       4       8' in result.stdout
    content = json.loads((dest / 'dataset.json').read_text())
    assert content['name'] == 'spine'
    assert content['note'] == 'A crop.'
    assert content['cases'][0]['windows'] == [
        {'level': 300, 'width': 1500}]
    case = content['cases'][0]
    assert case['shape'] == [47, 73, 73]
    assert case['source']['orientation'] == 'PIR'
    assert case['source']['image'] == 'images/lumbar.nii.gz'

    scan = sitk.GetArrayFromImage(sitk.DICOMOrient(
        sitk.ReadImage(str(source / 'images/lumbar.nii.gz')), 'LPS'))
    image = PreparedData(dest).case('lumbar').image()
    expected = np.clip((scan + 450.) / 1500 * 255, 0, 255)
    assert image.dtype == np.uint8
    assert abs(image - expected).max() <= 0.5 + 1e-4


def test_areas_have_one_column_for_every_label_of_any_case(
        write_case, command, tmp_path):
    for name, ids in (('a', (3, 1)), ('b', (300,)), ('c', (1, 7))):
        label = np.zeros((20, 10, 10), np.uint16)
        for row, i in enumerate(ids):
            label[2:5, row, :row + 4] = i
        write_case(tmp_path / 'in', f'{name}.nii.gz', label=volume(label))
    (tmp_path / 'in/labels.csv').write_text(
        'id,name\n1,liver\n7,"spleen, left"\n9,unseen\n')
    command('prepare', tmp_path / 'in', tmp_path / 'out', '--min-volume', 0,
            '--min-area', 0)
    data = PreparedData(tmp_path / 'out')
    assert data.labels == {1: 'liver', 3: 'label_3', 7: 'spleen, left',
                           300: 'label_300'}
    assert data.case('b').label().dtype == np.uint16
    for case in data.cases:
        expected = [(case.label() == i).sum(axis=(0, 2, 3))
                    for i in data.labels]
        np.testing.assert_array_equal(case.areas(), np.transpose(expected))
        assert case.areas().dtype == np.int32
