"""The page in a browser, with a model whose masks are known."""

import re
import time

import numpy as np
import pytest
import SimpleITK as sitk
from browser import browsing
from dicom_files import write_slices
from letter_volumes import as_image, column

from mmdbsam.geometry.grids import geometry_of

COLUMN = column()
# A box about the column on slice 15: columns and rows of two corners.
CORNERS = ((11, 10), (18, 19))


@pytest.fixture
def root(tmp_path):
    root = tmp_path / 'scans'
    root.mkdir()
    sitk.WriteImage(as_image(COLUMN), root / 'column.nii.gz')
    return root


@pytest.fixture
def url(serve, clickable, root):
    return serve(clickable, root=root)


@pytest.fixture
def viewer(url):
    """A page that shows slice 15 of the column."""
    with browsing(url) as viewer:
        viewer.open('column')
        viewer.turn_to(15)
        yield viewer


def masks_in(path):
    """The ids of a saved file as the page shows slices, (D, H, W)."""
    return sitk.GetArrayFromImage(sitk.DICOMOrient(sitk.ReadImage(path),
                                                   'LPS'))


def test_an_object_is_found_followed_corrected_and_saved(viewer, tmp_path,
                                                         root):
    viewer.drag(*CORNERS)
    viewer.says('Answered')
    viewer.locate('#objects .size').to_have_text(
        re.compile(r'0\.13 mL · 1 slice$'))
    viewer.click(12, 11, button='right')
    viewer.says('Answered')
    viewer.page.click('#follow')
    viewer.says('Followed through')
    viewer.locate('#objects .size').to_have_text(re.compile('30 slices'))
    cut = masks_in(viewer.save('.nii.gz', tmp_path / 'cut.nii.gz'))
    assert not cut[15, 11, 12] and cut[15, 18, 17]
    # The click is undone, with all that followed from it.
    viewer.page.click('#undo')
    viewer.says('Undone')
    viewer.locate('#objects .size').to_have_text(re.compile('1 slice$'))
    viewer.page.click('#follow')
    viewer.says('Followed through')
    viewer.turn_to(22)
    viewer.page.click('[data-tool=erase]')
    viewer.drag((16, 12), (18, 12))
    viewer.says('Painted')
    path = viewer.save('.seg.nrrd', tmp_path / 'saved.seg.nrrd')
    saved, image = sitk.ReadImage(path), sitk.ReadImage(root / 'column.nii.gz')
    for key, values in geometry_of(image).items():
        np.testing.assert_allclose(geometry_of(saved)[key], values, atol=1e-5)
    found = masks_in(path) == 1
    assert not found[22, 12, 16:19].any() and found[22, 18, 17]
    np.testing.assert_array_equal(np.delete(found, 22, 0),
                                  np.delete(COLUMN, 22, 0))


def test_keys_alone_do_it_too(url, tmp_path):
    with browsing(url) as viewer:
        viewer.locate('#server-files button').to_be_visible()
        viewer.key('Tab', 'Tab', 'Tab', 'Enter')
        viewer.shows_scan()
        # The cursor is in the middle of the scan.
        viewer.cursor = (16, 16)
        viewer.cursor_to(*CORNERS[0])
        viewer.key('b', 'Space')
        viewer.cursor_to(*CORNERS[1])
        viewer.key('Space')
        viewer.says('Answered')
        viewer.cursor = (14, 14)
        viewer.key('c')
        viewer.cursor_to(12, 11)
        viewer.key('Shift+Space')
        viewer.says('Answered')
        viewer.key('u')
        viewer.says('Undone')
        viewer.key('Control+y')
        viewer.says('Done again')
        viewer.key('f')
        viewer.says('Followed through')
        viewer.key('j', 'e')
        viewer.cursor_to(13, 18)
        viewer.key('Space', 'ArrowRight', 'ArrowRight', 'Space')
        viewer.says('Painted')
        viewer.key('k', 'a')
        viewer.says('Slice 16 stays as it is')
        viewer.key('r')
        viewer.page.keyboard.type('pillar')
        viewer.key('Enter', 'v')
        viewer.locate('#objects .eye').to_have_attribute('aria-pressed',
                                                         'false')
        viewer.key('v', '?')
        viewer.locate('#help').to_be_visible()
        viewer.key('Escape', 'Control+s')
        with viewer.page.expect_download() as download:
            viewer.key('Enter')
        download.value.save_as(tmp_path / 'saved.seg.nrrd')
    image = sitk.ReadImage(tmp_path / 'saved.seg.nrrd')
    assert image.GetMetaData('Segment0_Name') == 'pillar'
    found = masks_in(tmp_path / 'saved.seg.nrrd') == 1
    assert found[15, 18, 14] and not found[15, 11, 12]
    assert not found[16, 18, 13:16].any() and found[16, 12, 14]


