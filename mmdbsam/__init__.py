"""mmdbsam: a modular model zoo for DB-SAM (MICCAI 2024)."""

from mmdbsam.version import __version__

__all__ = ['__version__']
