"""Requests that the server refuses, and the answers to them."""

from starlette.responses import JSONResponse

from mmdbsam.errors import InputError

# What was found may be long.
_LONGEST = 300


class Refusal(InputError):
    """A request that is refused, with its status of HTTP.

    Args:
        status: The status.
        reason: The reason, in one line.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def refuse(status: int, reason: object) -> JSONResponse:
    """Make the answer that tells a client why a request was refused."""
    # JSON may hold halves of characters, which cannot be sent back.
    line = ' '.join(str(reason).encode('utf-8', 'replace').decode().split())
    return JSONResponse(dict(detail=line[:_LONGEST]), status)