def test_lines_and_boxes_of_two_slices(viewer, tmp_path):
    viewer.page.click('[data-tool=lasso]')
    viewer.drag((9, 8), (20, 8), (20, 21), (9, 21), (9, 9))
    viewer.says('Answered')
    viewer.key('n')
    viewer.locate('#objects li').to_have_count(2)
    viewer.page.click('[data-tool=scribble]')
    viewer.drag((13, 13), (15, 16))
    viewer.says('Answered')
    viewer.key('n')
    viewer.locate('#objects li').to_have_count(3)
    viewer.page.click('[data-tool=span]')
    viewer.turn_to(8)
    viewer.drag((7, 8), (20, 21))
    viewer.says('last slice')
    viewer.turn_to(20)
    viewer.drag((9, 8), (20, 21))
    viewer.says('Followed through')
    path = viewer.save('.seg.nrrd', tmp_path / 'saved.seg.nrrd')
    found = masks_in(path)
    # Where objects overlap, the smallest is saved.
    np.testing.assert_array_equal(found[8:15] == 3, COLUMN[8:15])
    assert not found[:8].any() and not found[21:].any()
    np.testing.assert_array_equal(found[15] > 0, COLUMN[15])
    assert (found[15] == 2).sum() > 10 and (found[15] == 1).sum() > 10


def test_objects_that_are_removed_come_back(viewer, tmp_path):
    viewer.drag(*CORNERS)
    viewer.says('Answered')
    viewer.page.click('#objects .remove')
    viewer.says('was removed')
    viewer.locate('#objects li').to_have_count(0)
    viewer.page.click('#undo')
    viewer.says('Undone')
    viewer.locate('#objects .size').to_have_text(re.compile('1 slice$'))
    found = masks_in(viewer.save('.nii.gz', tmp_path / 'saved.nii.gz'))
    np.testing.assert_array_equal(found[15] == 1, COLUMN[15])
    # Before the box, there was an object without a mask, and before it none.
    for left in (1, 0):
        viewer.page.click('#undo')
        viewer.locate('#objects li').to_have_count(left)
    viewer.locate('#undo').to_be_disabled()


def test_work_goes_on_after_the_page_is_loaded_again(viewer):
    viewer.drag(*CORNERS)
    viewer.says('Answered')
    viewer.page.reload()
    viewer.shows_scan()
    viewer.says('segmented before')
    viewer.locate('#objects .size').to_have_text(re.compile('1 slice$'))
    viewer.locate('#large').to_have_attribute('data-slice', '15')


def test_saved_segmentations_and_scans_are_dropped_on_the_page(viewer,
                                                               tmp_path, root):
    viewer.drag(*CORNERS)
    viewer.says('Answered')
    path = viewer.save('.seg.nrrd', tmp_path / 'saved.seg.nrrd')
    page = viewer.page
    page.set_input_files('#choose-segmentation', path)
    viewer.says('saved.seg.nrrd was opened')
    viewer.locate('#objects li').to_have_count(2)
    page.set_input_files('#choose-files', root / 'column.nii.gz')
    viewer.locate('#objects li').to_have_count(0)
    viewer.locate('#scan-name').to_have_text('column.nii.gz')
    viewer.turn_to(15)
    drop = page.evaluate_handle('''bytes => {
      const all = new DataTransfer();
      all.items.add(new File([new Uint8Array(bytes)], 'dropped.seg.nrrd'));
      return all;
    }''', [*path.read_bytes()])
    page.dispatch_event('#large', 'drop', dict(dataTransfer=drop))
    viewer.says('dropped.seg.nrrd was opened')
    viewer.locate('#objects .size').to_have_text(re.compile('1 slice$'))


def drop(page, path):
    """Drop a file or folder of the disk on the page, as a user's mouse does.
    """
    devtools = page.context.new_cdp_session(page)
    for kind in ('dragEnter', 'dragOver', 'drop'):
        devtools.send('Input.dispatchDragEvent', dict(
            type=kind, x=400, y=300, data=dict(
                items=[], files=[str(path)], dragOperationsMask=1)))


@pytest.mark.parametrize('give', [
    drop, lambda page, path: page.set_input_files('#choose-folder', path)])
def test_a_folder_of_dicom_is_opened_and_saved_as_seg(url, tmp_path, give):
    stored = np.where(COLUMN, 200, -1000).astype(np.int16)
    series = write_slices(tmp_path / 'series', stored, np.arange(30.))
    with browsing(url) as viewer:
        viewer.locate('#server-files button').to_be_visible()
        give(viewer.page, series)
        viewer.shows_scan()
        viewer.turn_to(15)
        viewer.drag(*CORNERS)
        viewer.says('Answered')
        viewer.page.click('#follow')
        viewer.says('Followed through')
        path = viewer.save('.seg.dcm', tmp_path / 'saved.seg.dcm')
        drop(viewer.page, path)
        viewer.says('saved.seg.dcm was opened')
        viewer.locate('#objects li').to_have_count(2)
        found = masks_in(viewer.save('.nii.gz', tmp_path / 'saved.nii.gz'))
    np.testing.assert_array_equal(found > 0, COLUMN)


