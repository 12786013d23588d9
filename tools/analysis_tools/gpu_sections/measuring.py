"""Times and memory of calls on a device."""

import multiprocessing
import time
from multiprocessing.context import BaseContext
from statistics import median
from typing import Any, Callable, Dict, Iterator, NamedTuple

import torch

Row = Dict[str, Any]
Section = Iterator[Row]
DTYPES = {'float32': torch.float32, 'bfloat16': torch.bfloat16,
          'float16': torch.float16}
# The GPU's cycles in which the CPU gets ahead of it, about 0.3 ms.
_HEAD_START = 500_000


class Settings(NamedTuple):
    """What all sections are told.

    Attributes:
        device: The type of the device that is measured, 'cuda' or 'cpu'.
        quick: Whether to use tiny shapes, which only show that a section runs.
        end: The time of ``time.monotonic`` after which a section should begin
            nothing more.
    """

    device: str
    quick: bool
    end: float

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self.end - time.monotonic()


def processes() -> BaseContext:
    """How to start a process that uses the GPU.

    A fork has imported everything already, but CUDA does not start in it if
    this process has ever asked for it.
    """
    forked = multiprocessing.get_context('fork')
    with forked.Pool(1) as pool:
        is_bad = pool.apply(torch.cuda._is_in_bad_fork)
    return multiprocessing.get_context('spawn') if is_bad else forked


def milliseconds(call: Callable[[], Any], device: str,
                 budget: float = 0.3) -> float:
    """The median time that a call takes on its device, after untimed ones.

    On a CPU, which only shows that a section runs, one call is timed. On a
    GPU, caches are overwritten between the calls. The GPU starts a call so
    late that the CPU is ahead of it, and the time is that between two events.

    Args:
        call: What is timed.
        device: The type of the device.
        budget: The seconds that the timed calls may take together.
    """
    if device != 'cuda':
        start = time.perf_counter()
        call()
        return (time.perf_counter() - start) * 1e3
    call()
    call()
    torch.cuda.synchronize()
    flushed = torch.empty(1 << 28, dtype=torch.int8, device=device)
    times, start = [], time.perf_counter()
    while len(times) < 5 or (time.perf_counter() - start < budget
                             and len(times) < 100):
        events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
        flushed.zero_()
        torch.cuda._sleep(_HEAD_START)
        events[0].record()
        call()
        events[1].record()
        torch.cuda.synchronize()
        times.append(events[0].elapsed_time(events[1]))
    return median(times)


def wall_milliseconds(call: Callable[[], Any], device: str,
                      budget: float = 0.1, least: int = 3) -> float:
    """The mean time of calls that follow one another, of one on a CPU.

    Args:
        call: What is timed, after an untimed call.
        device: The type of the device.
        budget: The seconds that the timed calls may take together.
        least: The number of calls that are made in any case.
    """
    if device != 'cuda':
        return milliseconds(call, device)
    wait = torch.cuda.synchronize
    call()
    wait()
    count, start = 0, time.perf_counter()
    while count < least or time.perf_counter() - start < budget:
        call()
        count += 1
    wait()
    return (time.perf_counter() - start) * 1e3 / count


def extra_gigabytes(call: Callable[[], Any], device: str) -> float:
    """The peak of the memory that a call needs beyond what is in use."""
    if device != 'cuda':
        return float('nan')
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / 1e9


def kernels(call: Callable[[], Any], device: str, most: int = 2) -> str:
    """The GPU kernels that a call spends most of its time in."""
    if device != 'cuda':
        return ''
    from torch.profiler import ProfilerActivity, profile
    with profile(activities=[ProfilerActivity.CUDA]) as found:
        call()
        torch.cuda.synchronize()
    events = sorted(found.key_averages(),
                    key=lambda event: -event.self_device_time_total)
    return ', '.join(f'{event.key[:60]} {event.self_device_time_total:.0f} us'
                     for event in events[:most])


def guarded(row: Row, measure: Callable[[], Row]) -> Row:
    """A row with what was measured, or with the error that came instead."""
    try:
        return {**row, **measure()}
    except Exception as error:
        # Nothing of a failed measurement should stay in the memory.
        error.__traceback__ = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        text = ' '.join(str(error).split())[:300]
        return {**row, 'error': f'{type(error).__name__}: {text}'}
