"""The workspace as a data set."""

import os
import time

import numpy as np
import pytest

from mmdbsam.preparation import CaseOptions, SplitPlan, prepare_dataset
from mmdbsam.serving import annotations

BOX = [11, 10, 18, 19]


def wait_until_saved(api):
    while not api('GET', 'progress?slice=15')['saved']:
        pass


def test_what_was_saved_is_a_data_set(opened, tmp_path):
    opened.prompt(1, kind='box', slice=15, box=BOX)
    opened.follow(1, 15)
    opened('PATCH', 'objects/1', json=dict(name='column'))
    mask = opened.mask(1)
    wait_until_saved(opened)
    prepared = prepare_dataset(
        tmp_path / 'workspace', tmp_path / 'data', plan=SplitPlan('slices'),
        options=CaseOptions(min_volume=0, min_area=0))
    assert prepared is not None
    label = np.load(tmp_path / 'data/column/label.npy').squeeze()
    np.testing.assert_array_equal(label == 1, mask)
    assert '"column"' in (tmp_path / 'data/dataset.json').read_text()
    # An object that was removed leaves the data set.
    opened('DELETE', 'objects/1')
    wait_until_saved(opened)
    assert not [*(tmp_path / 'workspace/labels').iterdir()]
    assert not [*(tmp_path / 'workspace/images').iterdir()]


@pytest.mark.parametrize('links', ['hard', 'symbolic', 'none'])
def test_a_scan_is_there_once_however_it_is_stored(opened, tmp_path, links,
                                                   monkeypatch):
    def refuse(source, target):
        raise OSError('no links')

    for name in ('link', 'symlink')[:('hard', 'symbolic', 'none').index(
            links)]:
        monkeypatch.setattr(annotations.os, name, refuse)
    for z in (15, 16):
        opened.prompt(1, kind='box', slice=z, box=BOX)
        wait_until_saved(opened)
    for folder in ('images', 'labels'):
        one, = (tmp_path / 'workspace' / folder).iterdir()
        assert one.name.startswith('column.')
    assert os.path.islink(tmp_path / 'workspace/images/column.nii.gz') == (
        links == 'symbolic')


def test_the_page_is_told_if_a_label_is_not_written(opened, monkeypatch):
    write, tried = annotations.Annotations.write, []

    def refuse(*args):
        tried.append(args)
        raise OSError('no space')

    monkeypatch.setattr(annotations, '_PAUSE', 0.05)
    monkeypatch.setattr(annotations.Annotations, 'write', refuse)
    opened.prompt(1, kind='box', slice=15, box=BOX)
    while not tried:
        pass
    # By then, nothing waits any more, also not for an earlier change's turn.
    time.sleep(2)
    assert not opened('GET', 'progress?slice=15')['saved']
    # The next change tries again.
    monkeypatch.setattr(annotations.Annotations, 'write', write)
    opened.prompt(1, kind='box', slice=16, box=BOX)
    wait_until_saved(opened)
