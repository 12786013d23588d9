"""Tables and names that cannot be used end in one line."""

import pytest
from synthetic import KEEP_ALL

from mmdbsam.cli.inference.box_files import read_boxes
from mmdbsam.engine.config import apply_options, read_config
from mmdbsam.errors import InputError
from mmdbsam.preparation import SplitPlan, prepare_dataset

DEEP = '[' * 100_000


@pytest.fixture
def refused(write_case, tmp_path):
    """Prepare a table of one case and return the one line of complaint."""
    write_case(tmp_path / 'in', 'a.nii.gz')

    def run(**options):
        with pytest.raises(InputError) as error:
            prepare_dataset(tmp_path / 'in/cases.csv', tmp_path / 'out',
                            options=KEEP_ALL,
                            plan=SplitPlan('case', (0, 0, 1)), **options)
        assert '\n' not in str(error.value)
        assert len(str(error.value)) < 1000
        return str(error.value)

    return run


@pytest.mark.parametrize('name', [
    'dataset.json', 'problems.csv', 'origin.json', 'index.safetensors',
    'a\x07b', 'x' * 250, 'a\\b'])
def test_cases_that_no_folder_can_be_named_after(refused, tmp_path, name):
    (tmp_path / 'in/cases.csv').write_text(
        f'image,label,case\nimages/a.nii.gz,labels/a.nii.gz,{name}\n')
    assert 'cases.csv: expected cases whose names' in refused()


def test_a_field_that_is_too_long(refused, tmp_path):
    (tmp_path / 'in/cases.csv').write_text('image,label\n' + 'x' * 200_000)
    assert 'cases.csv: expected a CSV file' in refused()


@pytest.mark.parametrize(('name', 'text'), [
    ('labels.csv', 'id,name\n' + '9' * 5000 + ',liver\n'),
    ('labels.csv', 'id,name\n70000,liver\n'),
    ('labels.csv', 'id,name\n1,' + 'x' * 200_000),
    ('dataset.json', DEEP), ('dataset.json', '{"labels": ' + '9' * 5000),
    ('dataset.json', '{"labels": {"li\\ud800ver": 1}}')])
def test_names_of_labels(refused, tmp_path, name, text):
    (tmp_path / 'in/cases.csv').write_text(
        'image,label\nimages/a.nii.gz,labels/a.nii.gz\n')
    (tmp_path / 'in' / name).write_text(text)
    assert f'{name}: expected' in refused()


@pytest.mark.parametrize('text', [DEEP, 'a: ' + '9' * 5000, '{a: 2000-99-99}',
                                  '? [1]: 2', '"a\\ud800": 1'])
def test_chosen_labels(refused, tmp_path, text):
    (tmp_path / 'in/cases.csv').write_text(
        'image,label\nimages/a.nii.gz,labels/a.nii.gz\n')
    (tmp_path / 'labels.yml').write_text(text)
    assert 'labels.yml: ' in refused(labels=tmp_path / 'labels.yml')


@pytest.mark.parametrize(('name', 'text', 'where'), [
    ('b.csv', 'name,x0,y0,x1,y1\na,0,0,1,1\nb,1,2,nan,4\n', 'line 3: x1'),
    ('b.csv', 'name,x0,y0,x1,y1\na,0,0,1e999,1\n', 'line 2: x1'),
    ('b.csv', 'name,x0,y0,x1,y1\n' + 'x' * 200_000, 'b.csv: expected'),
    ('b.json', '[{"name": "a", "box": [0, 0, NaN, 1]}]', 'entry 1: box'),
    ('b.json', '[{"name": "a\\ud800", "box": [0, 0, 1, 1]}]', 'entry 1'),
    ('b.json', '[{"name": "a", "box": [0, 0, true, 1]}]', 'entry 1: box'),
    ('b.json', '[{"name": "a", "box": [0, 0, 1, %s]}]' % ('9' * 5000),
     'b.json: not valid JSON'),
    ('b.json', DEEP, 'nested too deeply')])
def test_boxes_say_where_they_are_wrong(tmp_path, name, text, where):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as error:
        read_boxes(tmp_path / name)
    assert name in str(error.value) and where in str(error.value)
    assert '\n' not in str(error.value) and len(str(error.value)) < 1000


@pytest.mark.parametrize('key', ['max_epochs', 'batch_size', 'image_size'])
@pytest.mark.parametrize('value', ['x', 0, -1, 1.5, None, True])
def test_shortcuts_are_whole_numbers(repo_root, key, value):
    cfg = read_config(repo_root / 'tests/data/dbsam_tiny_spine.py')
    with pytest.raises(InputError, match=f'{key}: expected a whole number'):
        apply_options(cfg, {key: value})
