"""Look at samples as the model sees them, and at the labels."""

from mmdbsam.cli import main

if __name__ == '__main__':
    main('browse')
