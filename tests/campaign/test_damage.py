"""The campaign in short, and that it notices what is wrong."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from campaign import damage, trial
from campaign.runs import trials
from campaign.subjects import Subject, all_subjects
from campaign.trial import attempt
from mmdbsam.errors import InputError
from mmdbsam.io.readers import itk_files
from mmdbsam.weights import loading

SUBJECTS = {subject.name: subject for subject in all_subjects()}


@pytest.mark.parametrize('name', SUBJECTS)
def test_damaged_inputs(name):
    """Each ends in one line that names the file, or in the right result."""
    faults = [str(one) for one in trials(SUBJECTS[name], range(3))
              if not one.verdict.is_clean]
    assert not faults, '\n'.join(faults)


@pytest.mark.parametrize('damage_of', damage.DAMAGES)
def test_a_damage_is_one_and_can_be_made_again(damage_of):
    data = b'NDims = 3\n' + bytes(range(256)) * 4
    made = [bytes(damage_of(bytearray(data), np.random.default_rng(1)))
            for _ in range(2)]
    assert made[0] == made[1] != data


def broken(*args):
    raise IndexError('broken on purpose')


@pytest.mark.parametrize(('name', 'module', 'attribute', 'replacement',
                          'kind'), [
    # A check that is left out, an error that is let through, a crash.
    ('MetaImage, compressed volume', itk_files, 'check_voxels',
     lambda path, voxels: None, 'wrong'),
    ('checkpoint', loading, 'verify_archive', lambda path: None, 'wrong'),
    ('MetaImage, compressed volume', itk_files, 'check_voxels', broken,
     'traceback'),
    ('NRRD, compressed volume', itk_files, 'check_voxels',
     lambda path, voxels: os.kill(os.getpid(), signal.SIGSEGV), 'signal')])
def test_a_broken_reader_is_noticed(monkeypatch, name, module, attribute,
                                    replacement, kind):
    right, is_healthy = getattr(module, attribute), [True]
    monkeypatch.setattr(module, attribute, lambda *args: (
        right if is_healthy else replacement)(*args))
    found = trials(SUBJECTS[name], range(60))
    # The first trial begins with reading the healthy files.
    kinds = {next(found).verdict.kind}
    is_healthy.clear()
    assert kind in kinds or any(one.verdict.kind == kind for one in found)


def refuse(text):
    raise InputError(text)


def fill(size):
    return np.ones(size, np.uint8).sum()


@pytest.mark.parametrize(('action', 'kind'), [
    (lambda folder: 7, 'other'),
    (lambda folder: refuse(f'{folder}/a: expected b'), 'line'),
    (lambda folder: refuse('expected b, found c'), 'unnamed'),
    (lambda folder: print('noise', file=os.sys.stderr) or refuse(
        f'{folder}/a'), 'noise'),
    (lambda folder: {}['a'], 'traceback'),
    (lambda folder: os.abort(), 'signal'),
    (lambda folder: os.system('true'), 'execution'),
    (lambda folder: Path('/var/tmp/outside').write_text('a'), 'outside'),
    (lambda folder: (signal.alarm(1), signal.pause()), 'hang'),
    (lambda folder: fill(int(1.2 * 2**30)), 'memory')])
def test_verdicts(tmp_path, monkeypatch, action, kind):
    monkeypatch.setattr(trial, 'GIGABYTES', 1)
    assert attempt(lambda: action(tmp_path), tmp_path).kind == kind
    Path('/var/tmp/outside').unlink(missing_ok=True)


def test_what_is_left_half_written_is_noticed(tmp_path):
    def leave(folder):
        (folder / '.partial.a').write_text('half')

    subject = Subject('some', lambda folder: (folder / 'a').write_text('a'),
                      leave)
    with pytest.raises(AssertionError, match='some: .*partial.a'):
        next(trials(subject, range(1)))
