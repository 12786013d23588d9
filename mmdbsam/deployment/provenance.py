"""Where an exported model comes from, in a file for people and programs."""

import json
from pathlib import Path
from typing import Any, Dict

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import read_json

#: The name of the file beside the exported ones.
PROVENANCE = 'provenance.json'


def write_provenance(folder: Path, provenance: Dict[str, Any]) -> None:
    """Write what the files' metadata say of their origin."""
    (folder / PROVENANCE).write_text(json.dumps(provenance, indent=1) + '\n',
                                     encoding='utf-8')


def read_provenance(folder: Path) -> Dict[str, Any]:
    """Read where an exported model comes from, without a runtime.

    Args:
        folder: The folder of the export.

    Returns:
        dict: The ``provenance`` of :class:`.OnnxSegmentor`; empty if the
        folder lacks the file, as those of older versions do.

    Raises:
        InputError: If the file is damaged.
    """
    path = folder / PROVENANCE
    if not path.is_file():
        return {}
    found = read_json(path)
    if not isinstance(found, dict):
        raise InputError(f'{path}: expected an object of JSON, found '
                         f'{type(found).__name__}; export the model again')
    return found
