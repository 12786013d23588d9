"""What lies in a source folder: pairs of volumes."""

import re
from dataclasses import dataclass
from pathlib import Path

from mmdbsam.datasets.preparation.readers import Readers
from mmdbsam.errors import InputError

# Names of the folders of images and labels: a pair of folders, and nnU-Net's,
# which are those of the Medical Segmentation Decathlon too.
_LAYOUTS = (('images', 'labels'), ('imagesTr', 'labelsTr'))
_CHANNEL = re.compile(r'_(\d{4})$')


@dataclass(frozen=True)
class Pair:
    """One case of a source folder: its name and its two volumes."""

    name: str
    image: Path
    label: Path


def find_pairs(source: Path, readers: Readers,
               channel: int | None = None) -> list[Pair]:
    """Pair the volumes in ``images/`` with those in ``labels/`` by name.

    A volume is a file that a reader knows, or a folder of a DICOM series; the
    two of a case may be of different kinds. The folders may also be
    ``imagesTr/`` and ``labelsTr/``, in which nnU-Net ends the images' names
    with a channel, as ``_0000``.

    Args:
        source: The folder that holds the two.
        readers: Of the volumes.
        channel: The channel to take of cases that have several.

    Returns:
        The pairs, sorted by name.

    Raises:
        InputError: If a folder is missing or empty, an image has no label,
            two volumes of a folder have one name, or a case has several
            channels of which none is asked for.
    """
    images_dir, labels_dir = _folders(source)
    images, labels = (_volumes(folder, readers)
                      for folder in (images_dir, labels_dir))
    if not images:
        raise InputError(f'{images_dir}: expected {readers.formats()}, found '
                         'none')
    if labels_dir.name == 'labelsTr':
        images = _one_channel(images, labels, channel)
    for name, image in images.items():
        if name not in labels:
            raise InputError(f"{image}: expected a label named '{name}' in "
                             f'{labels_dir}, found none')
    return [Pair(name, image, labels[name])
            for name, image in sorted(images.items())]


def _folders(source: Path) -> tuple[Path, Path]:
    """The folders of images and labels."""
    layout = next((names for names in _LAYOUTS
                   if (source / names[0]).is_dir()), _LAYOUTS[0])
    for folder in (source, *(source / name for name in layout)):
        if not folder.is_dir():
            raise InputError(
                f'{folder}: expected a folder (SOURCE holds images/ and '
                'labels/, or imagesTr/ and labelsTr/, with volumes of the '
                'same names), found none')
    return source / layout[0], source / layout[1]


def _volumes(folder: Path, readers: Readers) -> dict[str, Path]:
    """The volumes of a folder by the names of their cases."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        name = readers.case_name(path)
        if name is None:
            continue
        if name in found:
            raise InputError(f"{path}: expected one volume named '{name}', "
                             f'found {found[name]} too')
        found[name] = path
    return found


def _one_channel(images: dict[str, Path], labels: dict[str, Path],
                 channel: int | None) -> dict[str, Path]:
    """The images by the cases' names, without nnU-Net's channels."""
    channels: dict[str, dict[int, Path]] = {}
    chosen = {}
    for name, path in images.items():
        match = _CHANNEL.search(name)
        if name in labels or not match:
            chosen[name] = path
        else:
            channels.setdefault(name[:match.start()], {})[
                int(match[1])] = path
    for name, paths in channels.items():
        wanted = channel if len(paths) > 1 else next(iter(paths))
        if wanted not in paths:
            known = ', '.join(f'{number} ({path.name})'
                              for number, path in paths.items())
            raise InputError(
                f"{next(iter(paths.values())).parent}: expected one channel "
                f"of case '{name}', found {known}; choose with --channel N")
        chosen[name] = paths[wanted]
    return chosen
