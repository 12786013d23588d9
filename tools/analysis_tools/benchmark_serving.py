"""Time the answers of ``mmdbsam serve`` while it encodes a scan.

``python tools/analysis_tools/benchmark_serving.py IMAGE`` starts the server,
opens the scan as the page does, and draws boxes on slices that are not encoded
yet, and clicks on slices that have a box, until all slices are encoded. It
prints how long the answers take, beside the time of one encoding, and the
memory of the server at the end.
"""

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import numpy as np
import psutil
import torch

from mmdbsam.apis import PromptInferencer
from mmdbsam.errors import run_cli

# How many slices get a box, and how many clicks follow on each.
_BOXES, _CLICKS = 6, 5


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('image', type=Path, help='a volume')
    parser.add_argument('--config', default='dbsam_tinyvit_ct')
    parser.add_argument('--threads', type=int, default=2)
    return parser.parse_args()


def time_encodings(config: str, threads: int) -> float:
    """The seconds of one encoding, the median of five."""
    torch.set_num_threads(threads)
    inferencer = PromptInferencer(config, device='cpu')
    image = np.random.default_rng(0).integers(0, 256, (512, 512), np.uint8)
    seconds = []
    for _ in range(6):
        begun = time.perf_counter()
        inferencer.set_image(image)
        seconds.append(time.perf_counter() - begun)
    return median(seconds[1:])


@contextmanager
def serving(image: Path, config: str) -> Iterator[tuple[httpx.Client, int]]:
    """A client of a server that shares the image's folder, and its process.
    """
    with socket.socket() as free, tempfile.TemporaryDirectory() as workspace:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
        free.close()
        server = subprocess.Popen(
            [sys.executable, '-m', 'mmdbsam', 'serve', '--config', config,
             '--port', str(port), '--root', str(image.parent), '--workspace',
             workspace, '--device', 'cpu'])
        try:
            with httpx.Client(base_url=f'http://127.0.0.1:{port}',
                              timeout=120) as http:
                wait_for(http, server)
                http.headers['X-Lease-Token'] = asked(
                    http, 'POST', 'lease')['token']
                yield http, server.pid
        finally:
            server.terminate()
            server.wait()


def wait_for(http: httpx.Client, server: subprocess.Popen) -> None:
    """Wait until a server answers."""
    while server.poll() is None:
        try:
            http.get('/healthz')
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit('the server has ended')


def asked(http: httpx.Client, method: str, path: str, **sent: Any) -> Any:
    """What the server answers to a request of the page."""
    answer = http.request(method, f'/api/{path}', **sent)
    answer.raise_for_status()
    return answer.json()


def timed(ask: Callable[[], Any]) -> float:
    """The seconds that an answer takes."""
    begun = time.perf_counter()
    ask()
    return time.perf_counter() - begun


def work(http: httpx.Client, scan: dict) -> dict[str, list[float]]:
    """Draw boxes and click, from the last slices on, and wait for the rest.

    The server begins with the first of the shown slices.
    """
    width, height, depth = scan['size']
    box = [width // 3, height // 3, 2 * width // 3, 2 * height // 3]
    found: dict[str, list[float]] = {'box, slice not encoded': [],
                                     'click, others being encoded': [],
                                     'all slices encoded': []}
    begun = time.perf_counter()
    rng = np.random.default_rng(0)
    for z in np.linspace(depth - 1, depth // 2, _BOXES).astype(int).tolist():
        one = asked(http, 'POST', 'objects', json={})['object']
        path = f'objects/{one}/prompt'
        found['box, slice not encoded'].append(timed(
            lambda path=path, z=z: asked(http, 'POST', path, json=dict(
                kind='box', slice=z, box=box))))
        for _ in range(_CLICKS):
            click = dict(kind='points', slice=z, labels=[1], points=[
                [int(rng.integers(box[0], box[2])),
                 int(rng.integers(box[1], box[3]))]])
            found['click, others being encoded'].append(timed(
                lambda path=path, click=click: asked(http, 'POST', path,
                                                     json=click)))
    while asked(http, 'GET', 'progress?slice=0')['ready'] < depth:
        time.sleep(0.2)
    found['all slices encoded'].append(time.perf_counter() - begun)
    return found


def main() -> None:
    """Print the table."""
    args = parse_args()
    print('| what | times | median, s | longest, s |\n|---|---:|---:|---:|')
    seconds = time_encodings(args.config, args.threads)
    print(f'| one encoding, nothing else | 5 | {seconds:.2f} | |')
    with serving(args.image.resolve(), args.config) as (http, pid):
        scan = asked(http, 'POST', 'scan', json=dict(path=args.image.name))
        for what, times in work(http, scan).items():
            print(f'| {what} | {len(times)} | {median(times):.2f} | '
                  f'{max(times):.2f} |')
        memory = psutil.Process(pid).memory_info().rss
        print(f'| memory of the server with {scan["size"][2]} slices | | '
              f'{memory / 1e9:.2f} GB | |')


if __name__ == '__main__':
    run_cli(main)
