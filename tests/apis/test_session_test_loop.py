"""Sessions of clicks in three dimensions, played to the end."""

import json

import numpy as np
import pytest
from letter_volumes import as_image

from mmdbsam.apis import PropagationRule, VolumeBox
from mmdbsam.apis.volume.session_test_loop import play_session
from mmdbsam.evaluation.sessions import curve_key

SPACING = (2.5, 0.9, 0.7)
RULE = PropagationRule(min_area=4)


def unpacked(masks, shape):
    """The masks of slices as a volume."""
    volume = np.zeros(shape, bool)
    for z, mask in masks.items():
        mask.paste(volume[z], (0, 0))
    return volume


@pytest.fixture
def scene():
    """A column, beside which something as bright is no part of it."""
    reference = np.zeros((20, 32, 32), bool)
    reference[3:17, 10:20, 8:16] = True
    image = reference.copy()
    image[6:12, 10:20, 16:24] = True
    return reference, as_image(image)


@pytest.mark.parametrize('has_box', [False, True])
def test_each_click_answers_the_largest_error(clickable, scene, has_box):
    reference, image = scene
    session = clickable.open_volume(image, propagation=RULE)
    masks, clicks = play_session(session, reference, SPACING, 4, has_box)
    volumes = [unpacked(mask, reference.shape) for mask in masks]
    assert len(volumes) == 4 + has_box and not session.objects
    before = volumes[:1] if has_box else [np.zeros_like(reference)]
    for (x, y, z, kind), mask in zip(clicks, before + volumes[has_box:],
                                     strict=False):
        if kind < 0:
            assert (mask == reference).all()
            continue
        place = int(z), int(y), int(x)
        assert mask[place] != reference[place] and kind == reference[place]
    if has_box:
        wanted = clickable.segment_volume(
            image, VolumeBox([8, 10, 3, 15, 19, 16]), propagation=RULE)
        np.testing.assert_array_equal(volumes[0], wanted.mask(0))
    else:
        assert clicks[0].tolist()[2:] == [9, 1]


def test_an_object_without_errors_gets_no_further_click(clickable):
    reference = np.zeros((20, 32, 32), bool)
    reference[3:17, 10:20, 8:16] = True
    session = clickable.open_volume(as_image(reference), propagation=RULE)
    masks, clicks = play_session(session, reference, SPACING, 3, True)
    assert (clicks[:, 3] == -1).all() and len(masks) == 4
    for mask in masks:
        np.testing.assert_array_equal(unpacked(mask, reference.shape),
                                      reference)


@pytest.mark.parametrize('prompt, turns', [
    ('interactive3d:2', [1, 2]), ('interactive3d:box+1', [0, 1])])
def test_a_whole_test(command, repo_root, prepared_spine, tiny_checkpoint,
                      tmp_path, monkeypatch, prompt, turns):
    monkeypatch.chdir(repo_root)
    command('test', 'tests/data/dbsam_tiny_spine.py', tiny_checkpoint,
            '--work-dir', tmp_path / 'work', '--report', tmp_path / 'report',
            '--prompt', prompt, '--cfg-options',
            f'data_root={prepared_spine}', 'test_evaluator.scores=[DSC]')
    summary = json.loads((tmp_path / 'report/summary.json').read_text())
    assert summary['protocol']['turns'] == turns
    assert 'label and block' in summary['protocol']['prompt']
    means = summary['scores']['model']
    assert means['DSC'] == means[curve_key('DSC', turns[-1])]
    assert means['DSC_AUC'] >= 0 and means['n'] > 1
    assert (tmp_path / 'report/overlays/session.png').is_file()
