"""Eight clients at once get their own masks, for as long as they like.

``MMDBSAM_MANY_CLIENTS_SECONDS=600`` keeps them at it for longer.
"""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from letter_volumes import BRIGHT, column
from nnInteractive.inference.remote import (
    nnInteractiveRemoteInferenceSession as Client,
)

from mmdbsam.apis import Lasso, SeedBox, SeedPoint, VolumeBox

SECONDS = float(os.environ.get('MMDBSAM_MANY_CLIENTS_SECONDS', 5))
CLIENTS = 8


def image_of(number):
    """An image that no other client has."""
    return np.roll(np.where(column(), BRIGHT, 0).astype(np.uint8), number, 2)


def steps(x):
    """What each client asks for, by the client and by the session."""
    line = np.zeros((1, 10, 8), np.uint8)
    line[0, [0, -1]] = line[0, :, [0, -1]] = 1
    return [
        (lambda c: c.add_bbox_interaction(
            [[15, 16], [10, 20], [11 + x, 19 + x]], True),
         SeedBox(15, [11 + x, 10, 18 + x, 19])),
        (lambda c: c.add_point_interaction((15, 17, 17 + x), False),
         SeedPoint(15, [[17 + x, 17]], [0])),
        (lambda c: c.add_lasso_interaction(line, True, interaction_bbox=[
            [20, 21], [10, 20], [12 + x, 20 + x]]),
         Lasso(20, [[12 + x, 10], [19 + x, 10], [19 + x, 19], [12 + x, 19]])),
        (lambda c: c.add_bbox_interaction(
            [[3, 27], [10, 20], [8 + x, 21 + x]], True),
         VolumeBox([8 + x, 10, 3, 20 + x, 19, 26])),
    ]


@pytest.fixture
def wanted(clickable):
    """The masks of each client after each step."""
    masks = []
    for number in range(CLIENTS):
        session = clickable.open_volume(image_of(number),
                                        spacing=[0.7, 0.9, 2.5])
        one = session.add_object()
        masks.append([])
        for _, prompt in steps(number):
            session.correct(one, prompt)
            masks[-1].append(session.mask(one))
    return masks


def test_eight_clients_at_once(serve, clickable, wanted):
    # So little memory that the clients take each other's embeddings.
    url = serve(clickable, memory=30 * 128 * 128 * 3 * 4 * 2)
    end = time.monotonic() + SECONDS

    def work(number):
        rounds = 0
        with Client(url) as client:
            client.set_image(image_of(number)[None],
                             dict(spacing=[2.5, 0.9, 0.7]))
            while rounds == 0 or time.monotonic() < end:
                mask = np.zeros((30, 32, 32), np.uint8)
                client.set_target_buffer(mask)
                for (call, _), found in zip(steps(number), wanted[number],
                                            strict=True):
                    call(client)
                    np.testing.assert_array_equal(mask, found)
                assert client.undo() and client.undo()
                np.testing.assert_array_equal(mask, wanted[number][1])
                client.reset_interactions()
                rounds += 1
        return rounds

    with ThreadPoolExecutor(CLIENTS) as threads:
        done = [*threads.map(work, range(CLIENTS))]
    assert min(done) >= 1
    assert httpx.get(f'{url}/healthz').status_code == 200


def test_a_slow_encoding_keeps_nobody_waiting(serve, clickable, monkeypatch,
                                              wanted):
    """Another client is answered on slices that are known."""
    url = serve(clickable)
    encode, may_go_on = clickable.model.encode, threading.Event()
    monkeypatch.setattr(clickable.model, 'encode', lambda images: (
        may_go_on.wait(60), encode(images))[1])
    may_go_on.set()
    with Client(url) as one, Client(url) as other, ThreadPoolExecutor() as (
            threads):
        for client in (one, other):
            client.set_image(image_of(0)[None], dict(spacing=[2.5, 0.9, 0.7]))
            client.set_target_buffer(np.zeros((30, 32, 32), np.uint8))
        steps(0)[0][0](one)
        may_go_on.clear()
        other.set_image(image_of(1)[None])
        other.set_target_buffer(np.zeros((30, 32, 32), np.uint8))
        waiting = threads.submit(steps(1)[0][0], other)
        steps(0)[1][0](one)
        np.testing.assert_array_equal(one.target_buffer, wanted[0][1])
        assert not waiting.done()
        may_go_on.set()
        waiting.result(60)
        np.testing.assert_array_equal(other.target_buffer, wanted[1][0])