def test_planes_windows_and_zoom(viewer):
    page, depth = viewer.page, 30
    viewer.enlarge('coronal')
    shown = viewer.shown()
    # Voxels of 0.7 x 2.5 mm have that aspect.
    ratio = float(shown['height']) / float(shown['width'])
    assert ratio == pytest.approx(2.5 / 0.7, rel=1e-6)
    # A click on another plane is one on an axial slice; the feet are below.
    page.click('[data-tool=click]')
    viewer.click(12, depth - 1 - 7)
    viewer.says('Answered')
    viewer.enlarge('axial')
    viewer.locate('#large').to_have_attribute('data-slice', '7')
    viewer.locate('#objects .size').to_have_text(re.compile('1 slice$'))
    # Boxes are refused on other planes, in one line.
    viewer.enlarge('sagittal')
    page.click('[data-tool=box]')
    viewer.drag((10, 10), (20, 20))
    viewer.says('Box: use it on axial slices')
    viewer.enlarge('axial')
    before, shown = viewer.at(12, 12), viewer.shown()
    page.mouse.move(*before)
    page.keyboard.down('Control')
    page.mouse.wheel(0, -200)
    page.keyboard.up('Control')
    viewer.locate('#large').not_to_have_attribute('data-width',
                                                  shown['width'])
    assert viewer.at(12, 12) == pytest.approx(before, abs=1.5)
    assert float(viewer.shown()['width']) > float(shown['width'])
    page.mouse.wheel(0, -120)
    viewer.locate('#large').not_to_have_attribute('data-slice', '7')
    preset = page.input_value('#presets')
    viewer.key('w')
    assert page.input_value('#presets') != preset
    viewer.page.click('[data-tool=window]')
    viewer.drag((10, 10), (12, 14))
    assert page.input_value('#presets') == '-1'


def test_following_is_stopped(serve, clickable, root, monkeypatch):
    encode = clickable.fake.encode_image
    monkeypatch.setattr(clickable.model.model, 'encode_image', lambda images: (
        time.sleep(0.2), encode(images))[1])
    with browsing(serve(clickable, root=root)) as viewer:
        viewer.open('column')
        viewer.drag(*CORNERS)
        viewer.says('Answered')
        viewer.key('f')
        viewer.says(r'Following: \d')
        viewer.page.click('#stop')
        viewer.says('Following stopped after')
        text = viewer.page.text_content('#said')
        count = int(re.search(r'\d+', text)[0])
        assert 0 < count < 28
        size = viewer.page.text_content('#objects .size')
        assert count < int(re.search(r'(\d+) slices', size)[1]) <= count + 3
        # The scan is at hand for more.
        viewer.key('u')
        viewer.says('Undone')


def test_a_session_that_ended_is_opened_again(serve, clickable, root):
    with browsing(serve(clickable, root=root, idle_timeout=4)) as viewer:
        viewer.open('column')
        viewer.turn_to(15)
        viewer.drag(*CORNERS)
        viewer.says('Answered')
        viewer.says('session has ended')
        viewer.key('n')
        viewer.says('opened again')
        viewer.locate('#objects .size').to_have_text(re.compile('1 slice$'))
        viewer.locate('#large').to_have_attribute('data-slice', '15')
        viewer.drag((10, 10), (18, 19))
        viewer.says('Answered')
        # The browser itself logs the status of the answer.
        assert all('status of 410' in one for one in viewer.problems)
        viewer.problems.clear()


def test_the_key_is_asked_for(serve, clickable, root):
    url = serve(clickable, root=root, api_key='open sesame')
    with browsing(url) as viewer:
        for key, said in (('wrong', 'not accepted'), ('open sesame', '')):
            viewer.locate('#key').to_be_visible()
            viewer.page.fill('#key-value', key)
            viewer.page.click('#key-send')
            if said:
                viewer.locate('#key-error').to_have_text(re.compile(said))
        viewer.open('column')
        assert all('status of 401' in one for one in viewer.problems)
        viewer.problems.clear()


def test_errors_are_said_in_one_quiet_line(viewer):
    viewer.page.click('[data-tool=click]')
    # A click on the background of nothing is refused.
    viewer.click(3, 3, button='right')
    viewer.says('expected a prompt on the object first')
    assert viewer.page.locator('#said').get_attribute('class') == 'error'
    # The browser itself logs the status of the answer.
    assert all('status of 400' in one for one in viewer.problems)
    viewer.problems.clear()
