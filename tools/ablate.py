"""Train, test and compare the variants of a study."""

from mmdbsam.cli import main

if __name__ == '__main__':
    main('ablate')
