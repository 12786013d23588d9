"""The runtimes that run an exported file, behind the same methods."""

import sys
import threading
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional, Protocol, Sequence, Tuple

import numpy as np

from mmdbsam.errors import InputError

if TYPE_CHECKING:
    import openvino

#: The names of the runtimes; the first is the default.
RUNTIMES = ('onnxruntime', 'openvino')
#: The key of a file's metadata under which mmdbsam keeps its own.
METADATA_KEY = 'mmdbsam'


class Session(Protocol):
    """An exported file that is ready to run.

    Attributes:
        metadata: The text that mmdbsam wrote into the file; None if the file
            has none.
    """

    metadata: Optional[str]

    def input_names(self) -> Tuple[str, ...]:
        """Give the names of the inputs, in the file's order."""

    def input_shape(self, name: str) -> Tuple[int, ...]:
        """Give the shape of an input; -1 stands for any length."""

    def run(self, **inputs: np.ndarray) -> List[np.ndarray]:
        """Compute the outputs, in the file's order, from the inputs."""


def open_session(path: Path, inputs: Tuple[str, ...],
                 runtime: str = RUNTIMES[0], threads: int = 0,
                 providers: Optional[Sequence[str]] = None) -> Session:
    """Load an exported file.

    Args:
        path: The ONNX file.
        inputs: The names of the inputs that the file should have.
        runtime: One of :data:`RUNTIMES`.
        threads: The number of CPU threads; 0 means one per core.
        providers: The execution providers of onnxruntime, in order of
            preference; None means its CPU provider.

    Raises:
        InputError: If the runtime is unknown or not installed, if providers
            are given to another runtime than onnxruntime, or if the file is
            missing or damaged, has other inputs, or is an encoder in 8 bits or
            a decoder of an older version, which OpenVINO cannot run.
    """
    if runtime not in RUNTIMES:
        raise InputError(f'runtime: expected {" or ".join(RUNTIMES)}, found '
                         f'{runtime!r}')
    if providers is not None and runtime != 'onnxruntime':
        raise InputError(f'providers: expected none with {runtime}, found '
                         f'{list(providers)}')
    extra = 'onnx' if runtime == 'onnxruntime' else runtime
    try:
        if runtime == 'openvino':
            # Its package reports every import over the network, unless the
            # part that does so cannot be imported.
            sys.modules.setdefault('openvino_telemetry', None)
        import_module(runtime)
    except ModuleNotFoundError as error:
        raise InputError(f'expected the package {runtime}, found none; '
                         f"pip install 'mmdbsam[{extra}]' brings it"
                         ) from error
    if not path.is_file():
        raise InputError(f'{path}: no such file')
    try:
        if runtime == 'openvino':
            session = _OpenVinoSession(path, threads)
        else:
            session = _OnnxRuntimeSession(path, threads, providers)
    except InputError:
        raise
    except UnicodeDecodeError as error:
        raise InputError(f'{path}: expected metadata in UTF-8, found: '
                         f'{error}') from error
    except Exception as error:
        # Both raise errors of many types for a damaged file. OpenVINO names
        # its own source files first.
        lines = [line for line in str(error).splitlines()
                 if line.strip() and not line.startswith('Exception from')]
        raise InputError(f'{path}: expected an ONNX model, found: '
                         f'{lines[0] if lines else error!r}') from error
    found = session.input_names()
    if found != inputs:
        raise InputError(f'{path}: expected the inputs {", ".join(inputs)}, '
                         f'found {", ".join(found)}; is it another file?')
    return session


class _OnnxRuntimeSession:
    """A file that onnxruntime runs."""

    def __init__(self, path: Path, threads: int,
                 providers: Optional[Sequence[str]]) -> None:
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            path, options,
            providers=list(providers or ['CPUExecutionProvider']))
        self.metadata = self._session.get_modelmeta(
        ).custom_metadata_map.get(METADATA_KEY)

    def input_names(self) -> Tuple[str, ...]:
        """See :class:`Session`."""
        return tuple(one.name for one in self._session.get_inputs())

    def input_shape(self, name: str) -> Tuple[int, ...]:
        """See :class:`Session`."""
        shapes = {one.name: one.shape for one in self._session.get_inputs()}
        return tuple(side if isinstance(side, int) else -1
                     for side in shapes[name])

    def run(self, **inputs: np.ndarray) -> List[np.ndarray]:
        """See :class:`Session`."""
        return self._session.run(None, inputs)


class _OpenVinoSession:
    """A file that OpenVINO runs on the CPU."""

    def __init__(self, path: Path, threads: int) -> None:
        core = _openvino_core()
        model = core.read_model(path)
        kinds = {node.get_type_name() for node in model.get_ops()}
        if 'FakeQuantize' in kinds:
            # DB-SAM on the demo's test set: 66 DSC instead of 84 (2026.4).
            raise InputError(
                f'{path}: expected an encoder in float32, as OpenVINO computes'
                ' others wrongly, found one in 8 bits; run it with onnxruntime'
            )
        if 'If' in kinds:
            raise InputError(
                f'{path}: expected a file without conditions, which OpenVINO '
                'would run for one number of prompts only, found one of an '
                'older mmdbsam; export the model again')
        self.metadata = _metadata_of(model)
        # Without the hint, it would round to bfloat16 where the CPU can.
        options = dict(INFERENCE_PRECISION_HINT='f32',
                       PERFORMANCE_HINT='LATENCY')
        if threads:
            options.update(INFERENCE_NUM_THREADS=threads)
        self._compiled = core.compile_model(model, 'CPU', options)
        self._request = self._compiled.create_infer_request()
        # A request that is under way refuses another thread's.
        self._lock = threading.Lock()

    def input_names(self) -> Tuple[str, ...]:
        """See :class:`Session`."""
        return tuple(one.get_any_name() for one in self._compiled.inputs)

    def input_shape(self, name: str) -> Tuple[int, ...]:
        """See :class:`Session`."""
        shape = self._compiled.input(name).partial_shape
        return tuple(-1 if side.is_dynamic else side.get_length()
                     for side in shape)

    def run(self, **inputs: np.ndarray) -> List[np.ndarray]:
        """See :class:`Session`."""
        with self._lock:
            found = self._request.infer(inputs)
        return [found[output] for output in self._compiled.outputs]


@cache
def _openvino_core() -> 'openvino.Core':
    """The only core of this process, which lasts as long as it does.

    Each core gives the thread a stack for signals, and leaves the thread with
    one that is freed when the core before it goes first (OpenVINO 2026.4):
    the next signal, of Ctrl-C for example, ends the process.
    """
    import openvino
    return openvino.Core()


def _metadata_of(model: 'openvino.Model') -> Optional[str]:
    where = ['framework', METADATA_KEY]
    if not model.has_rt_info(where):
        return None
    return model.get_rt_info(where).astype(str)
