"""Annotate scans in a browser or a viewer, with a model that answers.

``mmdbsam serve`` answers at http://127.0.0.1:8000, to this machine alone, with
the weights that come with the package. nnInteractive's plug-ins of 3D Slicer,
napari and MITK use it if they are set to a remote server. docs/annotate.md
explains the rest.
"""

from __future__ import annotations

import argparse
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mmdbsam.cli.options import add_model_arguments
from mmdbsam.errors import InputError

if TYPE_CHECKING:
    from mmdbsam.serving.settings import Settings

_KEY = 'MMDBSAM_API_KEY'
_MEGABYTE = 10**6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    add_model_arguments(parser.add_argument_group('model'))
    _add_access(parser.add_argument_group('access'))
    _add_limits(parser.add_argument_group('limits'))


def _add_access(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--host', default='127.0.0.1', help='the address to listen at; one '
        'that other machines reach needs --api-key (default: %(default)s)')
    group.add_argument('--port', type=int, default=8000,
                       help='the port to listen at (default: %(default)s)')
    group.add_argument(
        '--api-key', metavar='KEY', help='the key that clients must have; in '
        f'the environment variable {_KEY}, other users of this machine cannot '
        'see it')
    group.add_argument(
        '--host-name', action='append', default=[], metavar='NAME',
        help='another name by which clients call this machine, such as that '
        'of a proxy; may be repeated')
    group.add_argument(
        '--root', type=Path, metavar='FOLDER', help='a folder whose scans '
        'clients may open; without it, they upload scans')
    group.add_argument(
        '--workspace', type=Path, default=Path('annotations'),
        metavar='FOLDER', help='the folder in which uploaded scans and all '
        'masks are kept (default: %(default)s)')


def _add_limits(group: argparse._ArgumentGroup) -> None:
    group.add_argument('--max-sessions', type=int, default=8, metavar='N',
                       help='the number of clients at a time (default: '
                       '%(default)s)')
    group.add_argument('--max-upload', type=float, default=2000., metavar='MB',
                       help='the size of a scan, as a file and in memory '
                       '(default: %(default)g)')
    group.add_argument('--idle-timeout', type=float, default=30.,
                       metavar='MINUTES', help='the time after which the '
                       'session of an idle client ends (default: %(default)g)')
    group.add_argument('--memory', type=float, default=2000., metavar='MB',
                       help='the memory for embeddings of all sessions, in '
                       'which slices are answered at once (default: '
                       '%(default)g)')


def run(args: argparse.Namespace) -> None:
    """Serve until the user interrupts it."""
    try:
        import blosc2  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise InputError("mmdbsam serve needs pip install 'mmdbsam[serve]', "
                         f'found: {error}') from error
    settings = _settings(args)
    with _listen(settings.host, settings.port) as listener:
        from mmdbsam.apis.inferencer import PromptInferencer
        from mmdbsam.io.locks import locked
        from mmdbsam.serving.app import build_app
        from mmdbsam.serving.service import Service
        # Two servers would write the same sessions.
        with locked(settings.workspace / 'server', wait=False):
            inferencer = PromptInferencer(
                args.config, args.checkpoint, args.device, args.amp,
                fetch_weights=args.fetch_weights, runtime=args.runtime)
            name = Path(args.config).stem
            service = Service(inferencer, settings, name)
            host, port = listener.getsockname()[:2]
            print(f'{name} on {inferencer.model.device.type} answers at '
                  f'http://{f"[{host}]" if ":" in host else host}:{port}/ '
                  '(Ctrl-C ends it)', flush=True)
            server = uvicorn.Server(uvicorn.Config(
                build_app(service), log_level='warning', access_log=False,
                http='h11', ws='none', server_header=False,
                timeout_graceful_shutdown=5))
            # Ctrl-C has ended it in order by then.
            with suppress(KeyboardInterrupt):
                server.run(sockets=[listener])


def _settings(args: argparse.Namespace) -> Settings:
    from mmdbsam.serving.settings import Settings
    return Settings(
        workspace=args.workspace, root=args.root, host=args.host,
        api_key=args.api_key or os.environ.get(_KEY),
        port=args.port, host_names=tuple(args.host_name),
        max_sessions=args.max_sessions,
        max_upload=round(args.max_upload * _MEGABYTE),
        idle_timeout=args.idle_timeout * 60,
        memory=round(args.memory * _MEGABYTE))


def _listen(host: str, port: int) -> socket.socket:
    """Listen before the model is built, which takes a while.

    Raises:
        InputError: If the address is none of this machine, or is in use.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address, family=family)
    except (OSError, OverflowError) as error:
        raise InputError(f'--host {host} --port {port}: expected an address '
                         'of this machine that is free, found: '
                         f'{getattr(error, "strerror", None) or error}'
                         ) from error
