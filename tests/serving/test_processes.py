"""The command, and what is left when its process is killed."""

import os
import signal
import subprocess
import sys
import time

import httpx
import numpy as np
import pytest
import SimpleITK as sitk
from letter_volumes import as_image, column
from nnInteractive.inference.remote import (
    nnInteractiveRemoteInferenceSession as Client,
)
from page_api import PageApi, packed

from mmdbsam.errors import InputError
from mmdbsam.serving.service import Service
from mmdbsam.serving.settings import Settings

TINY = 'tests/data/dbsam_tiny_spine.py'

# It says after each change that the change was saved, until it is killed.
CHANGES = '''
import sys
from pathlib import Path
from mmdbsam.apis import PromptInferencer, SeedBox
from mmdbsam.serving.service import Service
from mmdbsam.serving.settings import Settings
workspace, root, config, checkpoint = sys.argv[1:]
service = Service(PromptInferencer(config, checkpoint, 'cpu'),
                  Settings(Path(workspace), Path(root)), 'tiny')
saved = service.workspace.from_root('scan.nii.gz')
scan = service.open(saved).scan
for number in range(10**6):
    one = scan.change(scan.session.add_object)
    z = number % 30
    scan.change(scan.session.answer, one, SeedBox(z, [11, 10, 18, 19]))
    print(one, z, scan.session.mask(one).sum(), flush=True)
'''


def start(repo_root, *words):
    path = os.pathsep.join([str(repo_root), os.environ.get('PYTHONPATH', '')])
    return subprocess.Popen(
        [sys.executable, *map(str, words)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, cwd=repo_root,
        env={**os.environ, 'PYTHONPATH': path})


def test_kill_and_restart_lose_nothing(clickable, tiny_checkpoint, repo_root,
                                       tmp_path):
    sitk.WriteImage(as_image(column()), str(tmp_path / 'scan.nii.gz'))
    process = start(repo_root, '-c', CHANGES, tmp_path / 'kept', tmp_path,
                    TINY, tiny_checkpoint)
    said = [process.stdout.readline() for _ in range(12)]
    time.sleep(0.3)
    process.kill()
    said += process.communicate()[0].splitlines(keepends=True)
    service = Service(clickable, Settings(tmp_path / 'kept', tmp_path), 'tiny')
    saved, = service.workspace.saved()
    session = service.open(saved).scan.session
    lines = [[*map(int, line.split())] for line in said if line.endswith('\n')]
    assert len(lines) >= 12
    for one, z, area in lines:
        mask = session.mask(one)
        assert mask.sum() == area
        assert {*np.flatnonzero(mask.any(axis=(1, 2)))} <= {z}
    assert not [*saved.session.parent.glob('*.tmp')]
    service.close()


@pytest.fixture
def start_server(tiny_checkpoint, repo_root, tmp_path, free_port):
    """A function that starts the command, and returns it when it answers."""
    processes = []

    def begin():
        processes.append(start(
            repo_root, '-m', 'mmdbsam', 'serve', '--config', TINY,
            '--checkpoint', tiny_checkpoint, '--device', 'cpu', '--port',
            free_port, '--root', tmp_path, '--workspace', tmp_path / 'kept'))
        said = ''
        while 'answers at' not in said:
            said = processes[-1].stdout.readline()
            assert said, processes[-1].stderr.read()
        assert said == ('dbsam_tiny_spine on cpu answers at http://127.0.0.1:'
                        f'{free_port}/ (Ctrl-C ends it)\n')
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def test_a_killed_server_gives_back_what_the_page_showed(
        start_server, free_port, tmp_path):
    sitk.WriteImage(as_image(column()), str(tmp_path / 'scan.nii.gz'))
    url = f'http://127.0.0.1:{free_port}'
    process = start_server()
    page = PageApi(url)
    page.open(path='scan.nii.gz')
    page('POST', 'objects', json=dict(name='pillar'))
    page.prompt(1, kind='box', slice=9, box=[11, 10, 18, 19])
    page.follow(1, 9)
    page('POST', 'objects/1/paint', json=dict(
        slice=3, **packed(np.eye(20, dtype=bool))))
    shown = page.mask(1)
    process.kill()
    process.wait()
    start_server()
    page = PageApi(url)
    scan = page.open(path='scan.nii.gz')
    assert [one['name'] for one in scan['objects']] == ['pillar']
    assert shown[3].any()
    np.testing.assert_array_equal(page.mask(1), shown)


def test_the_command(start_server, tmp_path, free_port, command):
    """A client is answered, and Ctrl-C ends it without a word."""
    process, url = start_server(), f'http://127.0.0.1:{free_port}'
    with pytest.raises(InputError, match=f'--port {free_port}: expected an '
                                         'address of this machine that is'):
        command('serve', '--port', free_port, '--workspace', tmp_path / 'b')
    with pytest.raises(InputError, match='that nobody else writes to'):
        command('serve', '--port', 0, '--workspace', tmp_path / 'kept')
    with Client(url) as client:
        client.set_image(np.zeros((1, 3, 32, 32), np.int16))
        client.set_target_buffer(np.zeros((3, 32, 32), np.uint8))
        client.add_bbox_interaction([[1, 2], [5, 9], [5, 9]], True)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert process.stderr.read() == ''
    with pytest.raises(httpx.HTTPError):
        Client(url)


def test_without_the_extra(command, monkeypatch):
    monkeypatch.setitem(sys.modules, 'blosc2', None)
    with pytest.raises(InputError, match=r"pip install 'mmdbsam\[serve\]'"):
        command('serve')


def test_an_address_that_others_reach_needs_a_key(command, monkeypatch):
    monkeypatch.delenv('MMDBSAM_API_KEY', raising=False)
    with pytest.raises(InputError, match='--host 0.0.0.0: expected --api-key'):
        command('serve', '--host', '0.0.0.0')
