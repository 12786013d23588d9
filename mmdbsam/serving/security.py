"""Keeps requests out that no client of the server would send."""

import asyncio
import hmac
import logging
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmdbsam.errors import InputError
from mmdbsam.serving.refusals import Refusal, refuse
from mmdbsam.serving.settings import Settings, address_of, is_loopback

# Bytes of a request that holds no image.
_SMALL = 4 * 10**6
_LARGE_TYPES = ('application/octet-stream', 'multipart/form-data')
# Seconds that a client may be silent in the middle of a request.
_PATIENCE = 60.

_HEADERS = {
    'content-security-policy':
        "default-src 'self'; img-src 'self' blob: data:; worker-src 'self' "
        "blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
}


class Guard:
    """Checks each request before the application sees it.

    A web page that a user of this machine visits must not reach the server:
    its name in ``Host`` must be one of the server's own, against DNS
    rebinding, and ``Origin`` must be the server itself. If there is a key, all
    requests must name it but those for the page's own files. A body may be as
    large as the settings say. What goes wrong is said in one line, without a
    traceback.

    Args:
        app: The application.
        settings: The server's settings.
        public: The beginnings of the paths that need no key; ``/`` stands
            for the page alone.
    """

    def __init__(self, app: ASGIApp, settings: Settings,
                 public: tuple[str, ...] = ('/static/', )) -> None:
        self.app = app
        self.settings = settings
        self.public = public
        own = {settings.host, *settings.host_names}
        if not is_loopback(settings.host):
            own |= {socket.gethostname(), socket.getfqdn()}
        self._names = {name.lower() for name in own}

    async def __call__(self, scope: Scope, receive: Receive, send: Send
                       ) -> None:
        """Answer a request, or refuse it."""
        if scope['type'] == 'lifespan':
            await self.app(scope, receive, send)
            return
        if scope['type'] != 'http':
            await send({'type': 'websocket.close', 'code': 1008})
            return
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            if message['type'] == 'http.response.start':
                begun = True
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault('cache-control', 'no-store')
            await send(message)

        try:
            limit = self._check(scope)
            await self.app(scope, _limited(receive, limit), answer)
        except Exception as error:
            if begun:
                # The connection is cut, which tells the client.
                if not isinstance(error, InputError):
                    logging.exception('%s', scope['path'])
                    raise RuntimeError('cut') from None
                raise
            status, reason = _explain(error, self.settings)
            await refuse(status, reason)(scope, receive, answer)

    def _check(self, scope: Scope) -> int:
        """Check a request's headers, and return how long it may be."""
        headers = Headers(scope=scope)
        host = headers.get('host', '')
        if not self._is_own(host):
            raise Refusal(403, f'Host: expected a name of this server, found '
                               f'{host[:100]!r}; see --host-name')
        origin = headers.get('origin')
        if origin is not None and urlsplit(origin).netloc != host:
            raise Refusal(403, 'Origin: expected the page of this server, '
                               f'found {origin[:100]!r}')
        if self.settings.api_key and not self._is_public(scope):
            self._check_key(headers.get('authorization', ''))
        kind = headers.get('content-type', '').split(';')[0].strip().lower()
        limit = self.settings.max_upload if kind in _LARGE_TYPES else _SMALL
        stated = headers.get('content-length', '0')
        if not (stated.isascii() and stated.isdigit()):
            raise Refusal(400, 'Content-Length: expected a number')
        if len(stated) > 18 or int(stated) > limit:
            raise _too_large(limit)
        return limit

    def _is_own(self, host: str) -> bool:
        try:
            parts = urlsplit(f'//{host}')
            name, _ = parts.hostname or '', parts.port
        except ValueError:
            return False
        if parts.netloc != host or '@' in host:
            return False
        if is_loopback(name) or name in self._names:
            return True
        # No web page has an address of this network for its name.
        return (not is_loopback(self.settings.host)
                and address_of(name) is not None)

    def _is_public(self, scope: Scope) -> bool:
        return scope['method'] in ('GET', 'HEAD') and (
            scope['path'] == '/' or scope['path'].startswith(self.public))

    def _check_key(self, given: str) -> None:
        scheme, _, key = given.partition(' ')
        wanted = self.settings.api_key or ''
        if scheme.lower() != 'bearer' or not hmac.compare_digest(
                key.strip().encode(), wanted.encode()):
            raise Refusal(401, "Authorization: expected 'Bearer' and the key "
                               'of this server')


def _limited(receive: Receive, limit: int) -> Receive:
    """Count the bytes of a body as they come."""
    total, is_complete = 0, False

    async def counted() -> Message:
        nonlocal total, is_complete
        if is_complete:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), _PATIENCE)
        except asyncio.TimeoutError:
            raise Refusal(408, 'body: expected the rest of it') from None
        total += len(message.get('body', b''))
        is_complete = not message.get('more_body', False)
        if total > limit:
            raise _too_large(limit)
        return message

    return counted


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f'body: expected at most {limit} bytes; see '
                        '--max-upload')


def _explain(error: Exception, settings: Settings) -> tuple[int, str]:
    """Return the status and the line that tell a client of an error."""
    if isinstance(error, InputError):
        line = str(error).strip().splitlines()[-1]
        # Where folders lie on the server is nobody's business.
        for folder in (settings.workspace, settings.root):
            if folder is not None:
                place = str(folder.resolve())
                line = line.replace(f'{place}/', '').replace(place, '.')
        return getattr(error, 'status', 400), line
    if isinstance(error, HTTPException):
        return error.status_code, error.detail
    if isinstance(error, MemoryError):
        return 503, 'memory: expected enough of it on the server'
    logging.error('a request failed', exc_info=error)
    return 500, "server: expected no error, found one; see the server's log"
