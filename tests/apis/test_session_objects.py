"""Objects of a session are named, painted and accepted by hand."""

import numpy as np
import pytest
from letter_volumes import as_image, column

from mmdbsam.apis import PropagationRule, SeedBox
from mmdbsam.errors import InputError

COLUMN = column()


@pytest.fixture
def session(clickable):
    """A session in which the column was followed from slice 15."""
    session = clickable.open_volume(
        as_image(COLUMN), propagation=PropagationRule(min_area=4))
    session.correct(session.add_object('column'),
                    SeedBox(15, [11, 10, 18, 19]))
    return session


def blank():
    return np.zeros(COLUMN.shape[1:], bool)


def test_a_painted_slice_stays_when_the_object_is_followed(session):
    painted = blank()
    painted[3:6, 4:9] = True
    session.paint(1, 20, painted)
    before = session.mask(1)
    np.testing.assert_array_equal(before[20], painted)
    np.testing.assert_array_equal(np.delete(before, 20, 0),
                                  np.delete(COLUMN, 20, 0))
    # What was found above it is left alone, too.
    session.correct(1, SeedBox(17, [11, 10, 15, 19]))
    np.testing.assert_array_equal(session.mask(1)[20:], before[20:])
    assert (session.mask(1)[17:20] != before[17:20]).any()


def test_an_erased_slice_ends_the_object(session):
    session.paint(1, 20, blank())
    assert 20 in session.objects[1].prompted
    changed = [*session.follow(1, 15)]
    assert 20 not in changed and 21 not in changed
    assert not session.mask(1)[20].any()


def test_an_accepted_slice_stays_when_the_object_is_followed(session):
    session.accept(1, 12)
    before = session.mask(1)
    session.correct(1, SeedBox(15, [11, 10, 14, 19]))
    np.testing.assert_array_equal(session.mask(1)[:13], before[:13])
    assert (session.mask(1)[13:15] != before[13:15]).any()


@pytest.mark.parametrize('change', [
    lambda session: session.paint(1, 20, blank()),
    lambda session: session.accept(1, 20),
    lambda session: session.rename_object(1, 'pillar')])
def test_changes_by_hand_are_undone_and_done_again(session, change):
    before = session.objects[1].snapshot()
    change(session)
    after = session.objects[1].snapshot()
    assert after != before and session.can_undo and not session.can_redo
    assert session.undo() == 1 and session.objects[1] == before
    assert session.can_redo
    assert session.redo() == 1 and session.objects[1] == after
    assert not session.can_redo
    while session.undo():
        pass
    assert not session.can_undo


def test_a_renamed_object_has_its_name_in_results(session):
    session.rename_object(1, 'pillar')
    assert session.result().names == ['pillar']


def test_result_is_of_one_moment_while_another_thread_changes_it(
        session, monkeypatch):
    make = session._mask

    def changed_meanwhile(one):
        session.remove_object(1)
        monkeypatch.setattr(session, '_mask', make)
        return make(one)

    monkeypatch.setattr(session, '_mask', changed_meanwhile)
    result = session.result()
    assert result.names == ['column'] and not session.objects
    np.testing.assert_array_equal(result.mask(0), COLUMN)


@pytest.mark.parametrize('call, message', [
    (lambda s: s.paint(1, 30, blank()),
     "object 'column': slice: expected one of 0 to 29, found 30"),
    (lambda s: s.paint(1, -1, blank()), 'slice: expected one of 0 to 29'),
    (lambda s: s.paint(1, 3, blank()[1:]), 'mask: expected the size'),
    (lambda s: s.paint(2, 3, blank()), 'object: expected one of 1, found 2'),
    (lambda s: s.accept(1, 99), 'slice: expected one with a mask, found 99'),
    (lambda s: s.rename_object(7, 'x'), 'object: expected one of 1, found 7')])
def test_wrong_changes_by_hand_are_refused(session, call, message):
    before = session.mask(1)
    with pytest.raises(InputError, match=message):
        call(session)
    np.testing.assert_array_equal(session.mask(1), before)
