"""``python -m mmdbsam`` is the command ``mmdbsam``."""

from mmdbsam.cli import main

if __name__ == '__main__':
    main()
