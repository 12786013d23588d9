"""The command with models whose masks are known."""

import pytest
import SimpleITK as sitk
from letter_volumes import as_image, letter

from mmdbsam.errors import run_cli


@pytest.fixture
def infer(command, bright, monkeypatch):
    """Run the command in this process, with masks that are known."""
    monkeypatch.setattr('mmdbsam.cli.inference.command.PromptInferencer',
                        lambda *args: bright)
    return lambda *args: run_cli(lambda: command('infer', *args))


@pytest.fixture
def refused(infer):
    """Run the tool, and return the one line with which it ends."""

    def run(*args):
        with pytest.raises(SystemExit) as stopped:
            infer(*args)
        message = str(stopped.value)
        assert message.startswith('error: ') and '\n' not in message
        return message

    return run


@pytest.fixture
def scan(tmp_path):
    """A volume with one bright object."""
    path = tmp_path / 'scan.nii.gz'
    sitk.WriteImage(as_image(letter()), str(path))
    return path
