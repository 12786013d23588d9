"""Takes the slices of a volume through a model side by side."""

import threading
from collections.abc import Callable
from concurrent.futures import (
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
)
from contextlib import nullcontext
from types import TracebackType
from typing import Any, Optional, Set, Type

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from mmdbsam.apis.image_model import SliceModel
from mmdbsam.apis.onnx_model import OnnxModel
from mmdbsam.engine.memory import available_memory

# The memory in bytes that an encoding takes beyond the model's own: at least
# this much, as LiteMedSAM does at 256 px, and this much at 1024 px, as DB-SAM
# with ViT-B does.
_LEAST_MEMORY = 0.4e9
_MEMORY_AT_1024 = 1.5e9


class SliceWorkers:
    """Threads that compute a slice each, which is used as a context.

    Threads that share an operation wait for each other when it ends, which a
    slice of 256 px makes them do a thousand times. Threads that have a slice
    each do not wait, and use the same weights. PyTorch and this package's
    kernels let go of Python's lock while they compute.

    Within the context, torch's threads are divided among the workers, for the
    calling thread too. A slice is thus computed in the same way by whichever
    thread and beside however many others. When an error or the user ends the
    context, the workers stop at the next layer of the model.

    Args:
        count: The number of workers. With one, the calling thread does the
            work when it is submitted, with all of torch's threads.
        executor: What does the work of one worker instead, such as a thread
            that several volumes share.
    """

    def __init__(self, count: int, executor: Optional[Executor] = None
                 ) -> None:
        self.count = count
        self._threads = torch.get_num_threads()
        self._executor: Executor = executor or _CallingThread()
        self._members: Set[int] = set()

    def __enter__(self) -> 'SliceWorkers':
        if self.count > 1:
            share = max(1, round(self._threads / self.count))
            self._executor = ThreadPoolExecutor(
                self.count, 'mmdbsam-slice', self._join, (share, ))
            torch.set_num_threads(share)
        return self

    def __exit__(self, kind: Optional[Type[BaseException]],
                 error: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        stop = (nullcontext() if kind is None else
                register_module_forward_pre_hook(self._give_up))
        with stop:
            self._executor.shutdown(cancel_futures=True)
        torch.set_num_threads(self._threads)

    def _join(self, threads: int) -> None:
        """Make the current thread a worker."""
        self._members.add(threading.get_ident())
        torch.set_num_threads(threads)

    def _give_up(self, layer: nn.Module, inputs: Any) -> None:
        """Keep a worker from calling another layer."""
        if threading.get_ident() in self._members:
            raise CancelledError

    def submit(self, function: Callable[..., Any], *args: Any) -> Future:
        """Have a worker call a function, after what was submitted before."""
        return self._executor.submit(function, *args)


class _CallingThread(Executor):
    """Does the work at once, and lets its errors rise."""

    def submit(self, function: Callable[..., Any], *args: Any) -> Future:
        done: Future = Future()
        done.set_result(function(*args))
        return done


def worker_count(model: SliceModel, slices: int) -> int:
    """Choose how many slices to compute side by side.

    On a CPU it is one for each of torch's threads, as far as there are slices
    and free memory. One slice fills a GPU, and onnxruntime has threads of its
    own, so that there is one worker for them.

    Args:
        model: The model.
        slices: The number of slices.
    """
    if (model.device.type != 'cpu'
            or isinstance(model.model, OnnxModel)):
        return 1
    side = model.model.data_preprocessor.size
    needed = max(_LEAST_MEMORY, _MEMORY_AT_1024 * (side / 1024)**2)
    return max(1, min(torch.get_num_threads(), slices,
                      int(available_memory() / needed)))
