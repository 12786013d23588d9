"""The real client of nnInteractive gets what PromptInferencer finds."""

import threading

import numpy as np
import pytest
import SimpleITK as sitk
from letter_volumes import BRIGHT, column
from nnInteractive.inference.remote import (
    nnInteractiveRemoteInferenceSession as Client,
)
from nnInteractive.inference.remote.remote_session import (
    ServerAtCapacityError,
    SessionExpiredError,
)

from mmdbsam.apis import (
    Lasso,
    Scribble,
    SeedBox,
    SeedPoint,
    VolumeBox,
)

# Voxels are longest along the first axis.
SPACING = [2.5, 0.9, 0.7]
IMAGE = np.where(column(), BRIGHT, 0).astype(np.uint8)
BOX = [[15, 16], [10, 20], [11, 19]]
SEED = SeedBox(15, [11, 10, 18, 19])
CORNERS = Lasso(15, np.array([[11, 10], [18, 10], [18, 19], [11, 19]]))
STROKE = np.zeros((32, 32), bool)
STROKE[12:17, 13] = True
LINE = np.zeros((32, 32), bool)
LINE[10:20, 11:19] = True
LINE[11:19, 12:18] = False


@pytest.fixture
def connect(serve, clickable):
    """Connect a client that has sent the image; return it and its mask."""
    clients = []

    def begin(image=IMAGE, spacing=SPACING, dtype=np.uint8, **settings):
        url = serve(clickable, **settings)
        client = Client(url)
        clients.append(client)
        client.set_image(image[None], dict(spacing=np.array(spacing)))
        mask = np.zeros(image.shape, dtype)
        client.set_target_buffer(mask)
        return client, mask

    yield begin
    for client in clients:
        client.close()


def in_volume(flat, index, axis=0):
    """A drawing on a slice, as viewers send it."""
    volume = np.zeros(IMAGE.shape, np.uint8)
    np.moveaxis(volume, axis, 0)[index] = flat
    return volume


def reference(clickable, *prompts, axes='axial'):
    session = clickable.open_volume(IMAGE, axes, spacing=SPACING[::-1])
    one = session.add_object()
    for prompt in prompts:
        session.correct(one, prompt)
    return session.mask(one)


@pytest.mark.parametrize('call, prompt', [
    (lambda c: c.add_bbox_interaction(BOX, True), SEED),
    (lambda c: c.add_bbox_interaction([[15.4, 15.4], [9.7, 20.2],
                                       [18.8, 11.3]], True), SEED),
    (lambda c: c.add_bbox_interaction([[3, 27], [10, 20], [8, 21]], True),
     VolumeBox([8, 10, 3, 20, 19, 26])),
    (lambda c: c.add_point_interaction((15, 14, 13), True),
     SeedPoint(15, [[13, 14]])),
    (lambda c: c.add_scribble_interaction(in_volume(STROKE, 15), True),
     Scribble(15, STROKE)),
    (lambda c: c.add_scribble_interaction(
        np.ones((1, 5, 1), np.uint8), True,
        interaction_bbox=[[15, 16], [12, 17], [13, 14]]),
     Scribble(15, STROKE)),
    (lambda c: c.add_lasso_interaction(in_volume(LINE, 15), True),
     CORNERS),
    (lambda c: c.add_lasso_interaction(
        np.ones((1, 10, 8), bool), True, interaction_bbox=BOX),
     CORNERS),
], ids=['box', 'rough box', '3-D box', 'click', 'stroke', 'part of a stroke',
        'line', 'area'])
def test_each_interaction(connect, clickable, call, prompt):
    client, mask = connect()
    changed = call(client)
    wanted = reference(clickable, prompt)
    np.testing.assert_array_equal(mask, wanted)
    assert wanted.any(axis=(1, 2)).sum() > 20
    places = np.argwhere(wanted)
    assert changed == [*map(list, zip(places.min(0), places.max(0) + 1,
                                      strict=True))]


