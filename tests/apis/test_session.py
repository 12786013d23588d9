"""Objects of a volume are prompted, corrected, undone, kept and read."""

import json

import numpy as np
import pytest
from letter_volumes import as_image, column

from mmdbsam.apis import (
    Lasso,
    PropagationRule,
    Scribble,
    SeedBox,
    SeedPoint,
    SliceBoxes,
    VolumeBox,
)
from mmdbsam.errors import InputError

RULE = PropagationRule(min_area=4)


COLUMN = column()
SEED = SeedBox(15, [11, 10, 18, 19])


@pytest.fixture
def session(clickable):
    """A session in which the column was followed from slice 15."""
    session = clickable.open_volume(as_image(COLUMN), propagation=RULE)
    session.correct(session.add_object('column'), SEED)
    return session


def changed(before, after):
    return np.flatnonzero((before != after).any(axis=(1, 2))).tolist()


@pytest.mark.parametrize('prompt', [
    SEED, SeedPoint(15, [14, 14]), VolumeBox([8, 10, 3, 20, 19, 26]),
    Lasso(15, [[11, 10], [18, 10], [18, 19], [11, 19]]),
    Scribble(15, [[12, 12], [16, 16]])])
def test_a_session_finds_what_a_volume_s_segmentation_finds(clickable,
                                                            prompt):
    image = as_image(COLUMN)
    wanted = clickable.segment_volume(image, [prompt], propagation=RULE)
    session = clickable.open_volume(image, propagation=RULE)
    order = session.correct(session.add_object(), prompt)
    result = session.result()
    np.testing.assert_array_equal(result.mask(0), wanted.mask(0))
    np.testing.assert_allclose(result.confidence, wanted.confidence)
    assert result.geometry == wanted.geometry
    assert result.mask(0).sum() > 500 and len(set(order)) == len(order)


def test_slices_come_one_by_one(clickable):
    session = clickable.open_volume(as_image(COLUMN), propagation=RULE)
    one = session.add_object('column')
    assert session.answer(one, SEED) == 15
    assert clickable.fake.encoded == 1
    assert session.mask(one).any(axis=(1, 2)).nonzero()[0].tolist() == [15]
    slices = session.follow(one, 15)
    assert next(slices) == 16 and clickable.fake.encoded == 2
    np.testing.assert_array_equal(session.mask(one)[15:17], COLUMN[15:17])
    assert list(slices) == [*range(17, 30), *range(14, -1, -1)]
    np.testing.assert_array_equal(session.mask(one), COLUMN)


def test_a_3d_box_is_answered_on_its_middle_slice_first(clickable):
    session = clickable.open_volume(as_image(COLUMN), propagation=RULE)
    one = session.add_object()
    assert session.answer(one, VolumeBox([8, 10, 3, 20, 19, 26])) == 15
    assert clickable.fake.encoded == 1
    np.testing.assert_array_equal(session.mask(one)[15], COLUMN[15])


@pytest.mark.parametrize('z', [20, 10])
def test_a_correction_ends_at_the_next_prompted_slice(session, z):
    session.correct(1, SeedBox(25, [13, 10, 20, 19]))
    session.correct(1, SeedBox(5, [9, 10, 16, 19]))
    before = session.mask(1)
    # A part of the slice is taken away, and so it is from those beside.
    session.correct(1, SeedBox(z, [0, 10, 31, 14]))
    after = session.mask(1)
    between = range(16, 25) if z > 15 else range(6, 15)
    assert set(changed(before, after)) <= set(between)
    assert z in changed(before, after) and len(changed(before, after)) > 3
    for prompted in (5, 15, 25):
        assert np.array_equal(after[prompted], before[prompted])


def test_where_nothing_was_prompted_later_slices_follow_or_end(session):
    before = session.mask(1)
    # Nothing of the object is on slice 20.
    order = session.correct(1, SeedBox(20, [0, 0, 3, 3]))
    after = session.mask(1)
    assert not after[20:].any()
    assert np.array_equal(after[:20], before[:20])
    assert sorted(order) == list(range(20, 30))
    session.correct(1, SeedBox(20, [12, 10, 19, 19]))
    np.testing.assert_array_equal(session.mask(1), COLUMN)


