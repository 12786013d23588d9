"""What the page asks of the server, without a browser."""

import base64
import json

import httpx
import numpy as np


class PageApi:
    """The requests of a page that is open in a browser."""

    def __init__(self, url):
        self.http = httpx.Client(base_url=url, timeout=60)
        token = self('POST', 'lease')['token']
        self.http.headers['X-Lease-Token'] = token

    def send(self, method, path, **options):
        return self.http.request(method, f'/api/{path}', **options)

    def __call__(self, method, path, **options):
        """Send a request that is answered."""
        answer = self.send(method, path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def open(self, **where):
        return self('POST', 'scan', json=where)

    def upload(self, **files):
        self('POST', 'upload')
        for name, content in files.items():
            self('PUT', 'upload', params=dict(name=name), content=content,
                 headers={'Content-Type': 'application/octet-stream'})
        return self.open()

    def voxels(self, scan):
        """The voxels, (D, H, W)."""
        width, height, depth = scan['size']
        answer = self.send('GET', f'voxels?first=0&count={depth}')
        kind = '<i2' if scan['channels'] == 1 else np.uint8
        return np.frombuffer(answer.content, kind).reshape(
            depth, height, width, -1).squeeze(-1)

    def prompt(self, object_id, **prompt):
        return self('POST', f'objects/{object_id}/prompt', json=prompt)

    def follow(self, object_id, index):
        answer = self.send('POST', f'objects/{object_id}/follow',
                           json=dict(slice=index))
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    def mask(self, object_id):
        """An object's mask as it is shown, bool (slices, rows, columns).

        Slices are those of axial planes.
        """
        scan = self('GET', 'scan')
        volume = np.zeros(scan['size'][::-1], bool)
        one = next(one for one in scan['objects'] if one['id'] == object_id)
        for state in one['slices']:
            volume[state['slice']] = unpacked(state, volume.shape[1:])
        return volume


def unpacked(state, shape):
    """The mask of a slice, bool."""
    rows, columns = state['shape']
    bits = np.frombuffer(base64.b64decode(state['bits']), np.uint8)
    mask = np.zeros(shape, bool)
    top, left = state['corner']
    mask[top:top + rows, left:left + columns] = np.unpackbits(
        bits, count=rows * columns).reshape(rows, columns)
    return mask


def packed(mask):
    """A mask of a slice as the page sends it."""
    return dict(corner=[0, 0], shape=list(mask.shape),
                bits=base64.b64encode(np.packbits(mask)).decode())
