"""The HTTP interface of nnInteractive's clients.

Viewers' plug-ins speak it that are set to a remote server:
``nnInteractiveRemoteInferenceSession`` of the package ``nninteractive-client``
2.6. Numbers come as JSON, arrays as in :mod:`.packed_arrays` with the numbers
in the header ``X-Meta``; the answer to an interaction is the part of the mask
that has changed.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from mmdbsam.serving.leases import LEASE_HEADER, Lease
from mmdbsam.serving.packed_arrays import (
    array_header,
    pack_array,
    unpack_array,
)
from mmdbsam.serving.refusals import Refusal
from mmdbsam.serving.requests import parse_json, read_json
from mmdbsam.serving.service import Service
from mmdbsam.serving.viewer_prompts import (
    Interaction,
    box,
    lasso,
    part_of,
    point,
    scribble,
)
from mmdbsam.serving.viewer_session import Change, ViewerSession

META_HEADER = 'X-Meta'
_BINARY = 'application/octet-stream'
# The version of nnInteractive whose protocol this is.
_VERSION = '2.6.0'
# As wide as the strokes that points are taken from, along each axis.
_THICKNESS = [3, 3, 3]
# Clients wait for 60 seconds, and then again for as long after each byte.
_PATIENCE = 25.

_Predict = Callable[[ViewerSession], Change | None]


def viewer_routes(service: Service) -> list[BaseRoute]:
    """Make the routes that nnInteractive's clients use.

    Args:
        service: The model and the sessions.
    """
    routes = ViewerRoutes(service)
    return [
        Route('/healthz', routes.healthz),
        Route('/capabilities', routes.capabilities),
        Route('/lease_status', routes.lease_status),
        *(Route(path, endpoint, methods=['POST']) for path, endpoint in {
            '/claim': routes.claim,
            '/release': routes.release,
            '/heartbeat': routes.heartbeat,
            '/set_image': routes.set_image,
            '/set_target_buffer': routes.set_target_buffer,
            '/set_do_autozoom': routes.set_do_autozoom,
            '/reset_interactions': routes.reset_interactions,
            '/undo': routes.undo,
            '/predict': routes.predict,
            '/add_bbox_interaction': routes.add_box,
            '/add_point_interaction': routes.add_point,
            '/add_scribble_interaction': routes.add_scribble,
            '/add_lasso_interaction': routes.add_lasso,
            '/add_initial_seg_interaction': routes.add_initial_seg,
        }.items())]


class ViewerRoutes:
    """Answers nnInteractive's clients, an endpoint a method.

    Args:
        service: The model and the sessions.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.leases = service.leases

    async def healthz(self, request: Request) -> Response:
        """Say that the server is there."""
        return JSONResponse(dict(ok=True, model=self.service.name))

    async def capabilities(self, request: Request) -> Response:
        """Say what the model can do; it does not zoom by itself."""
        kinds = ('points', 'bbox2d', 'bbox3d', 'scribble', 'lasso')
        return JSONResponse(dict(
            supported_interactions=dict.fromkeys(kinds, True),
            channel_mapping={}, num_interaction_channels=0,
            supports_initial_label=True,
            supports_zero_shot_label_refinement=False, supports_undo=True,
            preferred_scribble_thickness=_THICKNESS, interaction_decay=None,
            do_autozoom=False, inference_session_version=_VERSION,
            model=self.service.name, license=None))

    async def claim(self, request: Request) -> Response:
        """Give a lease to a client."""
        lease = self.leases.claim()
        return JSONResponse(dict(
            lease_token=lease.token,
            idle_timeout_seconds=self.leases.idle_timeout,
            liveness_timeout_seconds=self.leases.liveness_timeout,
            max_sessions=self.leases.most))

    async def release(self, request: Request) -> Response:
        """End a lease; it does not matter whether it had ended before."""
        if lease := self.leases.find(request.headers.get(LEASE_HEADER, '')):
            async with lease.turn():
                self.leases.release(lease)
        return JSONResponse(dict(released=True))

    async def heartbeat(self, request: Request) -> Response:
        """Note a sign of life, which is no use of the session."""
        lease = self.leases.of(request)
        lease.seen = time.monotonic()
        return JSONResponse(dict(
            remaining_seconds=self.leases.remaining(lease)))

    async def lease_status(self, request: Request) -> Response:
        """Say for how long a lease is valid if it is not used."""
        lease = self.leases.of(request)
        return JSONResponse(dict(
            remaining_seconds=self.leases.remaining(lease),
            idle_timeout_seconds=self.leases.idle_timeout))

    async def set_image(self, request: Request) -> Response:
        """Open an image (1, a, b, c) in place of the one before."""
        lease = self.leases.of(request)
        properties = _meta(request).get('image_properties') or {}
        if not isinstance(properties, dict):
            raise Refusal(400, 'image_properties: expected an object of JSON')
        spacing = _spacing(properties.get('spacing'))
        packed = await request.body()

        def open_image() -> list[int]:
            values = unpack_array(packed, 4, self.service.settings.max_upload)
            if len(values) != 1:
                raise Refusal(400, 'image: expected one channel, found '
                                   f'{len(values)}')
            session = ViewerSession(self.service, values[0], spacing)
            if lease.content is not None:
                lease.content.close()
            lease.content = session
            return [*values.shape]

        shape = await lease.run(open_image)
        return JSONResponse(dict(original_image_shape=shape))

    async def set_target_buffer(self, request: Request) -> Response:
        """Note that the client has an empty mask of the image's size."""
        lease = self.leases.of(request)
        said = await read_json(request)

        def begin() -> None:
            session = _opened(lease)
            if said.get('shape') != [*session.shape]:
                raise Refusal(400, 'shape: expected the shape of the image, '
                                   f'{[*session.shape]}, found '
                                   f'{str(said.get("shape"))[:100]}')
            session.begin_buffer()

        await lease.run(begin)
        return JSONResponse({})

    async def set_do_autozoom(self, request: Request) -> Response:
        """Take note of a wish that has no effect, as capabilities say."""
        self.leases.of(request)
        await read_json(request)
        return JSONResponse({})

    async def reset_interactions(self, request: Request) -> Response:
        """Begin another object."""
        lease = self.leases.of(request)
        await lease.run(lambda: _opened(lease).begin_object())
        return JSONResponse({})

    async def undo(self, request: Request) -> Response:
        """Take the last prediction back."""
        return await self._answer(request, ViewerSession.undo)

    async def predict(self, request: Request) -> Response:
        """Answer the interactions that wait."""
        return await self._answer(request, ViewerSession.predict)

    async def add_box(self, request: Request) -> Response:
        """Add a box within a slice, or one of several slices."""
        said = await read_json(request)
        return await self._add(request, said, lambda shape: box(
            said.get('bbox_coords'), _is_object(said), shape))

    async def add_point(self, request: Request) -> Response:
        """Add a click."""
        said = await read_json(request)
        return await self._add(request, said, lambda shape: point(
            said.get('coordinates'), _is_object(said), shape))

    async def add_scribble(self, request: Request) -> Response:
        """Add a stroke."""
        return await self._add_drawing(request, scribble)

    async def add_lasso(self, request: Request) -> Response:
        """Add a closed line."""
        return await self._add_drawing(request, lasso)

    async def add_initial_seg(self, request: Request) -> Response:
        """Replace the object by a mask that the client shows already."""
        self.leases.of(request)
        packed = await request.body()

        def give(session: ViewerSession) -> None:
            session.give_mask(self._mask(packed) != 0)

        return await self._answer(request, give)

    async def _add_drawing(self, request: Request,
                           read: Callable[..., Interaction]) -> Response:
        self.leases.of(request)
        said, packed = _meta(request), await request.body()

        def interaction(shape: tuple[int, ...]) -> Interaction:
            drawn = self._mask(packed) != 0
            start = part_of(drawn, said.get('interaction_bbox'), shape)
            return read(drawn, start, _is_object(said), shape)

        return await self._add(request, said, interaction)

    async def _add(self, request: Request, said: dict[str, Any],
                   interaction: Callable[[tuple[int, ...]], Interaction]
                   ) -> Response:
        """Add an interaction, and answer it unless it is to wait."""
        def add(session: ViewerSession) -> Change | None:
            session.add(interaction(session.shape))
            return (session.predict() if said.get('run_prediction', True)
                    else None)

        return await self._answer(request, add)

    def _mask(self, packed: bytes) -> np.ndarray:
        return unpack_array(packed, 3, self.service.settings.max_upload)

    async def _answer(self, request: Request, predict: _Predict) -> Response:
        """Predict, and say what has changed before the client gives up."""
        lease = self.leases.of(request)
        task = asyncio.create_task(lease.run(
            lambda: predict(_opened(lease))))
        if await _is_done(task):
            return _changed(task.result())
        # Whatever changes lies in the image; the rest is the same as before.
        shape = _opened(lease).shape
        return _with_meta(StreamingResponse(
            self._whole_mask(lease, task, shape), media_type=_BINARY),
            [slice(0, size) for size in shape])

    async def _whole_mask(self, lease: Lease, task: asyncio.Task,
                          shape: tuple[int, ...]) -> AsyncIterator[bytes]:
        """Send the whole mask, whose first bytes are known before it is."""
        begun, header = 0, array_header(shape, 'uint8')
        while not await _is_done(task):
            yield header[begun:begun + 1]
            begun += begun < len(header)
        task.result()
        packed = await lease.run(lambda: pack_array(
            _opened(lease).mask.astype(np.uint8)))
        yield packed[begun:]