@pytest.mark.parametrize('axis, plane', [(1, 'coronal'), (2, 'sagittal')])
def test_a_drawing_says_the_plane(connect, clickable, axis, plane):
    client, mask = connect()
    sides = [[5, 25], [10, 20], [11, 19]]
    sides[axis] = [14, 15]
    client.add_bbox_interaction(sides, True)
    flat = [end for i in (2, 1, 0) if i != axis for end in sides[i]]
    box = [flat[0], flat[2], flat[1] - 1, flat[3] - 1]
    wanted = reference(clickable, SeedBox(14, box), axes=plane)
    np.testing.assert_array_equal(mask, wanted)
    assert wanted.any()


def test_clicks_lie_in_slices_across_the_longest_voxels(connect, clickable):
    client, mask = connect(spacing=[1, 2, 1])
    client.add_point_interaction((15, 14, 13), True)
    session = clickable.open_volume(IMAGE, 'coronal', spacing=[1, 2, 1])
    one = session.add_object()
    session.correct(one, SeedPoint(14, [[13, 15]]))
    np.testing.assert_array_equal(mask, session.mask(one))


def test_corrections_and_undo(connect, clickable):
    client, mask = connect(dtype=np.float32)
    client.add_bbox_interaction(BOX, True)
    client.add_point_interaction([15, 17, 17], False)
    away = SeedPoint(15, [[17, 17]], [0])
    both = reference(clickable, SEED, away)
    np.testing.assert_array_equal(mask, both)
    assert client.undo()
    np.testing.assert_array_equal(mask, reference(clickable, SEED))
    assert client.undo() and not mask.any()
    assert not client.undo()


def test_it_goes_on_in_another_plane(connect, clickable):
    """The masks so far stay, and come back when that is taken back."""
    client, mask = connect()
    client.add_bbox_interaction(BOX, True)
    before = mask.copy()
    client.add_point_interaction((15, 14, 13), True)
    session = clickable.open_volume(IMAGE, 'sagittal', spacing=SPACING[::-1])
    one = session.add_object()
    session.give_mask(one, mask > 0)
    stroke = np.zeros(IMAGE.shape[:2], bool)
    stroke[5:25, 14:16] = True
    client.add_scribble_interaction(in_volume(stroke, 15, 2), False)
    session.correct(one, Scribble(15, stroke, is_object=False))
    np.testing.assert_array_equal(mask, session.mask(one))
    assert (mask != before).any()
    assert client.undo() and client.undo()
    np.testing.assert_array_equal(mask, before)
    client.add_point_interaction((15, 14, 13), True)
    assert client.undo()
    np.testing.assert_array_equal(mask, before)


def test_interactions_wait_for_a_prediction(connect, clickable):
    client, mask = connect()
    assert client.add_bbox_interaction(
        BOX, True, run_prediction=False) is None
    client.add_point_interaction([15, 17, 17], False, run_prediction=False)
    client.add_point_interaction([15, 11, 12], False, run_prediction=False)
    assert not mask.any()
    assert client.undo() and not mask.any()
    assert client._predict() is not None
    np.testing.assert_array_equal(mask, reference(
        clickable, SEED,
        SeedPoint(15, [[17, 17]], [0])))
    assert client._predict() is None


def test_a_mask_that_is_given_is_corrected(connect, clickable):
    client, mask = connect()
    given = np.zeros(IMAGE.shape, np.uint8)
    given[15, 10:20, 11:15] = 1
    client.add_initial_seg_interaction(given)
    np.testing.assert_array_equal(mask, given)
    client.add_point_interaction((15, 12, 12), False)
    session = clickable.open_volume(IMAGE, spacing=SPACING[::-1])
    one = session.add_object()
    session.give_mask(one, given)
    session.correct(one, SeedPoint(15, [[12, 12]], [0]))
    np.testing.assert_array_equal(mask, session.mask(one))
    assert client.undo()
    np.testing.assert_array_equal(mask, given)
    assert client.undo() and not mask.any()


def test_the_next_object_and_the_next_image(connect, clickable):
    client, mask = connect()
    client.add_bbox_interaction(BOX, True)
    client.reset_interactions()
    assert not mask.any() and not client.undo()
    client.add_point_interaction((15, 14, 13), True)
    np.testing.assert_array_equal(mask, reference(
        clickable, SeedPoint(15, [[13, 14]])))
    # A new buffer gets all of the mask.
    other = np.zeros_like(mask)
    client.set_target_buffer(other)
    client.add_point_interaction((15, 14, 13), True)
    np.testing.assert_array_equal(mask, other)
    client.set_image(IMAGE[None, :5].astype(np.float16))
    client.set_target_buffer(np.zeros((5, 32, 32), bool))
    client.add_point_interaction((2, 14, 13), True)
    assert client.original_image_shape == (1, 5, 32, 32)
    assert client.target_buffer.any()


