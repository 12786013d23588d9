"""Every command of docs/prepare_your_data.md, on real scans."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from prepare_sources import NEED_SHARED, SHARED, SOURCES

from mmdbsam.datasets import PreparedData

PAGE = (Path(__file__).parents[2] / 'docs/prepare_your_data.md').read_text()
COMMANDS = {
    Path(args[0]).parts[0]: args
    for args in (shlex.split(found) for found in re.findall(
        r'^\|.*\| `python tools/prepare_data\.py ([^`]+)` \|$', PAGE,
        re.MULTILINE))
}
# Some names of what each source shows.
SHOWN = {
    'ct_spine': {'vertebra_L3'}, 'mr_spine': {'label_6'}, 'nnunet': {'L3'},
    'totalsegmentator': {'aorta', 'liver'}, 'structures': {'aorta', 'liver'},
    'dicom_nrrd': {'label_1'}, 'dicom_seg': {'Liver'},
    'dicom_rtstruct': {'heart'}, 'table': {'label_22', 'label_5'},
    'pictures': {'aorta', 'liver'}, 'npz': {'label_5'}, 'npy': {'label_5'},
    'tasks': {'label_1'}, 'openkbp': {'L2', 'L3'},
}


def test_every_row_has_a_source():
    assert COMMANDS.keys() == SOURCES.keys()


@pytest.mark.parametrize('name', [
    pytest.param(name, marks=pytest.mark.skipif(
        name in NEED_SHARED and not SHARED.exists(),
        reason='no ../shared/data')) for name in COMMANDS])
def test_command(run_tool, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    SOURCES[name](tmp_path / name)
    command = (*COMMANDS[name], '--split', '0', '0', '1')
    result = run_tool('prepare_data.py', *command)
    assert result.returncode == 0, result.stderr
    prepared = PreparedData.open_tasks(COMMANDS[name][1])
    names = set().union(*(data.labels.values() for data in prepared))
    assert SHOWN.get(name, set()) <= names
    for data in prepared:
        for case in data.cases:
            image, areas = case.image(), case.areas()
            assert image.shape[:3] == case.shape and np.ptp(image) > 100
            assert areas.sum() > 500
            for column, label_id in enumerate(data.labels):
                mask = case.mask(label_id, 0, case.shape[0])
                assert mask.sum() == areas[:, column].sum()
    again = run_tool('prepare_data.py', *command)
    assert 'nothing to do' in again.stdout
