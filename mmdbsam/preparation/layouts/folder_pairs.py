"""A folder of images beside a folder of their labels."""

import os
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import is_clutter
from mmdbsam.io.label_readers import (
    DicomObjectReader,
    LabelReaders,
    SlicerSegmentationReader,
)
from mmdbsam.io.readers import Readers
from mmdbsam.io.readers.dicom_series import describe_image
from mmdbsam.preparation.cases import LabelFile, SourceCase
from mmdbsam.preparation.label_names import read_label_names
from mmdbsam.preparation.layouts.layout import Layout, LayoutOptions

# The names of the two folders: plain ones, nnU-Net's (which the Medical
# Segmentation Decathlon also uses), MedSAM's, and those of DB-SAM's release.
_FOLDERS = (('images', 'labels'), ('images', 'masks'),
            ('imagesTr', 'labelsTr'), ('imgs', 'gts'),
            ('npy_images', 'npy_gts'))
_CHANNEL = re.compile(r'_(\d{4})$')
# MedSAM names a slice after its case, followed by its number.
_SLICE = re.compile(r'-\d+$')
# Data sets append one of these to an image's name to name its label, and a
# number where it has several objects, before it or behind.
_MARK = re.compile(r'[-_. ](gt|ground[-_ ]?truth|labels?|lbl|masks?|seg|'
                   r'segmentation)(([-_. ]?\d+)*| ?\(\d+\))$', re.IGNORECASE)
_NUMBER = re.compile(r'[-_. ]?\d+')
# In a folder, the numbers of labels tell structures apart; those of masks do
# not.
_NUMBERED_LABEL = re.compile(r'(labels?|lbl|seg|segmentation)[-_. ]?\d',
                             re.IGNORECASE)
_LAST_PART = re.compile(r'[-_][^-_]*$')
# Kinds of images, and of archives of them, that nobody reads here.
_FOREIGN = ('.img', '.hdr', '.mgz', '.mgh', '.mnc', '.gipl', '.vtk', '.webp',
            '.gif', '.jfif', '.jp2', '.jpe', '.heic', '.svs', '.mat', '.h5',
            '.zip', '.bz2', '.xz', '.zst', '.7z', '.rar', '.tar', '.tgz')
# mmdbsam infer --separate ends a name with the id and the name of an object.
_SEPARATE = re.compile(r'\.\d+_([\w-]+)$')
# mmdbsam infer draws a result on its image in files of this name.
_OVERLAY = '.overlay'


class FolderPairs(Layout):
    """``images/`` and ``labels/`` with files of the same names.

    A label may also be a folder of the image's name with a file for each
    structure, whose names may begin with the image's. Or it may be several
    files whose names begin with the image's: ``<image>_<structure>.png``, or
    ``<image>_<structure>_<number>.png`` where a structure has several objects,
    which become labels of their own. Names such as ``<image>_mask.png`` and
    ``<image>_mask_1.png`` name no structure: several of them are one label.
    The files of ``mmdbsam infer --separate``, such as
    ``<image>.2_liver.nii.gz``, name one each.

    The folders may also be called ``images/`` and ``masks/``; ``imagesTr/``
    and ``labelsTr/``, where nnU-Net ends the images' names with a channel such
    as ``_0000``; MedSAM's ``imgs/`` and ``gts/``, where a slice's name ends
    with its number and the slices of one case are one group; or
    ``npy_images/`` and ``npy_gts/`` of DB-SAM's release.
    """

    form = ('images/ and labels/ (or masks/), imagesTr/ and labelsTr/, imgs/ '
            'and gts/, npy_images/ and npy_gts/')

    @staticmethod
    def matches(source: Path) -> bool:
        """See :class:`Layout`."""
        return any((source / images).is_dir() for images, _ in _FOLDERS)

    def label_names(self, source: Path) -> dict[int, str]:
        """See :class:`Layout`."""
        return read_label_names(source)

    def cases(self, source: Path, options: LayoutOptions) -> list[SourceCase]:
        """See :class:`Layout`."""
        images_dir, labels_dir = _folders(source)
        images = _by_case(images_dir, options.readers)
        if not images:
            raise InputError(f'{images_dir}: expected '
                             f'{options.readers.expected}, found none')
        labels = _by_case(labels_dir, options.label_readers)
        problems: dict[str, str] = {}
        if labels_dir.name == 'labelsTr':
            images = _one_channel(images, labels, options.channel, problems)
        problems |= _without_channel(images, options)
        owned = _owners(images, labels)
        cases = []
        for name, image in images.items():
            files = owned.pop(name, ())
            problem = problems.get(name) or (None if files else (
                f"{image}: expected a label named '{name}' in {labels_dir}, "
                'found none'))
            group = (_SLICE.sub('', name)
                     if labels_dir.name in ('gts', 'npy_gts') else None)
            cases.append(SourceCase(
                name, image, _label_files(name, image, files,
                                          options.label_readers),
                group=group, problem=problem))
        for name, files in owned.items():
            cases.append(SourceCase(name, None, problem=(
                f"{files[0]}: expected an image named '{name}' in "
                f'{images_dir}, found none')))
        for name in _unread(images_dir, labels_dir, options) - {
                case.name for case in cases}:
            cases.append(SourceCase(name, None, problem=(
                f'{images_dir / name}.*: expected '
                f'{options.readers.expected}, found another kind of file')))
        return sorted(cases, key=lambda case: case.name)


