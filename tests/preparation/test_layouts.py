"""The source folders of nnU-Net and the Medical Segmentation Decathlon."""

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from synthetic import KEEP_ALL, volume

from mmdbsam.errors import InputError
from mmdbsam.preparation import CaseOptions, SplitPlan, prepare_dataset

NAMES = {1: 'liver', 2: 'left kidney'}


@pytest.fixture
def source(tmp_path):
    """A folder in nnU-Net's layout with two channels of one of three cases."""
    folder = tmp_path / 'in'
    for name in ('imagesTr', 'labelsTr', 'imagesTs'):
        (folder / name).mkdir(parents=True)
    label = np.zeros((4, 6, 8))
    label[1:3, 2:4, 2:5] = 1
    label[2, 4:, 5:] = 2
    for name in ('a_0000', 'b_0000', 'b_0001', 'c_0000'):
        grey = 100 * label + 10 * int(name[-1])
        sitk.WriteImage(volume(grey),
                        str(folder / f'imagesTr/{name}.nii.gz'))
    for name in 'abc':
        sitk.WriteImage(volume(label.astype(np.uint8)),
                        str(folder / f'labelsTr/{name}.nii.gz'))
    return folder


def write_json(source, labels):
    (source / 'dataset.json').write_text(json.dumps(dict(labels=labels)))


@pytest.mark.parametrize('labels', [
    {'background': 0, 'liver': 1, 'left kidney': 2},
    {'0': 'background', '1': 'liver', '2': 'left kidney'}],
    ids=['nnU-Net', 'Decathlon'])
@pytest.mark.parametrize('channel', [0, 1])
def test_cases_and_names(source, tmp_path, labels, channel):
    write_json(source, labels)
    prepared = prepare_dataset(source, tmp_path / 'out',
                               options=replace(KEEP_ALL, channel=channel),
                               plan=SplitPlan('slices', (0, 0, 1), blocks=1))
    data = prepared.data
    assert data.labels == NAMES
    # Another channel than the wanted one shows something else.
    names = 'abc' if channel == 0 else 'b'
    assert [case.name for case in data.cases] == list(names)
    assert sorted(prepared.problems) == sorted({*'abc'} - {*names})
    case = data.cases[names.index('b')]
    assert case.image().min() == np.rint((160 + 10 * channel) / 400 * 255)
    assert case.source['image'] == f'imagesTr/b_000{channel}.nii.gz'


def test_decathlon_names_have_no_channel(source, tmp_path):
    (source / 'imagesTr/b_0001.nii.gz').unlink()
    for name in 'abc':
        (source / f'imagesTr/{name}_0000.nii.gz').rename(
            source / f'imagesTr/{name}.nii.gz')
    # A name of that form is no channel if the label has it too.
    for folder in ('imagesTr', 'labelsTr'):
        (source / folder / 'a.nii.gz').rename(
            source / folder / 'a_0001.nii.gz')
    data = prepare_dataset(source, tmp_path / 'out', options=KEEP_ALL).data
    assert [case.name for case in data.cases] == ['a_0001', 'b', 'c']


@pytest.mark.parametrize('labels, message', [
    ({'tumour': [1, 2]}, "found the region 'tumour' of [1, 2]"),
    ({'liver': 1, 'kidney': 1}, "found '1' for 'kidney'"),
    ({'liver': 'one'}, "found 'one' for 'liver'"),
    (None, "expected JSON with an object 'labels'"),
])
def test_bad_names_are_refused(source, tmp_path, labels, message):
    write_json(source, labels)
    with pytest.raises(InputError) as error:
        prepare_dataset(source, tmp_path / 'out',
                        options=CaseOptions(channel=0))
    assert 'dataset.json: ' in str(error.value)
    assert message in str(error.value)


def test_a_channel_must_be_there(source, tmp_path):
    with pytest.raises(InputError, match="one channel of case 'a', found 0"):
        prepare_dataset(source, tmp_path / 'out',
                        options=replace(KEEP_ALL, channel=2))


def test_a_channel_must_be_chosen(source, tmp_path):
    """Where a case has only one, it is that."""
    prepared = prepare_dataset(source, tmp_path / 'out', options=KEEP_ALL,
                               plan=SplitPlan('slices', (0, 0, 1), blocks=1))
    assert [case.name for case in prepared.data.cases] == ['a', 'c']
    assert list(prepared.problems) == ['b']
    assert ("expected one channel of case 'b', found 0 (b_0000.nii.gz), 1 "
            '(b_0001.nii.gz); choose with --channel N'
            ) in prepared.problems['b']


def test_a_folder_of_labels_is_missing(source, tmp_path):
    (source / 'labelsTr').rename(source / 'labels')
    with pytest.raises(InputError, match='labelsTr: expected a folder'):
        prepare_dataset(source, tmp_path / 'out')
