"""Tables and names of files as other systems write them."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from synthetic import KEEP_ALL, volume

from mmdbsam.cli.inference.box_files import read_boxes
from mmdbsam.errors import InputError
from mmdbsam.io.tables import read_table, read_text
from mmdbsam.preparation import SplitPlan, prepare_dataset
from mmdbsam.preparation.label_names import read_label_names

CASES = Path(__file__).parents[3] / 'shared/cases'
needs_cases = pytest.mark.skipif(not CASES.exists(),
                                 reason='no ../shared/cases')
ALL = SplitPlan(fractions=(0, 0, 1))
SCAN = np.arange(120).reshape(4, 5, 6).astype(np.int16)


@pytest.mark.parametrize('encoding', [
    'utf-8', 'utf-8-sig', 'utf-16', 'utf-32', 'latin-1', 'cp1252'])
@pytest.mark.parametrize('end', ['\n', '\r\n', '\r'])
@pytest.mark.parametrize('delimiter', [',', ';', '\t'])
def test_names_in_any_table(tmp_path, encoding, end, delimiter):
    rows = [('ID', ' Name'), ('1', '"Großhirn, links"'), ('', ''),
            ('2', ' Milz ')]
    text = end.join(delimiter.join(row) for row in rows) + end
    (tmp_path / 'labels.csv').write_bytes(text.encode(encoding))
    assert read_label_names(tmp_path) == {1: 'Großhirn, links', 2: 'Milz'}


def test_marks_of_big_endian_text(tmp_path):
    path = tmp_path / 'a.csv'
    path.write_bytes(b'\xfe\xff' + 'id,ß'.encode('utf-16-be'))
    assert read_text(path) == 'id,ß'


@pytest.mark.parametrize('content', [
    b'\xff\xfei\0d', b'\xff\xfe\0\xd8\0\xd8', b'\x81\xff', b'', b'\0\1\2'])
def test_what_is_no_table(tmp_path, content):
    """It ends in one line that names the file."""
    (tmp_path / 'labels.csv').write_bytes(content)
    with pytest.raises(InputError, match=r'^.*labels.csv: expected .*$'):
        read_label_names(tmp_path)


def test_lines_of_other_lengths(tmp_path):
    path = tmp_path / 'a.csv'
    path.write_text('b,a\n1\n2,3,4\n,\n')
    assert list(read_table(path, ['a'])) == [
        (f'{path}: line 2', dict(b='1', a='')),
        (f'{path}: line 3', dict(b='2', a='3'))]


def test_boxes_with_decimal_commas(tmp_path):
    path = tmp_path / 'boxes.csv'
    path.write_bytes('name;x0;y0;x1;y1;slice\r\nMäppchen;-1,5;2;3,25;4e1;7'
                     '\r\n;;;;;\r\n'.encode('cp1252'))
    row, = read_boxes(path)
    assert row.name == 'Mäppchen' and row.slice == 7
    assert row.box == (-1.5, 2, 3.25, 40)


@pytest.mark.parametrize('told', ['sep={}', 'SEP={}', '"sep={}"'])
@pytest.mark.parametrize('delimiter', [',', ';', '\t'])
def test_the_first_line_of_excel(tmp_path, told, delimiter):
    (tmp_path / 'labels.csv').write_text('\n'.join([
        told.format(delimiter), delimiter.join(['id', 'name']),
        delimiter.join(['1', '"liver, left; x"']), delimiter.join('x2')]))
    with pytest.raises(InputError, match="line 4: .* found 'x'"):
        read_label_names(tmp_path)
    (tmp_path / 'labels.csv').write_text((tmp_path / 'labels.csv').read_text(
        ).rpartition('\n')[0])
    assert read_label_names(tmp_path) == {1: 'liver, left; x'}


@pytest.mark.parametrize('told', ['', 'sep=;\n', 'sep=\t\n'])
def test_boxes_of_any_spreadsheet(tmp_path, told):
    """Columns may be empty at the end, and commas decimal."""
    delimiter = '\t' if '\t' in told else ';'
    path = tmp_path / 'boxes.csv'
    path.write_text(told + '\n'.join(map(delimiter.join, (
        ['name', 'x0', 'y0', 'x1', 'y1', ' slice', '', ''],
        ['a', '1,5', '"2"', '3', '4', '7', '', ''], [''] * 8))))
    row, = read_boxes(path)
    assert row.box == (1.5, 2, 3, 4) and row.slice == 7
    path.write_text(path.read_text() + f'\nb{delimiter}1{delimiter}2')
    with pytest.raises(InputError, match='expected 6 values, found 3'):
        read_boxes(path)


@pytest.mark.parametrize('image, label', [
    ('images\\ä.nii.gz', 'labels\\ä.nii.gz'),
    ('images/ä.nii.gz', '"labels/ä.nii.gz"'),
    (unicodedata.normalize('NFD', 'images/ä.nii.gz'), 'labels/ä.nii.gz')])
def test_paths_of_other_systems(tmp_path, image, label):
    for folder, array in (('images', SCAN), ('labels', SCAN > 50)):
        (tmp_path / folder).mkdir()
        sitk.WriteImage(volume(array.astype(np.int16)),
                        str(tmp_path / folder / 'ä.nii.gz'))
    table = tmp_path / 'cases.csv'
    table.write_text(f'Image;Label\n{image};{label}\n', encoding='utf-8')
    prepared = prepare_dataset(table, tmp_path / 'out', options=KEEP_ALL,
                               plan=ALL)
    assert not prepared.problems and prepared.written == ['ä']
    table.write_text('image,label\n..\\x.nii.gz,labels\\ä.nii.gz\n')
    (tmp_path.parent / 'x.nii.gz').write_text('')
    with pytest.raises(InputError, match='inside the table'):
        prepare_dataset(table, tmp_path / 'out2', options=KEEP_ALL, plan=ALL)


@pytest.mark.parametrize('forms', [('NFC', 'NFD'), ('NFD', 'NFC'),
                                   ('NFD', 'NFD')])
def test_letters_that_are_spelled_otherwise(tmp_path, forms):
    """macOS and other systems write the same name in two ways."""
    for folder, array, form in (('images', SCAN, forms[0]),
                                ('labels', SCAN > 50, forms[1])):
        (tmp_path / 'in' / folder).mkdir(parents=True)
        name = unicodedata.normalize(form, 'größe é 肝.nii.gz')
        sitk.WriteImage(volume(array.astype(np.int16)),
                        str(tmp_path / 'in' / folder / name))
    prepared = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                               options=KEEP_ALL, plan=ALL)
    assert not prepared.problems
    assert prepared.written == [unicodedata.normalize('NFC', 'größe é 肝')]


def test_what_systems_leave_in_folders(tmp_path):
    for folder, array in (('images', SCAN), ('labels', SCAN > 50)):
        place = tmp_path / 'in' / folder
        (place / '__MACOSX').mkdir(parents=True)
        (place / '@eaDir/c.nii.gz').mkdir(parents=True)
        for name in ('lost+found', '#recycle', 'RECYCLER'):
            (place / name).mkdir()
        sitk.WriteImage(volume(array.astype(np.int16)),
                        str(place / 'c.nii.gz'))
        for name in ('._c.nii.gz', '.DS_Store', 'Thumbs.db', 'desktop.ini',
                     '__MACOSX/._c.nii.gz'):
            (place / name).write_bytes(b'x')
    prepared = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                               options=KEEP_ALL, plan=ALL)
    assert not prepared.problems and prepared.written == ['c']


@needs_cases
@pytest.mark.parametrize('case, labels', [
    ('08_tables/utf16', ['liver']), ('08_tables/latin1', ['Großhirn']),
    ('08_tables/totalseg', ['liver']), ('15_macos', ['label_1'])])
def test_reported_folders(tmp_path, case, labels):
    prepared = prepare_dataset(CASES / case, tmp_path / 'out',
                               options=KEEP_ALL, plan=ALL)
    assert not prepared.problems
    assert list(prepared.data.labels.values()) == labels


@pytest.mark.parametrize('encoding', ['utf-16-le', 'utf-16-be', 'utf-32-le'])
def test_text_without_its_mark(tmp_path, encoding):
    path = tmp_path / 'labels.csv'
    path.write_bytes('id,name\n1,liver\n'.encode(encoding))
    with pytest.raises(InputError, match='labels.csv: .*without a mark'):
        read_label_names(tmp_path)


def test_an_id_without_a_name(tmp_path):
    """It is as if the table did not have it."""
    (tmp_path / 'labels.csv').write_text('id,name\n1,\n2,liver\n3, \n')
    assert read_label_names(tmp_path) == {2: 'liver'}