def files_in(path: Path, readers: LabelReaders) -> tuple[LabelFile, ...]:
    """The files of a label: its own, or one for each structure in a folder."""
    structures: list[tuple[str, Path]] = []
    if path.is_dir():
        structures = _structures(path, readers)
        if all(isinstance(readers.find(file), DicomObjectReader)
               for _, file in structures):
            # DICOM objects distinguish their structures themselves; DICOM
            # images are the slices of a label volume.
            objects = [LabelFile(file) for _, file in structures
                       if describe_image(file) is None]
            return tuple(objects) or (LabelFile(path), )
    return tuple(_structure_file(file, name, readers)
                 for name, file in structures) or (LabelFile(path), )


def _structure_file(path: Path, name: str, readers: LabelReaders
                    ) -> LabelFile:
    """A file that shows a structure, unless it names several itself."""
    if not name or (_names_nothing(f'_{name}')
                    and not _NUMBERED_LABEL.match(name)):
        return LabelFile(path)
    reader = readers.find(path)
    if isinstance(reader, (DicomObjectReader, SlicerSegmentationReader)):
        # A damaged file is told of when it is read.
        with suppress(InputError):
            if len(reader.names(path)) > 1:
                return LabelFile(path)
    return LabelFile(path, name)


def labels_named(case: str, folder: Path, readers: LabelReaders
                 ) -> list[Path]:
    """The files and folders in a folder that label the image of a case."""
    return [path for path in sorted(folder.iterdir())
            if (name := readers.case_name(path))
            and case in (name, _MARK.sub('', name))]


def objects_named(case: str, folder: Path, readers: LabelReaders
                  ) -> dict[str, Path]:
    """The files of ``mmdbsam infer --separate`` of a case, by object."""
    return {match[1]: path for path in sorted(folder.iterdir())
            if (name := readers.case_name(path))
            and (match := _SEPARATE.search(name))
            and name[:match.start()] == case}


def _structures(folder: Path, readers: LabelReaders
                ) -> list[tuple[str, Path]]:
    """The names and the files of structures in a folder and within it.

    A name may begin with that of the folder, which is the case's.
    """
    found = []
    for path, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders
                            if not is_clutter(Path(name)))
        for file in (Path(path, name) for name in sorted(files)):
            if name := readers.case_name(file):
                own = name.removeprefix(folder.name)
                found.append((own.lstrip('-_. ') if own != name and (
                    not own or own[0] in '-_. ') else name, file))
    return found


def _names_nothing(rest: str) -> bool:
    """Whether the rest of a label's name, such as ``_1_mask``, is no name."""
    marked = _MARK.search(rest)
    return not rest or bool(marked) and (
        not marked.start() or bool(_NUMBER.fullmatch(rest[:marked.start()])))


