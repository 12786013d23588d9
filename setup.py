"""What pyproject.toml cannot say: the files that OpenMMLab's client reads."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
# onedl-mim 0.5 takes the first path of an installation's RECORD for the
# package. pip sorts the paths, so that it would be the command's,
# ``../../../bin/mmdbsam``. A folder with a plus comes before it.
MIM_FOLDERS = ('mmdbsam/.mim', '+mmdbsam/.mim')
MIM_FILES = ('configs', 'tools', 'model-index.yml')


class BuildWithMim(build_py):
    """Puts configs, tools and the model index into the package."""

    def run(self) -> None:
        super().run()
        # In editable mode mim and the package find them in the checkout.
        if not self.editable_mode:
            for folder in MIM_FOLDERS:
                self._copy_to(Path(self.build_lib, folder))

    def _copy_to(self, folder: Path) -> None:
        # What an earlier build left may have been removed since.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in MIM_FILES:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name,
                                ignore=shutil.ignore_patterns('__pycache__'))
            else:
                shutil.copy2(ROOT / name, folder / name)


setup(cmdclass=dict(build_py=BuildWithMim))
