"""Slices that are computed side by side on a CPU."""

import threading
import time
from concurrent.futures import CancelledError

import numpy as np
import pytest
import torch
from letter_volumes import BRIGHT, EachSlice, as_image, box_of, letter

from mmdbsam.apis import PropagationRule, SeedBox
from mmdbsam.apis.volume.masks import SliceMasks
from mmdbsam.apis.volume.slices import PlaneSlices
from mmdbsam.apis.volume.workers import worker_count

OBJECT = letter()
IMAGE = as_image(OBJECT)
SPINE = 'tests/data/ct_spine/images/lumbar.nii.gz'


@pytest.fixture
def threads():
    """Set the number of torch's threads, and set it back in the end."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture
def encode(bright, monkeypatch):
    """Replace how the model encodes; the function gets the fake's own."""

    def replace(function):
        model = bright.model.model
        own = model.encode_image
        monkeypatch.setattr(model, 'encode_image',
                            lambda images: function(own, images))

    return replace


def workers_alive():
    return [thread.name for thread in threading.enumerate()
            if thread.name.startswith('mmdbsam-slice')]


@pytest.mark.parametrize('prompts', [
    [EachSlice([8, 8, 20, 50, 40, 27]), EachSlice([2, 5, 22, 40, 30, 24])],
    [SeedBox(24, [8, 8, 50, 40])]])
def test_masks_do_not_depend_on_their_number(inferencer, repo_root, threads,
                                             prompts):
    """Not by a bit: each slice is computed on one thread."""
    rule = PropagationRule(min_area=1, min_iou=0, min_overlap=0,
                           max_grey_change=255)
    results = []
    for count in (1, 2, 3):
        threads(count)
        results.append(inferencer.segment_volume(
            repo_root / SPINE, prompts, propagation=rule))
        assert results[-1].timing.workers == count
        assert torch.get_num_threads() == count
    for result in results[1:]:
        assert result.labels.any()
        assert np.array_equal(result.labels, results[0].labels)
        assert np.array_equal(result.confidence, results[0].confidence)


def test_as_many_slices_as_threads_at_once(bright, encode, threads):
    """Nobody passes the barrier before three slices have come to it."""
    threads(3)
    barrier = threading.Barrier(3)

    def meet(own, images):
        assert torch.get_num_threads() == 1
        barrier.wait(timeout=60)
        return own(images)

    encode(meet)
    result = bright.segment_volume(IMAGE, EachSlice([0, 0, 3, 31, 23, 14]))
    assert np.array_equal(result.labels > 0, OBJECT)
    assert len(bright.fake.encoded) == 12
    assert result.timing.slices == 12 and result.timing.workers == 3
    assert not workers_alive()


def test_a_batch_has_all_threads(bright, encode, threads):
    threads(3)
    callers = set()

    def note(own, images):
        callers.add((threading.get_ident(), torch.get_num_threads()))
        return own(images)

    encode(note)
    result = bright.segment_volume(IMAGE, EachSlice(box_of(OBJECT)),
                                   batch_size=2)
    assert callers == {(threading.get_ident(), 3)}
    assert result.timing.workers == 1


def test_only_slices_with_a_prompt_are_encoded(bright, threads):
    threads(3)
    boxes = [EachSlice([0, 0, z, 31, 23, z + 1]) for z in (3, 4, 11)]
    result = bright.segment_volume(IMAGE, boxes)
    assert len(bright.fake.encoded) == result.timing.slices == 5
    for i, z in enumerate((3, 4, 11)):
        wanted = np.zeros_like(OBJECT)
        wanted[z:z + 2] = OBJECT[z:z + 2]
        assert np.array_equal(result.mask(i), wanted)


def test_an_object_is_followed_beside_others(bright, threads):
    """The workers are a few slices ahead, and encode none of them twice."""
    threads(3)
    volume = np.zeros((40, 24, 32), np.uint8)
    volume[15:25, 4:14, 4:14] = BRIGHT
    result = bright.segment_volume(
        volume, SeedBox(20, [4, 4, 13, 13]),
        propagation=PropagationRule(min_area=4))
    assert np.array_equal(result.labels > 0, volume > 0)
    assert result.timing.slices == 12
    assert len(bright.fake.encoded) <= 12 + 2 * 3


def test_an_error_ends_the_work(bright, encode, threads):
    threads(3)

    def fail(own, images):
        raise RuntimeError('out of memory')

    encode(fail)
    with pytest.raises(RuntimeError, match='out of memory'):
        bright.segment_volume(IMAGE, EachSlice(box_of(OBJECT)))
    assert torch.get_num_threads() == 3


def test_an_interruption_stops_the_workers(bright, monkeypatch, threads):
    """Slices that have not begun are dropped, others end at a layer."""
    threads(2)
    layer, encode = torch.nn.Identity(), PlaneSlices._encode
    begun, stopped = [], []

    def dwell(slices, indices):
        begun.extend(indices)
        until = time.monotonic() + 60
        try:
            while indices[0] > 1 and time.monotonic() < until:
                layer(indices)
        except CancelledError:
            stopped.extend(indices)
            raise
        return encode(slices, indices)

    def interrupted(masks, index, *args):
        raise KeyboardInterrupt

    monkeypatch.setattr(PlaneSlices, '_encode', dwell)
    monkeypatch.setattr(SliceMasks, 'add', interrupted)
    with pytest.raises(KeyboardInterrupt):
        bright.segment_volume(IMAGE, EachSlice([0, 0, 0, 31, 23, 19]))
    # Another slice is begun or not, which depends on who is faster.
    assert sorted(stopped) in ([2], [2, 3])
    assert sorted(begun) == [0, 1, *sorted(stopped)]
    assert not workers_alive() and torch.get_num_threads() == 2
    # Afterwards, layers can be called as before.
    layer(torch.zeros(1))


def test_how_many(inferencer, threads, monkeypatch):
    threads(4)
    model = inferencer.model
    assert worker_count(model, slices=100) == 4
    assert worker_count(model, slices=3) == 3
    assert worker_count(model, slices=0) == 1
    room = 'mmdbsam.apis.volume.workers.available_memory'
    monkeypatch.setattr(room, lambda: 0.9e9)
    assert worker_count(model, slices=100) == 2
    monkeypatch.setattr(room, lambda: 0)
    assert worker_count(model, slices=100) == 1
    monkeypatch.setattr(room, lambda: 3.2e9)
    monkeypatch.setattr(model.model.data_preprocessor, 'size', 1024)
    assert worker_count(model, slices=100) == 2


def test_one_on_a_gpu(inferencer, threads, monkeypatch):
    threads(4)
    monkeypatch.setattr(inferencer.model, 'device', torch.device('cuda'))
    assert worker_count(inferencer.model, slices=100) == 1
