"""The wheel, installed where nothing of the checkout is seen."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest


class Installation:
    """An environment that has the wheel and what the running one has.

    Args:
        folder: Where the environment is made.
        wheel: The wheel of mmdbsam.
    """

    def __init__(self, folder: Path, wheel: Path) -> None:
        venv.create(folder)
        self.bin = folder / 'bin'
        self.site_packages = next(folder.glob('lib/python*/site-packages'))
        (folder / 'home').mkdir()
        # On PYTHONPATH the checkout would be seen.
        self.env = {**os.environ, 'PYTHONPATH': '',
                    'HOME': str(folder / 'home'),
                    'PATH': f'{self.bin}{os.pathsep}{os.environ["PATH"]}',
                    # The kernels of another would be compiled anew.
                    'MMDBSAM_MSDA_BACKEND': 'torch'}
        subprocess.run(
            [sys.executable, '-m', 'pip', '--python', str(self.bin / 'python'),
             'install', '--quiet', '--no-deps', '--no-index', str(wheel)],
            check=True, env=self.env)
        # The environment's own packages come first, and what makes a package
        # of the running one editable is not followed.
        (self.site_packages / 'running.pth').write_text(
            sysconfig.get_path('purelib'))

    def run(self, command: str, *args: object,
            cwd: Path) -> subprocess.CompletedProcess:
        """Run a command of the environment, without a look at the checkout.

        Args:
            command: Its name in the environment's ``bin``.
            args: Its arguments.
            cwd: The folder in which it runs.

        Returns:
            subprocess.CompletedProcess: With what it printed.
        """
        return subprocess.run(
            [str(self.bin / command), *map(str, args)], cwd=cwd, text=True,
            capture_output=True, env=self.env)


@pytest.fixture(scope='session')
def wheel(repo_root, tmp_path_factory):
    """The wheel that is built from the sources' archive, as for a release.

    It is built from those files of the checkout that Docker sees, too.
    """
    source = tmp_path_factory.mktemp('source')
    seen = [line[1:]
            for line in (repo_root / '.dockerignore').read_text().splitlines()
            if line.startswith('!')]
    for name in seen:
        if (repo_root / name).is_dir():
            shutil.copytree(repo_root / name, source / name,
                            ignore=shutil.ignore_patterns('__pycache__'))
        else:
            shutil.copy2(repo_root / name, source)
    done = subprocess.run(
        [sys.executable, '-m', 'build', '--no-isolation', str(source)],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    path, = (source / 'dist').glob('*.whl')
    return path


@pytest.fixture(scope='session')
def installation(wheel, tmp_path_factory):
    """An environment that has the wheel."""
    return Installation(tmp_path_factory.mktemp('environment'), wheel)
