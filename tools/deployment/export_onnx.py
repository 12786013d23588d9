"""Write a trained model as two ONNX files, which run without torch."""

from mmdbsam.cli import main

if __name__ == '__main__':
    main('export')
