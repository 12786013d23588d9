"""Train a model: ``python tools/train.py configs/dbsam_vitb_ct.py``."""

from mmdbsam.cli import main

if __name__ == '__main__':
    main('train')
