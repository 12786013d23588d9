"""Segment an image, or a folder of them, from prompts."""

from mmdbsam.cli import main

if __name__ == '__main__':
    main('infer')
