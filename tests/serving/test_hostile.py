"""Requests that no client sends leave the server and its clients as they were.

``MMDBSAM_HOSTILE_REQUESTS=1000`` sends more of them.
"""

import json
import os
import socket
import struct
from collections import Counter
from contextlib import suppress

import httpx
import numpy as np
import pytest
from letter_volumes import BRIGHT, column
from nnInteractive.inference.remote import (
    nnInteractiveRemoteInferenceSession as Client,
)
from nnInteractive.inference.remote.serialization import pack_array

from mmdbsam.apis import SeedBox, SeedPoint
from mmdbsam.serving.packed_arrays import array_header

COUNT = int(os.environ.get('MMDBSAM_HOSTILE_REQUESTS', 150))
KEY = 'a key of this test'
IMAGE = np.where(column(), BRIGHT, 0).astype(np.uint8)
BOX = [[15, 16], [10, 20], [11, 19]]
LIMIT = 300_000
JSON_PATHS = ['/set_target_buffer', '/add_bbox_interaction', '/undo',
              '/add_point_interaction', '/predict', '/set_do_autozoom',
              '/reset_interactions', '/heartbeat']
ARRAY_PATHS = ['/set_image', '/add_scribble_interaction',
               '/add_lasso_interaction', '/add_initial_seg_interaction']
PATHS = [*JSON_PATHS, *ARRAY_PATHS, '/claim', '/release']
# What json.dumps cannot write is written by hand.
NUMBERS = ['NaN', 'Infinity', '-1', '1e308', '1e999', '9' * 400, '0.5',
           'null', 'true', '"a"', '[]', '{}', '[[[[1]]]]', '""',
           '[' * 5000, '"\\ud800"', '-0', '2147483648']