@pytest.mark.parametrize('dtype', [
    bool, 'u1', 'i1', 'u2', '>i2', 'i4', 'u4', 'i8', 'u8', 'f4', 'f8'])
def test_images_of_any_dtype(connect, dtype):
    image = (IMAGE[13:18] / BRIGHT).astype(dtype)
    client, mask = connect(image)
    client.add_bbox_interaction([[2, 3], *BOX[1:]], True)
    assert client.original_image_shape == (1, 5, 32, 32)


def test_what_the_client_reads(connect):
    client, _ = connect(max_sessions=1)
    assert client.supported_interactions == dict(
        points=True, bbox2d=True, bbox3d=True, scribble=True, lasso=True)
    assert client.supports_undo and client.supports_initial_label
    assert not client.do_autozoom
    client.set_do_autozoom(True)
    assert client.preferred_scribble_thickness == [3, 3, 3]
    assert client.ping() and 0 < client.heartbeat() <= 1800
    assert client.lease_status()['idle_timeout_seconds'] == 1800
    url = str(client._http.base_url)
    with pytest.raises(ServerAtCapacityError, match='all are in use'):
        Client(url)
    client.close()
    Client(url).close()


def test_an_idle_lease_ends(connect):
    client, _ = connect(idle_timeout=0.2)
    client._stop_heartbeat.wait(0.5)
    with pytest.raises(SessionExpiredError, match='one that has ended'):
        client.add_point_interaction((15, 14, 13), True)


def test_a_long_prediction_keeps_the_client_waiting(connect, clickable,
                                                    monkeypatch):
    """Bytes come while the slices are encoded."""
    monkeypatch.setattr('mmdbsam.serving.viewer_routes._PATIENCE', 0.1)
    encode, may_go_on = clickable.model.encode, threading.Event()
    monkeypatch.setattr(clickable.model, 'encode', lambda images: (
        may_go_on.wait(60), encode(images))[1])
    client, mask = connect()
    client._http.timeout = 2
    threading.Timer(4, may_go_on.set).start()
    changed = client.add_bbox_interaction(BOX, True)
    np.testing.assert_array_equal(mask, reference(
        clickable, SEED))
    assert changed == [[0, 30], [0, 32], [0, 32]]
    assert client.undo() and not mask.any()


def test_on_a_real_scan(serve, tiny_inferencer, repo_root):
    """The tiny model, whose weights are random, on the spine CT."""
    scan = sitk.ReadImage(
        str(repo_root / 'tests/data/ct_spine/images/lumbar.nii.gz'))
    image = sitk.GetArrayFromImage(scan)
    spacing = scan.GetSpacing()
    with Client(serve(tiny_inferencer)) as client:
        client.set_image(image[None], dict(spacing=spacing[::-1]))
        mask = np.zeros(image.shape, np.uint8)
        client.set_target_buffer(mask)
        z, y, x = (size // 2 for size in image.shape)
        client.add_bbox_interaction([[z, z + 1], [y - 9, y + 9],
                                     [x - 9, x + 9]], True)
        wanted = tiny_inferencer.segment_volume(
            image, SeedBox(z, [x - 9, y - 9, x + 8, y + 8]), spacing=spacing)
        np.testing.assert_array_equal(mask, wanted.mask(0))
        assert mask.any()
        client.add_bbox_interaction([[z, z + 1], [y - 9, y + 5],
                                     [x - 9, x + 5]], True)
        session = tiny_inferencer.open_volume(image, spacing=spacing)
        one = session.add_object()
        session.correct(one, SeedBox(z, [x - 9, y - 9, x + 8, y + 8]))
        session.correct(one, SeedBox(z, [x - 9, y - 9, x + 4, y + 4]))
        np.testing.assert_array_equal(mask, session.mask(one))