def _folders(source: Path) -> tuple[Path, Path]:
    """The folders of images and labels."""
    found = [pair for pair in _FOLDERS if (source / pair[0]).is_dir()]
    for images, labels in found:
        if (source / labels).is_dir():
            return source / images, source / labels
    labels = ' or '.join(dict.fromkeys(
        f'{pair[1]}/' for pair in found if pair[0] == found[0][0]))
    raise InputError(f'{source / found[0][1]}: expected a folder ({labels} '
                     f'holds the labels of {found[0][0]}/), found none')


def _by_case(folder: Path, readers: Readers | LabelReaders
             ) -> dict[str, Path]:
    """The contents of a folder by the names of the cases."""
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


def _unread(images_dir: Path, labels_dir: Path, options: LayoutOptions
            ) -> set[str]:
    """The names that files of kinds that nobody reads have in both folders."""
    images, labels = (
        {path.name.partition('.')[0] for path in folder.iterdir()
         if path.suffix.lower() in _FOREIGN and not is_clutter(path)
         and not readers.case_name(path)}
        for folder, readers in ((images_dir, options.readers),
                                (labels_dir, options.label_readers)))
    return images & labels


def _owners(images: Mapping[str, Path], labels: Mapping[str, Path]
            ) -> dict[str, list[Path]]:
    """The labels of each image; labels without one are under their names."""
    owned: dict[str, list[Path]] = {}
    by_file = {path.name: name for name, path in images.items()}
    for name, path in labels.items():
        if name.endswith(_OVERLAY) and name not in images:
            continue
        owner = _MARK.sub('', by_file.get(name, name))
        owner = owner if owner in images and name not in images else name
        if name not in images and (
                whole := _SEPARATE.sub('', name)) in images:
            owner = whole
        while owner not in images and _LAST_PART.search(owner):
            owner = _LAST_PART.sub('', owner)
        if owner not in images or (owner != name and owner in labels):
            owner = name
        owned.setdefault(owner, []).append(path)
    return owned


def _label_files(case: str, image: Path, files: list[Path],
                 readers: LabelReaders) -> tuple[LabelFile, ...]:
    """The label files of a case, with the structure that each shows."""
    counts: Counter[str] = Counter()
    found: list[LabelFile] = []
    for path in files:
        name = readers.case_name(path)
        rest = '' if name == image.name else name[len(case):]
        if _names_nothing(rest):
            found += files_in(path, readers)
            continue
        if separate := _SEPARATE.fullmatch(rest):
            found.append(LabelFile(path, separate[1]))
            continue
        rest = rest.lstrip('-_')
        structure = re.sub(r'(^|[-_])\d+$', '', rest) or 'object'
        counts[structure] += 1
        number = f' {counts[structure]}' if counts[structure] > 1 else ''
        found.append(_structure_file(path, structure + number, readers))
    return tuple(found)


def _without_channel(images: Mapping[str, Path], options: LayoutOptions
                     ) -> dict[str, str]:
    """The problems of images that have one volume, where another is wanted.

    nnU-Net's files have one each, and their names say which.
    """
    readers = options.readers
    return {} if not options.channel else {
        name: f'{image}: expected several volumes, of which --channel '
        f'{options.channel} chooses one, found one'
        for name, image in images.items()
        if readers.case_name(image) == name
        and readers.find(image).count(image) == 1}


def _one_channel(images: dict[str, Path], labels: dict[str, Path],
                 channel: int | None, problems: dict[str, str]
                 ) -> dict[str, Path]:
    """One image for each case, by its name without nnU-Net's channel."""
    channels: dict[str, dict[int, Path]] = {}
    chosen = {}
    for name, path in images.items():
        match = _CHANNEL.search(name)
        if name in labels or not match:
            chosen[name] = path
        else:
            channels.setdefault(name[:match.start()], {})[
                int(match[1])] = path
    several = any(len(paths) > 1 for paths in channels.values())
    for name, paths in channels.items():
        alone = len(paths) == 1 and not (several and channel is not None)
        wanted = next(iter(paths)) if alone else channel
        chosen[name] = paths.get(wanted, next(iter(paths.values())))
        if wanted not in paths:
            known = ', '.join(f'{number} ({path.name})'
                              for number, path in paths.items())
            problems[name] = (
                f'{chosen[name].parent}: expected one channel of case '
                f"'{name}', found {known}; choose with --channel N")
    return chosen
