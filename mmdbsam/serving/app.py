"""Puts the server's parts together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from anyio.to_thread import current_default_thread_limiter
from starlette.routing import Router
from starlette.types import ASGIApp

from mmdbsam.serving.annotations import Annotations
from mmdbsam.serving.page_routes import page_routes
from mmdbsam.serving.security import Guard
from mmdbsam.serving.service import Service
from mmdbsam.serving.viewer_routes import viewer_routes


def build_app(service: Service) -> Guard:
    """Make the application of the server.

    Args:
        service: The model and the sessions. They are closed when the
            application ends.
    """

    annotations = Annotations(service.workspace.folder)

    @asynccontextmanager
    async def lifespan(app: ASGIApp) -> AsyncIterator[None]:
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
            annotations.stop()

    # The guard answers for errors, so that no other part needs to.
    routes = [*page_routes(service, annotations), *viewer_routes(service)]
    return Guard(Router(routes, lifespan=lifespan), service.settings)