async def _is_done(task: asyncio.Task) -> bool:
    """Wait for a task for as long as a client can be kept waiting."""
    await asyncio.wait({task}, timeout=_PATIENCE)
    return task.done()


def _opened(lease: Lease) -> ViewerSession:
    """Return what a client has opened.

    Raises:
        Refusal: 409, if it is no image of this protocol.
    """
    if not isinstance(lease.content, ViewerSession):
        raise Refusal(409, 'image: expected one, set by /set_image, found '
                           'none')
    return lease.content


def _changed(change: Change | None) -> Response:
    if change is None:
        return _with_meta(Response(media_type=_BINARY), None, ran=False)
    return _with_meta(Response(pack_array(change.values) if change.box else
                               b'', media_type=_BINARY), change.box)


def _with_meta(response: Response, part: Any, ran: bool = True) -> Response:
    sides = part and [[one.start, one.stop] for one in part]
    response.headers[META_HEADER] = json.dumps(
        dict(ran_prediction=ran, bbox=sides))
    return response


def _meta(request: Request) -> dict[str, Any]:
    return parse_json(request.headers.get(META_HEADER, ''), META_HEADER)


def _is_object(said: dict[str, Any]) -> bool:
    """Read whether an interaction is on the object.

    Raises:
        Refusal: If that is not said.
    """
    found = said.get('include_interaction')
    if not isinstance(found, bool):
        raise Refusal(400, 'include_interaction: expected true or false, '
                           f'found {str(found)[:50]}')
    return found


def _spacing(said: Any) -> list[float] | None:
    """Read the lengths of voxels, if they are said.

    Raises:
        Refusal: If they are not three numbers.
    """
    if said is None:
        return None
    if not isinstance(said, list) or len(said) != 3 or not all(
            isinstance(one, (int, float)) and abs(one) < 1e6 for one in said):
        raise Refusal(400, 'spacing: expected three lengths in mm, found '
                           f'{str(said)[:100]}')
    return said
