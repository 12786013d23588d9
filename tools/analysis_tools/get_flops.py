"""Measure what each block of a model costs."""

from mmdbsam.cli import main

if __name__ == '__main__':
    main('flops')
