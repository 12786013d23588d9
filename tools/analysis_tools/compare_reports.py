"""Compare reports on the same volumes with the first of them."""

from mmdbsam.cli import main

if __name__ == '__main__':
    main('compare')
