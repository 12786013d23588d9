"""A server in a thread, as clients meet it."""

import socket
import threading
from contextlib import contextmanager

import pytest
import SimpleITK as sitk
import uvicorn
from letter_volumes import as_image, column
from page_api import PageApi

from mmdbsam.serving.app import build_app
from mmdbsam.serving.service import Service
from mmdbsam.serving.settings import Settings


@contextmanager
def serving(service):
    """Answer at a port of this machine; yield the URL."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(
            build_app(service), log_level='warning', http='h11', ws='none',
            timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, daemon=True,
                                  kwargs=dict(sockets=[listener]))
        thread.start()
        yield f'http://127.0.0.1:{listener.getsockname()[1]}'
        server.should_exit = True
        thread.join(30)


@pytest.fixture
def serve(tmp_path):
    """Serve an inferencer with some settings; return the URL."""
    begun = []

    def begin(inferencer, **settings):
        service = Service(inferencer, Settings(
            tmp_path / 'workspace', **settings), 'tiny')
        begun.append(serving(service))
        return begun[-1].__enter__()

    yield begin
    for one in begun:
        one.__exit__(None, None, None)


@pytest.fixture
def root(tmp_path):
    """A folder of scans; one lies outside of it."""
    root = tmp_path / 'root'
    (root / 'inner').mkdir(parents=True)
    sitk.WriteImage(as_image(column(), oblique=False),
                    root / 'column.nii.gz')
    sitk.WriteImage(as_image(column()), root / 'inner/oblique.nrrd')
    sitk.WriteImage(as_image(column()), tmp_path / 'outside.nii.gz')
    (root / 'link.nii.gz').symlink_to(tmp_path / 'outside.nii.gz')
    (root / 'notes.txt').write_text('no scan')
    return root


@pytest.fixture
def api(serve, clickable, root):
    """A page with the column."""
    return PageApi(serve(clickable, root=root))


@pytest.fixture
def opened(api):
    """A page that has opened the column, and begun an object."""
    api.open(path='column.nii.gz')
    assert api('POST', 'objects')['object'] == 1
    return api
