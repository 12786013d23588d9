"""The sessions of the server: encoding in advance, leases, the workspace."""

import asyncio
import threading

import numpy as np
import pytest
from letter_volumes import as_image, column

from mmdbsam.apis import PropagationRule, SeedBox
from mmdbsam.apis.scans import load_scan
from mmdbsam.serving.encoding import SliceEncoder
from mmdbsam.serving.leases import Leases
from mmdbsam.serving.refusals import Refusal
from mmdbsam.serving.scan_session import ScanSession

SEED = SeedBox(15, [11, 10, 18, 19])


@pytest.fixture
def encoder():
    encoder = SliceEncoder(10**9)
    yield encoder
    encoder.stop()


@pytest.fixture
def opened(clickable, encoder):
    return ScanSession.begin(clickable.model, encoder,
                             load_scan(as_image(column())), 'axial')


def until(condition):
    """Wait for what another thread does."""
    for _ in range(1000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError('it never came true')


def test_changes_are_made_again_until_another_one(clickable):
    session = clickable.open_volume(as_image(column()),
                                    propagation=PropagationRule(min_area=4))
    one = session.add_object()
    session.correct(one, SEED)
    mask = session.mask(one)
    assert (session.undo(), session.undo(), session.undo()) == (one, one, None)
    assert not session.objects
    assert (session.redo(), session.redo(), session.redo()) == (one, one, None)
    np.testing.assert_array_equal(session.mask(one), mask)
    session.undo()
    session.answer(one, SEED)
    assert session.redo() is None


def test_slices_are_encoded_from_the_shown_one_outwards(opened, monkeypatch):
    order, slices = [], opened.session.slices
    encode = slices.model.encode
    monkeypatch.setattr(slices, '_encode', lambda wanted: (
        order.extend(wanted), encode(slices.image(i) for i in wanted))[1])
    opened.look_at(3)
    until(lambda: len(slices.known) == len(slices))
    assert order[:7] == [3, 2, 4, 1, 5, 0, 6]
    assert sorted(order) == list(range(len(slices)))
    assert opened.progress().known == list(range(len(slices)))


def test_only_slices_about_the_shown_one_are_kept(opened):
    slices = opened.session.slices
    opened.look_at(3)
    until(lambda: len(slices.known) == len(slices))
    slices.keep_within(5 * slices._size)
    opened.look_at(20)
    until(lambda: slices.known == [18, 19, 20, 21, 22])
    assert opened.progress().kept == 5


def test_sessions_share_the_memory_equally(clickable):
    # An embedding of this model is the image itself, 3 x 128 x 128 floats.
    size = 3 * 128 * 128 * 4
    encoder = SliceEncoder(20 * size)
    first, second = (ScanSession.begin(clickable.model, encoder, load_scan(
        as_image(column())), 'axial') for _ in range(2))
    for one in (first, second):
        one.look_at(0)
    for one in (first, second):
        until(lambda one=one: len(one.session.slices.known) == 10)
    first.close()
    second.look_at(0)
    until(lambda: len(second.session.slices.known) == 20)
    encoder.stop()
    assert second.progress().kept == 20
    assert len(second.session.slices._encoded) == 20


def test_a_known_slice_does_not_wait_for_an_encoding(opened, monkeypatch):
    slices = opened.session.slices
    session, one = opened.session, opened.session.add_object()
    session.answer(one, SEED)
    encode, may_go_on = slices._encode, threading.Event()
    monkeypatch.setattr(slices, '_encode', lambda wanted: (
        may_go_on.wait(30), encode(wanted))[1])
    opened.look_at(20)
    session.answer(one, SEED)
    assert session.mask(one)[15].any() and slices.known == [15]
    may_go_on.set()
    until(lambda: 20 in slices.known)


def test_a_slice_that_is_waited_for_comes_first(clickable, encoder,
                                                monkeypatch):
    """Sessions take turns, but not with one that waits."""
    both = [ScanSession.begin(clickable.model, encoder, load_scan(
        as_image(column())), 'axial') for _ in range(2)]
    order, begun, may_go_on = [], threading.Event(), threading.Event()
    for place, one in enumerate(both):
        def encode(wanted, slices=one.session.slices, place=place):
            order.append((place, *wanted))
            begun.set()
            may_go_on.wait(30)
            return slices.model.encode(slices.image(i) for i in wanted)
        monkeypatch.setattr(one.session.slices, '_encode', encode)
        one.look_at(0)
        begun.wait(30)
    slices = both[1].session.slices
    waiting = threading.Thread(target=slices._image_of, args=(17, ))
    waiting.start()
    until(lambda: encoder._jobs)
    may_go_on.set()
    waiting.join(30)
    until(lambda: len(order) >= 6)
    assert order[:2] == [(0, 0), (1, 17)]
    assert {place for place, _ in order[2:4]} == {0, 1}


def test_a_failed_encoding_is_tried_again(opened, monkeypatch):
    slices = opened.session.slices
    encode = slices._encode

    def fail(wanted):
        raise MemoryError

    monkeypatch.setattr(slices, '_encode', fail)
    one = opened.session.add_object()
    with pytest.raises(MemoryError):
        opened.session.answer(one, SEED)
    opened.look_at(15)
    until(lambda: opened._lane._shown is None)
    monkeypatch.setattr(slices, '_encode', encode)
    assert opened.session.answer(one, SEED) == 15


class Opened:
    closed = 0

    def close(self):
        self.closed += 1


def test_leases_end(monkeypatch):
    now = 1000.
    monkeypatch.setattr('mmdbsam.serving.leases.time.monotonic', lambda: now)
    leases = Leases(2, 100., 10.)
    idle, live = leases.claim(), leases.claim()
    idle.content, live.content = Opened(), Opened()
    with pytest.raises(Refusal, match='all are in use') as refused:
        leases.claim()
    assert refused.value.status == 503
    live.seen = now
    now += 11
    leases.end_old()
    assert [*leases] == [idle] and live.content.closed == 1
    # A prediction may take longer than both.
    idle.under_way, idle.seen = 1, now
    now += 200
    leases.end_old()
    assert [*leases] == [idle]
    idle.under_way = 0
    leases.claim()
    assert idle not in [*leases] and idle.content.closed == 1


def test_requests_of_a_lease_take_turns():
    async def several():
        lease, order = Leases(1, 9., 9.).claim(), []
        release = threading.Event()
        first = asyncio.create_task(lease.run(
            lambda: (release.wait(30), order.append(1))))
        await asyncio.sleep(0)
        others = [asyncio.create_task(lease.run(order.append, i))
                  for i in (2, 3)]
        await asyncio.sleep(0.05)
        assert order == []
        release.set()
        await asyncio.gather(first, *others)
        return order

    assert asyncio.run(several()) == [1, 2, 3]
