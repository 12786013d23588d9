"""Fetch pretrained weights: ``python tools/fetch_weights.py NAME``."""

from mmdbsam.cli import main

if __name__ == '__main__':
    main('fetch')
