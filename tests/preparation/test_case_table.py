"""Sources that are a CSV file."""

import pytest
from synthetic import KEEP_ALL

from mmdbsam.errors import InputError
from mmdbsam.preparation import prepare_dataset

ROWS = ['a,images/a.nii.gz,labels/a.nii.gz,train,p1',
        'two,images/b b.nii.gz,labels/b b.nii.gz,val,p2',
        'c,images/c.nii.gz,labels/c.nii.gz,test,p3']


@pytest.fixture
def table(write_case, tmp_path):
    """Write a table of three cases, and prepare it."""
    for name in ('a', 'b b', 'c'):
        write_case(tmp_path / 'in', f'{name}.nii.gz')

    def run(rows, header='case,image,label,split,group', **options):
        path = tmp_path / 'in/cases.csv'
        path.write_text('\n'.join([header, *rows, '']), encoding='utf-8')
        return prepare_dataset(path, tmp_path / 'out', options=KEEP_ALL,
                               **options)

    return run


def test_cases_and_given_splits(table):
    data = table(ROWS).data
    assert {case.name: list(case.splits) for case in data.cases} == {
        'a': ['train'], 'two': ['val'], 'c': ['test']}


def test_names_follow_the_files(table, tmp_path):
    (tmp_path / 'in/labels.csv').write_text('id,name\n1,heart\n')
    data = table(['images/b b.nii.gz,labels/b b.nii.gz',
                  'images/a.nii.gz,labels/a.nii.gz',
                  'images/c.nii.gz,labels/c.nii.gz'], 'image,label').data
    assert [case.name for case in data.cases] == ['a', 'b b', 'c']
    assert data.labels == {1: 'heart'}


@pytest.mark.parametrize('rows, message', [
    (['a,../x.nii.gz,labels/a.nii.gz,,'], "line 2: image: expected a path "
     "inside the table's folder, found '../x.nii.gz'"),
    (['a,images/a.nii.gz,/etc/passwd,,'], "label: expected a path inside the "
     "table's folder, found '/etc/passwd'; allow others with "
     '--allow-absolute-paths'),
    (['a,images/a.nii.gz,,,'], "label: expected a path inside the table's "
     "folder, found ''"),
    ([ROWS[0], 'a,images/c.nii.gz,labels/c.nii.gz,,'], 'line 3: expected a '
     "case of its own, found 'a' again"),
    (['../a,images/a.nii.gz,labels/a.nii.gz,,'], 'expected a case that can '
     "name a folder, found '../a'"),
    (['a,images/a.nii.gz,labels/a.nii.gz,dev,'], 'expected the split train, '
     "val, test or nothing, found 'dev'"),
    ([], 'expected a line for each case, found none'),
    ([*ROWS[:2], 'c,images/c.nii.gz,labels/c.nii.gz,,'], "case 'c': expected "
     'a split, as other cases of the source have one, found none'),
    ([*ROWS[:2], 'c,images/c.nii.gz,labels/c.nii.gz,test,p1'], "group 'p1': "
     'expected one split, found test, train'),
])
def test_bad_lines_are_refused(table, tmp_path, rows, message):
    with pytest.raises(InputError) as error:
        table(rows)
    assert message in str(error.value) and '\n' not in str(error.value)
    assert {p.name for p in tmp_path.iterdir()} == {'in'}


def test_missing_columns_and_other_bytes(table, tmp_path):
    with pytest.raises(InputError, match='columns image,label, found a,b'):
        table(['1,2'], 'a,b')
    (tmp_path / 'in/cases.csv').write_bytes(b'image,label\n\xff\xfe,\n')
    with pytest.raises(InputError, match='expected a CSV file in UTF-8'):
        prepare_dataset(tmp_path / 'in/cases.csv', tmp_path / 'out')


def test_absolute_paths_on_demand(table, tmp_path):
    rows = [f'{name},{tmp_path}/in/images/{file}.nii.gz,'
            f'{tmp_path}/in/labels/../labels/{file}.nii.gz,{split},'
            for name, file, split in (('a', 'a', 'train'), ('b', 'b b', 'val'),
                                      ('c', 'c', 'test'))]
    assert len(table(rows, absolute_paths=True).data.cases) == 3


def test_a_missing_file_is_a_problem_of_its_case(table, tmp_path):
    (tmp_path / 'in/labels/a.nii.gz').unlink()
    found = table(ROWS)
    assert list(found.problems) == ['a']
    assert 'labels/a.nii.gz: expected a file or folder, found none' in (
        found.problems['a'])
