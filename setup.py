"""Packaging of mmdbsam."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
VERSION: dict = {}
exec((ROOT / 'mmdbsam' / 'version.py').read_text(), VERSION)

# Labels of DICOM series, read and written.
DICOM = ['pydicom>=3,<4', 'highdicom>=0.28,<1']
# Models outside of torch, written and run.
ONNX = ['onnx>=1.17,<2', 'onnxscript>=0.3,<1', 'onnxruntime>=1.20,<2']
# Curves and pictures of a training in a browser.
TENSORBOARD = ['tensorboard>=2.16,<3']
TESTS = [
    *DICOM,
    *ONNX,
    *TENSORBOARD,
    'pytest>=8', 'pytest-xdist>=3.6', 'hypothesis>=6.100', 'ruff>=0.6',
    'psutil>=5.9',
    # Its interpreter runs the GPU kernels; torch's CPU wheels come without.
    'triton>=3; platform_system == "Linux"',
]


class BuildWithConfigs(build_py):
    """Puts configs/ into the package, so that it knows its model zoo."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            shutil.copytree(ROOT / 'configs',
                            Path(self.build_lib, 'mmdbsam', 'configs'),
                            dirs_exist_ok=True)


setup(
    name='mmdbsam',
    version=VERSION['__version__'],
    description='A modular model zoo for DB-SAM: SAM with a convolutional '
    'branch for medical image segmentation',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['mmdbsam', 'mmdbsam.*']),
    package_data={
        'mmdbsam.reports.pages': ['templates/*'],
    },
    cmdclass=dict(build_py=BuildWithConfigs),
    python_requires='>=3.10',
    install_requires=[
        'torch>=2.7,<3',
        'torchvision>=0.22,<1',
        'onedl-mmengine>=0.10.12,<0.11',
        'onedl-mmcv>=2.3.6,<2.4',
        'onedl-mmpretrain>=1.3.6,<1.4',
        'segment-anything>=1.0,<2',
        'SimpleITK>=2.3,<3',
        'opencv-python>=4.8,<6',
        'numpy>=1.26,<3',
        'PyYAML>=6',
        'pillow>=10',
        'numba>=0.61,<1',
        'scipy>=1.11,<2',
        'matplotlib>=3.10,<4',
        'jinja2>=3.1,<4',
        'rich>=13',
        'surface-distance-based-measures>=0.1,<1',
    ],
    extras_require={
        'dicom': DICOM,
        'onnx': ONNX,
        'tensorboard': TENSORBOARD,
        'tests': TESTS,
        'dev': [*TESTS, 'pre-commit>=3'],
    },
)