def test_clicks_are_decoded_with_the_last_answer(session):
    """The box of a followed slice is left out, one of the user's is not."""
    calls = session.slices.model.model.decode_prompts.__self__.calls
    for z, has_box in ((15, True), (18, False)):
        z_points = []
        for turn, (point, kind) in enumerate([([12, 12], 0), ([24, 5], 1)]):
            del calls[:]
            session.answer(1, SeedPoint(z, point, [kind]))
            z_points.append(kind)
            # The answer before is known, except that of another slice.
            assert len(calls) == (1 if turn or z == 15 else 2)
            assert calls[-1]['points'][1].tolist() == [z_points]
            assert calls[-1]['masks'] is not None
            assert (calls[-1]['boxes'] is not None) == has_box
        mask = session.mask(1)[z]
        assert not mask[12, 12] and mask[5, 24]
        far = np.hypot(*(np.mgrid[:32, :32] - np.array([12, 12])[
            :, None, None])) > 4
        far &= np.hypot(*(np.mgrid[:32, :32] - np.array([5, 24])[
            :, None, None])) > 4
        np.testing.assert_array_equal(mask & far, COLUMN[z] & far)


def test_a_scribble_on_the_background_takes_away(session):
    before = session.mask(1)
    session.answer(1, Scribble(15, [[11, 11], [18, 11]], is_object=False))
    after = session.mask(1)
    assert changed(before, after) == [15]
    assert not after[15, 11, 11:19].any() and after[15, 16:20, 11:19].all()


def test_each_change_can_be_undone(session):
    states = [session.mask(1)]
    session.correct(1, SeedPoint(18, [14, 14], [0]))
    states.append(session.mask(1))
    session.correct(1, VolumeBox([8, 10, 3, 20, 19, 26]))
    states.append(session.mask(1))
    session.give_mask(1, COLUMN & (np.arange(32) < 14))
    states.append(session.mask(1))
    session.correct(1, SeedPoint(3, [9, 9], [1]))
    session.add_object('other')
    assert session.undo() == 2 and list(session.objects) == [1]
    assert session.undo() == 1
    for mask in reversed(states):
        np.testing.assert_array_equal(session.mask(1), mask)
        assert session.undo() == 1
    assert session.undo() == 1 and session.objects == {}
    assert session.undo() is None


def test_a_removed_object_comes_back_in_its_place(session):
    mask = session.mask(1)
    session.add_object('second')
    session.remove_object(1)
    assert list(session.objects) == [2]
    session.undo()
    assert session.result().names == ['column', 'second']
    np.testing.assert_array_equal(session.mask(1), mask)


def test_a_given_mask_is_corrected_as_an_answer_is(clickable):
    session = clickable.open_volume(as_image(COLUMN), propagation=RULE)
    one = session.add_object()
    session.give_mask(one, COLUMN)
    np.testing.assert_array_equal(session.mask(one), COLUMN)
    session.correct(one, SeedPoint(12, [12, 12], [0]))
    # Its neighbours were given too, so that nothing follows.
    assert changed(COLUMN, session.mask(one)) == [12]


@pytest.mark.parametrize('prompts', [
    [SeedPoint(18, [14, 14], [0]), SeedPoint(18, [24, 5], [1])],
    [VolumeBox([8, 10, 3, 20, 19, 26]), SeedPoint(20, [13, 12], [0])],
    [Scribble(12, [[11, 11], [12, 18]]), Lasso(13, [[9, 9], [16, 9],
                                                    [12, 20]])]])
def test_a_session_goes_on_after_it_was_saved(session, clickable, tmp_path,
                                              prompts):
    first, second = prompts
    session.correct(1, first)
    session.add_object('empty')
    session.save(tmp_path / 'session.npz')
    read = clickable.load_session(tmp_path / 'session.npz', as_image(COLUMN))
    assert [one.name for one in read.objects.values()] == ['column', 'empty']
    np.testing.assert_array_equal(read.mask(1), session.mask(1))
    np.testing.assert_allclose(read.result().confidence,
                               session.result().confidence)
    for each in (session, read):
        each.correct(1, second)
    np.testing.assert_array_equal(read.mask(1), session.mask(1))
    assert read.state.rule == RULE


def test_what_is_not_a_session_is_refused(session, clickable, tmp_path):
    path = tmp_path / 'session.npz'
    session.save(path)
    other = COLUMN.copy()
    other[3, 3, 3] = True
    for volume, message in (
            (as_image(other), 'of an image of another content'),
            (as_image(COLUMN[1:]), 'of an image of another size')):
        with pytest.raises(InputError, match=message):
            clickable.load_session(path, volume)
    with pytest.raises(InputError, match='expected a session, found File'):
        clickable.load_session(tmp_path / 'none.npz', as_image(COLUMN))
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match='expected a session, found'):
        clickable.load_session(path, as_image(COLUMN))


