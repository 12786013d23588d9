"""Puts the server's parts together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from anyio.to_thread import current_default_thread_limiter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mmdbsam.serving.refusals import refuse
from mmdbsam.serving.security import Guard
from mmdbsam.serving.service import Service
from mmdbsam.serving.viewer_routes import viewer_routes


def build_app(service: Service) -> Guard:
    """Make the application of the server.

    Args:
        service: The model and the sessions. They are closed when the
            application ends.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # Requests that wait for an encoding keep no other from being read.
        current_default_thread_limiter().total_tokens = (
            40 + 2 * service.settings.max_sessions)
        watch = asyncio.create_task(service.leases.watch())
        try:
            yield
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
            service.close()

    app = Starlette(
        routes=viewer_routes(service), lifespan=lifespan,
        exception_handlers={HTTPException: _said_by_starlette})
    return Guard(app, service.settings)


async def _said_by_starlette(request: Request, error: Exception) -> Response:
    """Answer an unknown path or method in the form of other refusals."""
    assert isinstance(error, HTTPException)
    return refuse(error.status_code, f'{request.method} '
                  f'{request.url.path[:200]}: {error.detail}')
