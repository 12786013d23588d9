"""Describes what a score was made with."""

import os
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import torch
from mmengine.logging import MessageHub

import mmdbsam
from mmdbsam.io.checksums import sha256
from mmdbsam.version import __version__
from mmdbsam.weights.loading import checkpoint_file

_PACKAGES = ('torch', 'torchvision', 'onedl-mmengine', 'onedl-mmcv',
             'onedl-mmpretrain', 'onedl-mmsegmentation', 'segment-anything',
             'numpy', 'scipy', 'surface-distance-based-measures', 'SimpleITK',
             'opencv-python')


def describe_test(config: str, options: Dict[str, Any],
                  checkpoints: Sequence[str], precision: str) -> dict:
    """Describe a test before it runs.

    Args:
        config: The path of the config.
        options: The overrides of the config on the command line.
        checkpoints: The paths of the checkpoints, of which several are an
            ensemble.
        precision: The precision of the model's layers, such as 'bfloat16'.

    Returns:
        dict: The arguments, with ``checkpoint`` and ``checkpoint_sha256``
        (of an ensemble, lists), ``code`` (see
        :func:`code_version`), and ``started`` in seconds since the epoch.

    Raises:
        InputError: If there is no such checkpoint.
    """
    return dict(config=config,
                options=[f'{key}={value}' for key, value in options.items()],
                **describe_checkpoints(checkpoints),
                precision=precision, code=code_version(),
                started=time.time())


def describe_checkpoints(checkpoints: Sequence[str]) -> dict:
    """Name checkpoints and their content.

    Returns:
        dict: ``checkpoint`` and ``checkpoint_sha256``: of several checkpoints,
        lists.

    Raises:
        InputError: If there is no such checkpoint.
    """
    hashes = [sha256(checkpoint_file(path)) for path in checkpoints]
    if len(checkpoints) == 1:
        return dict(checkpoint=checkpoints[0], checkpoint_sha256=hashes[0])
    return dict(checkpoint=list(checkpoints), checkpoint_sha256=hashes)


def describe_run(provenance: dict) -> dict:
    """Describe the run in which a report is written.

    Args:
        provenance: The dict that :func:`describe_test` returns, or any other.

    Returns:
        dict: ``provenance``, in which the wall time replaces ``started``, and
        which has the config's whole text and the seed if there is a Runner;
        the ``versions`` of packages; the ``hardware``; and the time at which
        it was ``created``, in UTC.
    """
    provenance = dict(provenance)
    if 'started' in provenance:
        provenance['wall_time_s'] = round(
            time.time() - provenance.pop('started'), 1)
    hub = MessageHub.get_current_instance()
    for key, name in (('seed', 'seed'), ('config_text', 'cfg')):
        if (value := hub.get_info(name)) is not None:
            provenance[key] = value
    return dict(provenance=provenance, versions=package_versions(),
                hardware=hardware(),
                created=time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()))


def code_version() -> Optional[dict]:
    """Find the commit that is checked out, or None outside of a checkout.

    Returns:
        dict or None: The ``commit``, and as ``changed`` the tracked files that
        differ from it.
    """
    root = Path(mmdbsam.__file__).resolve().parents[1]
    # A site-packages folder may lie within another project's checkout.
    if not (root / '.git').exists():
        return None
    commit = _git(root, 'rev-parse', 'HEAD')
    if commit is None:
        return None
    changed = _git(root, 'diff', 'HEAD', '--name-only') or ''
    return dict(commit=commit, changed=changed.splitlines())


def package_versions() -> Dict[str, str]:
    """List the versions of the packages that a score may depend on."""
    versions = dict(mmdbsam=__version__,
                    python=platform.python_version())
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            # Another distribution may provide the module.
            continue
    return versions


def hardware() -> dict:
    """Describe the machine.

    Returns:
        dict: The model of the ``cpu``, the number of ``cores`` that may be
        used, the number of ``threads`` of torch, and the names of the
        ``gpus``.
    """
    gpus: List[str] = [torch.cuda.get_device_name(i)
                       for i in range(torch.cuda.device_count())]
    cores = (len(os.sched_getaffinity(0))
             if hasattr(os, 'sched_getaffinity') else os.cpu_count())
    return dict(cpu=_cpu_model(), cores=cores,
                threads=torch.get_num_threads(), gpus=gpus)


def _cpu_model() -> str:
    path = Path('/proc/cpuinfo')
    lines = path.read_text().splitlines() if path.is_file() else []
    for line in lines:
        key, _, value = line.partition(':')
        if key.strip() == 'model name':
            return value.strip()
    return platform.processor() or platform.machine()


def _git(root: Path, *args: str) -> Optional[str]:
    try:
        done = subprocess.run(['git', '-C', str(root), *args],
                              capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