def tampered(content, arrays):
    """Ways in which a file that can be read is none of a session."""
    one, = content['objects']
    shown, = (each for each in one['slices'] if each['index'] == 15)
    yield 'ids', lambda: one.update(id=-1)
    yield 'ids', lambda: content['objects'].append(one)
    yield 'slice 99', lambda: shown.update(index=99)
    yield 'slice 15', lambda: shown.update(iou=float('nan'))
    yield 'IndexError', lambda: shown.update(mask=10**6)
    yield 'ValueError', lambda: arrays.update(corner=arrays['corner'] + 30)
    yield 'lengths', lambda: arrays.update(bits=arrays['bits'][:-1])
    yield 'lengths', lambda: arrays.update(shape=-arrays['shape'])
    yield 'ValueError', lambda: shown['turns'][0].update(boxes=[[1, 2, 3]])
    yield 'KeyError', lambda: content.update(plane='oblique')
    yield 'KeyError', lambda: content.pop('windows')
    yield 'TypeError', lambda: content['rule'].update(more=1)
    yield 'format', lambda: content.update(format=99)
    yield 'ValueError', lambda: arrays.update(
        bits=np.array([print], dtype=object))


@pytest.mark.parametrize('case', range(14))
def test_a_tampered_session_is_one_line(session, clickable, tmp_path, case):
    path = tmp_path / 'session.npz'
    session.save(path)
    with np.load(path) as file:
        arrays = dict(file)
    content = json.loads(str(arrays['content']))
    message, change = list(tampered(content, arrays))[case]
    change()
    np.savez(path, **dict(arrays, content=np.array(json.dumps(content))))
    with pytest.raises(InputError, match=message) as error:
        clickable.load_session(path, as_image(COLUMN))
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('prompt, message', [
    (SeedPoint(40, [5, 5], [1]), 'z within the image, voxels 0 to 29, found'),
    (SeedPoint(4, [50, 5], [1]), 'x within the image'),
    (Scribble(4, np.ones((5, 5), bool)), r'pixels of the slice, \(32, 32\)'),
    (Lasso(99, [[1, 1], [5, 1], [5, 5]]), 'z within the image'),
    (SliceBoxes({3: [1, 1, 5, 5]}), 'expected a VolumeBox, SeedBox'),
    (VolumeBox([8, 10, 3, 20, 19, 26], each_slice=True),
     'found VolumeBox with each_slice'),
    ('here', 'expected one of VolumeBox'),
])
def test_impossible_prompts_change_nothing(session, prompt, message):
    before = session.mask(1)
    with pytest.raises(InputError, match=message) as error:
        session.answer(1, prompt)
    assert '\n' not in str(error.value)
    np.testing.assert_array_equal(session.mask(1), before)
    assert session.undo() == 1 and not session.mask(1).any()


def test_a_prompt_beyond_the_3d_box_lifts_it(clickable):
    session = clickable.open_volume(as_image(COLUMN), propagation=RULE)
    one = session.add_object()
    session.correct(one, VolumeBox([8, 10, 6, 20, 15, 21]))
    wanted = COLUMN.copy()
    wanted[:6] = wanted[22:] = wanted[:, 16:] = False
    np.testing.assert_array_equal(session.mask(one), wanted)
    session.correct(one, SeedPoint(14, [2, 2], [0]))  # on the background
    np.testing.assert_array_equal(session.mask(one), wanted)
    session.correct(one, SeedBox(24, [12, 10, 19, 19]))
    wanted[22:] = COLUMN[22:]
    # What followed from elsewhere stays; what follows from here is whole.
    after = session.mask(one)
    np.testing.assert_array_equal(after[22:], wanted[22:])
    assert not (wanted & ~after).any() and not (after & ~COLUMN).any()


def test_other_impossible_requests(session, clickable):
    with pytest.raises(InputError, match='expected one of 1, found 7'):
        session.answer(7, SEED)
    two = session.add_object()
    with pytest.raises(InputError, match='slice 4 has no mask, found one on '
                       'the background'):
        session.answer(two, SeedPoint(4, [5, 5], [0]))
    with pytest.raises(InputError, match='slice: expected one that was '
                       'prompted, found 16'):
        list(session.follow(1, 16))
    with pytest.raises(InputError, match='mask: expected the size of the '
                       'volume'):
        session.give_mask(two, COLUMN[1:])
    with pytest.raises(InputError, match="axes: expected axial or coronal or "
                       "sagittal, found 'all'"):
        clickable.open_volume(as_image(COLUMN), axes='all')