class Attacker:
    """Makes requests, most of them with the key and a lease of its own."""

    def __init__(self, url, rng):
        self.rng = rng
        self.http = httpx.Client(base_url=url, timeout=60, headers={
            'Authorization': f'Bearer {KEY}'})
        self.lease = {}

    def claim(self):
        token = self.http.post('/claim').json()['lease_token']
        self.lease = {'X-Lease-Token': token}
        return token

    def pick(self, options):
        return options[self.rng.integers(len(options))]

    def post(self, path, content=b'', **headers):
        headers = {'content-type': 'application/octet-stream', **self.lease,
                   **{name.replace('_', '-'): value
                      for name, value in headers.items()}}
        return self.http.post(path, content=content, headers=headers)

    def other_host(self):
        return self.http.get('/capabilities', headers={'Host': self.pick([
            'evil.example', 'localhost.evil.example', '127.0.0.1.evil', '',
            'a@127.0.0.1', '10.0.0.1', '[::1', '127.0.0.1:port', '0.0.0.0',
            '127.0.0.1/..', 'x' * 3000])})

    def other_origin(self):
        return self.post(self.pick(PATHS), b'{}', Origin=self.pick([
            'http://evil.example', 'null', 'http://127.0.0.1', 'file://', '',
            'http://localhost:1', 'a' * 5000]))

    def no_key(self):
        key = self.pick(['', 'Bearer', f'Bearer {KEY}x', f'Basic {KEY}',
                         'Bearer \x80', f'Bearer {KEY[:-1]}'])
        return self.post(self.pick(PATHS), Authorization=key.encode('latin-1'))

    def no_lease(self):
        token = self.pick(['', 'x', 'A' * 32, '\u00e9', 'x' * 4000])
        return self.post(self.pick([*JSON_PATHS, *ARRAY_PATHS]), b'{}',
                         X_Lease_Token=token.encode('latin-1'))

    def other_path(self):
        return self.http.request(
            self.pick(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']),
            # The client would resolve '..' itself.
            self.pick(['/set_image', '/%2e%2e/%2e%2e/etc/passwd', '/x' * 2000,
                       '/claim', '/set_image/x', '/%00', '/x//evil.example/',
                       '/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd']))

    def broken_json(self):
        return self.post(self.pick(['/set_target_buffer',
                                    '/add_bbox_interaction',
                                    '/add_point_interaction']),
                         self.pick([b'{', b'\xff\xfe', b'[1]', b'"a"', b'1',
                                    b'{"a":' * 9999, b'{"a": NaN}',
                                    b'nul', b'\x00' * 50]),
                         content_type='application/json')

    def odd_numbers(self):
        """Clicks, boxes and buffers of numbers that are none."""
        place = f'[{",".join(self.pick(NUMBERS) for _ in range(3))}]'
        sides = f'[{",".join([place] * self.pick([1, 2, 3]))}]'
        path, field = self.pick([
            ('/add_point_interaction', f'"coordinates": {place}'),
            ('/add_bbox_interaction', f'"bbox_coords": {sides}'),
            ('/add_point_interaction', '"coordinates": [99, 1, 1]'),
            ('/add_bbox_interaction', '"bbox_coords": [[1,2],[90,95],[1,2]]'),
            ('/set_target_buffer', f'"shape": {place}, "dtype": "uint8"'),
            ('/add_point_interaction', f'"coordinates": {self.pick(NUMBERS)}'),
        ])
        said = self.pick(['true', 'false', '1', 'null'])
        return self.post(path, f'{{{field}, "include_interaction": {said}}}',
                         content_type='application/json')

    def odd_meta(self):
        return self.post(self.pick(ARRAY_PATHS[:3]), self.array(np.uint8),
                         X_Meta=self.pick([
                             '{', '[]', '{"image_properties": [1]}',
                             '{"image_properties": {"spacing": [0, -1, 1]}}',
                             '{"image_properties": {"spacing": "abc"}}',
                             '{"image_properties": {"spacing": [1, NaN, 1]}}',
                             '{"image_properties": {"spacing": [1e99,1,1]}}',
                             '{"interaction_bbox": [[-5, 3], [0, 1]], '
                             '"include_interaction": true, "image_properties":'
                             ' 3}', '{"a":' * 9000]))

    def array(self, dtype, shape=(1, 2, 4, 4)):
        return pack_array(np.zeros(shape, dtype))

    def bomb(self):
        """Arrays that are small when packed."""
        shape = self.pick([(1, 1000, 1000, 1000), (1, 2**31, 2**31, 4),
                           (1, 2**62, 2, 1), (1, 301, 1000, 1),
                           (1, -1, -5, 9), (1, 0, 5, 5)])
        chunk = pack_array(np.zeros((1, 1000, 1000), np.uint8))
        return self.post('/set_image', array_header(shape, 'uint8')
                         + chunk[len(array_header((1, 1, 1), 'uint8')):])

    def broken_array(self):
        """Arrays of other kinds, cut off, or with other numbers in them."""
        good = bytearray(self.array(np.uint8))
        kind = self.rng.integers(7)
        if kind == 0:
            good = good[:self.rng.integers(len(good))]
        elif kind == 1:
            good += b'more'
        elif kind == 2:
            good = bytes(self.rng.integers(0, 256, 300, np.uint8))
        elif kind == 3:
            header = array_header((1, 2, 2, 2), self.pick([
                'object', 'V8', 'U9', 'datetime64', 'complex128', '>f4', 'S1',
                'float128', "O'; import os", '']))
            good = header + struct.pack('<IQQ', 1, 64, 64) + bytes(64)
        elif kind == 4:
            good[45:49] = struct.pack('<I', self.pick([0, 2, 2**32 - 1]))
        elif kind == 5:
            good = self.array(self.pick([np.complex64, 'S3']))
        else:
            good = self.array(np.uint8, self.pick([(2, 3, 4, 4), (3, 4, 4),
                                                   (1, 1, 2, 3, 4), (5, )]))
        return self.post('/set_image', bytes(good))

    def not_finite(self):
        values = np.zeros((1, 4, 8, 8), self.pick([np.float32, np.float64,
                                                   np.float16]))
        values[0, 1, 2, 3] = self.pick([np.nan, np.inf, -np.inf])
        return self.post('/set_image', pack_array(values))

    def too_much(self):
        """A body that is longer than it may be, whether it says so or not."""
        size = self.pick([LIMIT + 1, 10 * LIMIT])
        content = self.pick([bytes(size), (bytes(1000) for _ in range(
            size // 1000 + 1))])
        path = self.pick(ARRAY_PATHS)
        return self.post(path, content)

    def wrong_drawing(self):
        drawn = np.zeros(self.pick([(3, 3, 3), IMAGE.shape, (99, 99, 9)]),
                         np.uint8)
        drawn[:self.rng.integers(3), 0, 0] = 1
        part = self.pick([None, [[0, 3]] * 3, [[-1, 2]] * 3, [[29, 32]] * 3,
                          [[0, 3]] * 2, 'abc', [[0, 1e300]] * 3])
        meta = dict(include_interaction=True, interaction_bbox=part)
        return self.post(self.pick(ARRAY_PATHS[1:]), pack_array(drawn),
                         X_Meta=json.dumps(meta))

    def out_of_order(self):
        """Interactions before there is an image."""
        lease, self.lease = self.lease, {}
        token = self.claim()
        try:
            return self.post(self.pick([
                '/undo', '/predict', '/reset_interactions',
                '/set_target_buffer']), b'{"shape": [1, 2, 3]}',
                content_type='application/json')
        finally:
            self.http.post('/release', headers={'X-Lease-Token': token})
            self.lease = lease

    def ended_lease(self):
        lease, self.lease = self.lease, {}
        token = self.claim()
        self.http.post('/release', headers={'X-Lease-Token': token})
        self.lease = lease
        return self.post(self.pick(JSON_PATHS), X_Lease_Token=token)


ATTACKS = [name for name in vars(Attacker) if name not in (
    'claim', 'pick', 'post', 'array') and not name.startswith('_')]
# They are what a client may send as well.
HARMLESS = {'wrong_drawing', 'odd_numbers'}


@pytest.fixture
def url(serve, clickable):
    return serve(clickable, api_key=KEY, max_upload=LIMIT)


def test_hostile_requests(url, clickable, capfd):
    rng = np.random.default_rng(COUNT)
    counts = Counter()
    with Client(url, api_key=KEY) as victim:
        victim.set_image(IMAGE[None], dict(spacing=[2.5, 0.9, 0.7]))
        mask = np.zeros(IMAGE.shape, np.uint8)
        victim.set_target_buffer(mask)
        victim.add_bbox_interaction(BOX, True)
        before = mask.copy()
        attacker = Attacker(url, rng)
        attacker.claim()
        attacker.post('/set_image', pack_array(IMAGE[None]))
        for i in range(COUNT):
            name = ATTACKS[i % len(ATTACKS)]
            response = getattr(attacker, name)()
            counts[response.status_code] += 1
            said = (name, response.status_code, response.text[:300])
            allowed = range(200, 500) if name in HARMLESS else range(400, 500)
            assert response.status_code in allowed, said
            if name in ('too_much', 'bomb'):
                assert response.status_code in (400, 413), said
                assert 'expected at most' in response.text or (
                    'at least one number' in response.text), said
            assert 'Traceback' not in response.text, said
            if response.status_code >= 400:
                assert '\n' not in response.text.strip(), said
                assert len(response.text) < 1000, said
        victim.add_point_interaction((15, 17, 17), False)
        session = clickable.open_volume(IMAGE, spacing=[0.7, 0.9, 2.5])
        one = session.add_object()
        session.correct(one, SeedBox(15, [11, 10, 18, 19]))
        np.testing.assert_array_equal(session.mask(one), before)
        session.correct(one, SeedPoint(15, [[17, 17]], [0]))
        np.testing.assert_array_equal(mask, session.mask(one))
    assert {400, 401, 403, 404, 409, 410, 413} <= {*counts}, counts
    assert 'Traceback' not in capfd.readouterr().err


def test_chunks_with_other_numbers(url):
    """Damage that no check finds changes voxels at most."""
    rng = np.random.default_rng(0)
    attacker = Attacker(url, rng)
    attacker.claim()
    image = rng.integers(0, 99, (1, 5, 20, 20)).astype(np.int16)
    for _ in range(COUNT):
        packed = bytearray(pack_array(image))
        for place in rng.integers(len(packed), size=rng.integers(1, 4)):
            packed[place] = rng.integers(256)
        assert attacker.post('/set_image', bytes(packed)).status_code in (
            200, 400, 413)
    assert attacker.post('/set_image', pack_array(image)).status_code == 200


@pytest.mark.parametrize('raw', [
    b'GET / HTTP/9.9\r\n\r\n', b'\x16\x03\x01\x02\x00', b'\r\n' * 100,
    b'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil\r\n\r\n',
    b'POST /claim HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n',
    b'GET /healthz HTTP/1.1\r\n\r\n',
    b'GET /static/../../../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    b'GET //evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    b'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ' + b'a' * 200_000,
    b'POST /claim HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked'
    b'\r\n\r\nZZ\r\n'])
def test_what_is_no_http(url, raw):
    host, port = url.removeprefix('http://').split(':')
    answer = b''
    # The server may hang up at any time.
    with (socket.create_connection((host, int(port)), 10) as connection,
          suppress(ConnectionError)):
        connection.sendall(raw)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(9999)
    assert answer == b'' or answer.split()[1].startswith(b'4')
    assert httpx.get(f'{url}/healthz', headers={
        'Authorization': f'Bearer {KEY}'}).status_code == 200
