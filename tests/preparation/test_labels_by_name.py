"""Which label a file is by its name, and what is left out with a word."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from synthetic import KEEP_ALL, volume

from mmdbsam.errors import InputError
from mmdbsam.preparation import SplitPlan, prepare_dataset

SCAN = np.random.default_rng(0).integers(0, 99, (4, 5, 6)).astype(np.int16)
ALL = SplitPlan(fractions=(0, 0, 1))


@pytest.fixture
def prepared(tmp_path):
    """Prepare images and labels of these paths, each at a place of its own."""

    def prepare(images, labels):
        for i, name in enumerate([*images, *labels]):
            mask = np.zeros(SCAN.shape, np.uint8)
            mask.ravel()[10 * i:10 * i + 10] = 1
            path = tmp_path / 'in' / name
            path.parent.mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(volume(SCAN if name in images else mask),
                            str(path))
        return prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                               options=KEEP_ALL, plan=ALL)

    return prepare


def labels_of(prepared):
    """The names of the labels of each case."""
    return {case.name: {prepared.data.labels[int(i)] for layer in range(
        case.label().shape[0]) for i in np.unique(case.label()[layer]) if i}
        for case in prepared.data.cases}


def test_a_number_may_belong_to_a_name(prepared):
    """Vertebrae are no objects of one structure."""
    found = prepared(['images/a.nrrd', 'images/b.nrrd'], [
        'labels/a_L1.nrrd', 'labels/a_L2.nrrd', 'labels/b_L2.nrrd',
        'labels/b_rib_1.nrrd', 'labels/b_rib_2.nrrd'])
    assert labels_of(found) == dict(a={'L1', 'L2'}, b={'L2', 'rib', 'rib 2'})


@pytest.mark.parametrize('names, wanted', [
    (['{0}/{0}_liver.nrrd', '{0}/{0}_spleen.nrrd'], {'liver', 'spleen'}),
    (['{0}/{0}.nrrd'], {'label_1'}), (['{0}/{0}_seg.nrrd'], {'label_1'}),
    (['{0}/liver.nrrd', '{0}/more/tumour.nrrd'], {'liver', 'tumour'}),
    (['{0}-liver.nrrd', '{0}-spleen.nrrd'], {'liver', 'spleen'}),
    (['{0}.nrrd.nrrd'], {'label_1'})])
def test_the_name_of_the_case_is_none_of_a_structure(prepared, names, wanted):
    found = prepared(['images/p1.nrrd', 'images/p2.nrrd'], [
        'labels/' + name.format(case) for case in ('p1', 'p2')
        for name in names])
    assert not found.problems
    assert labels_of(found) == dict(p1=wanted, p2=wanted)


def test_kinds_that_nobody_reads_are_told_of(prepared, tmp_path):
    for folder, suffix in (('images', 'mgz'), ('labels', 'hdr')):
        (tmp_path / 'in' / folder).mkdir(parents=True)
        (tmp_path / 'in' / folder / f'b.{suffix}').write_bytes(b'x')
        (tmp_path / 'in' / folder / 'README.txt').write_text('x')
    found = prepared(['images/a.nrrd'], ['labels/a.nrrd'])
    assert found.written == ['a'] and list(found.problems) == ['b']
    assert 'found another kind of file' in found.problems['b']


def test_an_image_without_the_chosen_volume_is_told_of(prepared, tmp_path):
    prepared(['images/a.nrrd', 'images/b.nrrd'],
             ['labels/a.nrrd', 'labels/b.nrrd'])
    sitk.WriteImage(sitk.JoinSeries([volume(SCAN), volume(SCAN[::-1])]),
                    str(tmp_path / 'in/images/a.nrrd'))
    found = prepare_dataset(
        tmp_path / 'in', tmp_path / 'chosen', plan=ALL,
        options=replace(KEEP_ALL, channel=1))
    assert found.written == ['a'] and list(found.problems) == ['b']
    assert 'of which --channel 1 chooses one, found one' in (
        found.problems['b'])


def test_a_scan_without_structures_is_told_of(prepared):
    found = prepared(['s1/ct.nii.gz', 's2/ct.nii.gz'],
                     ['s1/segmentations/liver.nii.gz'])
    assert found.written == ['s1'] and list(found.problems) == ['s2']
    assert 'segmentations: expected files of' in found.problems['s2']


def test_a_name_belongs_to_one_label(prepared, tmp_path):
    (tmp_path / 'in').mkdir()
    table = tmp_path / 'in/labels.csv'
    table.write_text('id,name\n1.0,liver\n2.0,liver\n')
    with pytest.raises(InputError, match="found 'liver' 2 times; labels are "
                       'merged by --labels'):
        prepared(['images/a.nrrd'], ['labels/a.nrrd'])
    table.write_text('id,name\n1.0,liver\n2.,spleen\n')
    assert labels_of(prepared(['images/a.nrrd'], ['labels/a.nrrd'])) == dict(
        a={'liver'})


def test_splits_in_capitals(prepared, tmp_path):
    prepared(['images/a.nrrd', 'images/b.nrrd'],
             ['labels/a.nrrd', 'labels/b.nrrd'])
    table = tmp_path / 'in/cases.csv'
    table.write_text('image,label,split\nimages/a.nrrd,labels/a.nrrd,Train\n'
                     'images/b.nrrd,labels/b.nrrd,TEST\n')
    data = prepare_dataset(table, tmp_path / 'other', options=KEEP_ALL).data
    assert [[*case.splits] for case in data.cases] == [['train'], ['test']]
