"""The page at ``/``, and what it asks of the server below ``/api/``."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from mmdbsam.errors import InputError
from mmdbsam.io.left_behind import scratch_folder
from mmdbsam.serving.annotations import Annotations
from mmdbsam.serving.leases import Lease
from mmdbsam.serving.page_client import PageClient, list_folder
from mmdbsam.serving.page_prompts import whole
from mmdbsam.serving.page_scan import PageScan
from mmdbsam.serving.refusals import Refusal
from mmdbsam.serving.requests import read_json
from mmdbsam.serving.sent_labels import check_labels
from mmdbsam.serving.service import Service

_FILES = Path(__file__).with_name('page')


def page_routes(service: Service, annotations: Annotations
                ) -> list[BaseRoute]:
    """Make the routes of the page.

    Args:
        service: The model and the sessions.
        annotations: Where labels are written.
    """
    api = _PageApi(service, annotations)
    one = '/api/objects/{object:int}'
    return [
        Route('/', api.page),
        Mount('/static', StaticFiles(directory=_FILES)),
        Route('/api/lease', api.claim, methods=['POST']),
        Route('/api/lease', api.release, methods=['DELETE']),
        Route('/api/files', api.files),
        Route('/api/scans', api.scans),
        Route('/api/upload', api.begin_upload, methods=['POST']),
        Route('/api/upload', api.receive, methods=['PUT']),
        Route('/api/scan', api.open, methods=['POST']),
        Route('/api/scan', api.scan),
        Route('/api/voxels', api.voxels),
        Route('/api/progress', api.progress),
        Route('/api/objects', api.add, methods=['POST']),
        Route(one, api.rename, methods=['PATCH']),
        Route(one, api.remove, methods=['DELETE']),
        Route(f'{one}/follow', api.follow, methods=['POST']),
        Route(f'{one}/{{action}}', api.act, methods=['POST']),
        Route('/api/undo', api.undo, methods=['POST']),
        Route('/api/redo', api.redo, methods=['POST']),
        Route('/api/segmentation', api.export),
        Route('/api/segmentation', api.open_segmentation, methods=['PUT']),
    ]


class _PageApi:
    """Answers the page's requests, those of a client one after the other."""

    def __init__(self, service: Service, annotations: Annotations) -> None:
        self.service = service
        self.annotations = annotations

    async def page(self, request: Request) -> Response:
        return FileResponse(_FILES / 'index.html')

    async def claim(self, request: Request) -> Response:
        lease = self.service.leases.claim()
        lease.content = PageClient(self.service, self.annotations)
        return JSONResponse(dict(token=lease.token, model=self.service.name))

    async def release(self, request: Request) -> Response:
        lease, _ = self._client(request)
        await lease.run(lambda: None)
        self.service.leases.release(lease)
        return JSONResponse({})

    async def files(self, request: Request) -> Response:
        self._client(request)
        path = request.query_params.get('path', '')
        return JSONResponse(await run_in_threadpool(
            list_folder, self.service, path))

    async def scans(self, request: Request) -> Response:
        """List the scans that were segmented."""
        self._client(request)
        saved = await run_in_threadpool(self.service.workspace.saved)
        return JSONResponse(dict(entries=[
            dict(id=one.id, name=one.name,
                 changed=one.session.stat().st_mtime)
            for one in saved if one.session.exists()]))

    async def begin_upload(self, request: Request) -> Response:
        lease, client = self._client(request)
        await lease.run(client.begin_upload)
        return JSONResponse({})

    async def receive(self, request: Request) -> Response:
        lease, client = self._client(request)
        async with lease.turn():
            await client.receive(request.query_params.get('name', ''),
                                 request.stream())
        return JSONResponse({})

    async def open(self, request: Request) -> Response:
        lease, client = self._client(request)
        return JSONResponse(await lease.run(client.open,
                                            await read_json(request)))

    async def scan(self, request: Request) -> Response:
        lease, client = self._client(request)
        return JSONResponse(await lease.run(client.scan.describe))

    async def voxels(self, request: Request) -> Response:
        _, client = self._client(request)
        first, count = (_query(request, name) for name in ('first', 'count'))
        return Response(await run_in_threadpool(
            client.scan.voxels.slices, first, count),
            media_type='application/octet-stream')

    async def progress(self, request: Request) -> Response:
        lease, client = self._client(request)
        lease.seen = time.monotonic()
        return JSONResponse(client.scan.progress(_query(request, 'slice')))

    async def add(self, request: Request) -> Response:
        return await self._answer(request, PageScan.add,
                                  await read_json(request))

    async def rename(self, request: Request) -> Response:
        return await self._answer(request, PageScan.rename, _object(request),
                                  await read_json(request))

    async def remove(self, request: Request) -> Response:
        return await self._answer(request, PageScan.remove, _object(request))

    async def act(self, request: Request) -> Response:
        action = {'prompt': PageScan.prompt, 'paint': PageScan.paint,
                  'accept': PageScan.accept}.get(
                      request.path_params['action'])
        if action is None:
            raise Refusal(404, 'action: expected prompt, paint, accept or '
                               'follow')
        return await self._answer(request, action, _object(request),
                                  await read_json(request))

    async def follow(self, request: Request) -> Response:
        lease, client = self._client(request)
        index = whole(await read_json(request), 'slice')
        found = client.scan.follow(_object(request), index)
        return StreamingResponse(lease.stream(_lines(found)),
                                 media_type='application/x-ndjson')

    async def undo(self, request: Request) -> Response:
        return await self._answer(request, PageScan.undo)

    async def redo(self, request: Request) -> Response:
        return await self._answer(request, PageScan.redo)

    async def export(self, request: Request) -> Response:
        lease, client = self._client(request)
        content = await lease.run(client.scan.export,
                                  request.query_params.get('format', ''))
        return Response(content, media_type='application/octet-stream')

    async def open_segmentation(self, request: Request) -> Response:
        lease, client = self._client(request)
        name = request.query_params.get('name', '').replace('\\', '/')
        with scratch_folder() as folder:
            # The suffix says what it is.
            path = folder / f'segmentation{_suffix(name)}'
            with path.open('wb') as file:
                async for chunk in request.stream():
                    await run_in_threadpool(file.write, chunk)
            await run_in_threadpool(check_labels, path,
                                    self.service.settings.max_upload)
            return JSONResponse(await lease.run(
                client.scan.open_segmentation, path))

    async def _answer(self, request: Request, method: Callable, *args: Any
                      ) -> Response:
        """Call a method of the client's scan when it is its turn."""
        lease, client = self._client(request)
        return JSONResponse(await lease.run(method, client.scan, *args))

    def _client(self, request: Request) -> tuple[Lease, PageClient]:
        lease = self.service.leases.of(request)
        if not isinstance(lease.content, PageClient):
            raise Refusal(409, 'lease: expected one of a page, found one of '
                               'another client')
        return lease, lease.content


def _object(request: Request) -> int:
    return request.path_params['object']


def _query(request: Request, name: str) -> int:
    """Read a whole number of a request's address."""
    found = request.query_params.get(name, '')
    if not (found.isascii() and found.isdigit() and len(found) < 10):
        raise Refusal(400, f'{name}: expected a whole number >= 0, found '
                           f'{found[:50]!r}')
    return int(found)


def _suffix(name: str) -> str:
    """The suffix of a label's file."""
    lower = name.lower()
    for suffix in ('.seg.nrrd', '.nrrd', '.nii.gz', '.nii', '.mha', '.dcm'):
        if lower.endswith(suffix):
            return suffix
    raise Refusal(400, 'name: expected a file that ends in .seg.nrrd, .nrrd, '
                       f'.nii.gz, .nii, .mha or .dcm, found {name[-100:]!r}')


def _lines(found: Iterator[Any]) -> Iterator[bytes]:
    """Write each item as a line of JSON; an error is the last one."""
    try:
        for one in found:
            yield json.dumps(one).encode() + b'\n'
    except InputError as error:
        line = ' '.join(str(error).split())
        yield json.dumps(dict(detail=line)).encode() + b'\n'
    finally:
        found.close()
