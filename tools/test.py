"""Test a model: ``python tools/test.py CONFIG CHECKPOINT --report DIR``."""

from mmdbsam.cli import main

if __name__ == '__main__':
    main('test')
