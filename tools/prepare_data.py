"""Turn medical images and their labels into mmdbsam's training format."""

from mmdbsam.cli import main

if __name__ == '__main__':
    main('prepare')
