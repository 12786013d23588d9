"""The HTTP interface of the viewers' plug-ins."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from mmdbsam.serving.service import Service


def viewer_routes(service: Service) -> list[BaseRoute]:
    """Make the routes that nnInteractive's clients use.

    Args:
        service: The model and the sessions.
    """

    async def healthz(request: Request) -> JSONResponse:
        return JSONResponse(dict(status='ok', model=service.name,
                                 sessions=len(service.leases)))

    return [Route('/healthz', healthz)]
