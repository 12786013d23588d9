"""docker/Dockerfile, as far as it can be tested without a daemon."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def dockerfile(repo_root):
    return repo_root / 'docker/Dockerfile'


def test_the_linter_finds_nothing(dockerfile):
    hadolint = Path(sys.executable).with_name('hadolint')
    done = subprocess.run([hadolint, dockerfile], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout


def test_its_command_is_not_run_by_root(dockerfile):
    words = re.findall(r'^(USER|ENTRYPOINT) (.*)$', dockerfile.read_text(),
                       re.MULTILINE)
    assert words == [('USER', '1000:1000'), ('ENTRYPOINT', '["mmdbsam"]')]
