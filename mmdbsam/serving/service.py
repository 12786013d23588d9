"""What all parts of the server share."""

import threading
from typing import Any

from mmdbsam.apis.inferencer import PromptInferencer
from mmdbsam.serving.encoding import SliceEncoder
from mmdbsam.serving.leases import Leases
from mmdbsam.serving.refusals import Refusal
from mmdbsam.serving.scan_session import ScanSession
from mmdbsam.serving.settings import Settings
from mmdbsam.serving.workspace import SavedScan, Workspace


class Service:
    """A model with the sessions that use it.

    Args:
        inferencer: The model.
        settings: The server's settings.
        name: The model's name for users.

    Attributes:
        leases: The clients.
        workspace: The scans that are kept.
        encoder: What encodes the slices of all sessions.
    """

    def __init__(self, inferencer: PromptInferencer, settings: Settings,
                 name: str) -> None:
        self.model = inferencer.model
        self.settings = settings
        self.name = name
        self.leases = Leases(settings.max_sessions, settings.idle_timeout,
                             settings.liveness_timeout)
        self.workspace = Workspace(settings.workspace, settings.root,
                                   settings.max_upload)
        self.encoder = SliceEncoder(settings.memory)
        self._open: set[str] = set()
        self._lock = threading.Lock()

    def open(self, saved: SavedScan, plane: str = 'axial',
             window: Any = None) -> 'KeptSession':
        """Open a scan that is kept, with the objects that were found in it.

        Args:
            saved: The scan.
            plane: The plane of the slices, if the session is a new one.
            window: The grey-value window, if the session is a new one.

        Raises:
            Refusal: 409, if another client has opened the scan.
            InputError: If the scan or its session cannot be read.
        """
        with self._lock:
            if saved.id in self._open:
                raise Refusal(409, f'{saved.name}: expected a scan that is '
                                   'not in use, found it opened already')
            self._open.add(saved.id)
        try:
            return KeptSession(self, saved, ScanSession.begin(
                self.model, self.encoder, self.workspace.load(saved), plane,
                saved.session, window))
        except BaseException:
            self.left(saved.id)
            raise

    def left(self, scan_id: str) -> None:
        """Let others open a scan that was closed."""
        with self._lock:
            self._open.discard(scan_id)

    def close(self) -> None:
        """Close all sessions, and end the encoder."""
        for lease in self.leases:
            self.leases.release(lease)
        self.encoder.stop()


class KeptSession:
    """A session of a scan that is kept in the workspace.

    Args:
        service: Where it was opened.
        saved: The scan.
        scan: The session.
    """

    def __init__(self, service: Service, saved: SavedScan, scan: ScanSession
                 ) -> None:
        self.saved = saved
        self.scan = scan
        self._service = service

    def close(self) -> None:
        """Let others open it."""
        self.scan.close()
        self._service.left(self.saved.id)
