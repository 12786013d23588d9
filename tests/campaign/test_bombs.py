"""Bombs that are quickly made, and that the campaign notices others."""

import numpy as np
import pytest

from campaign import trial
from campaign.bombs import Bomb, all_bombs, explode

# The others are tried at length: python -m campaign --bombs.
QUICK = {bomb.name: bomb for bomb in all_bombs()
         if 'terabytes' in bomb.name or 'deep' in bomb.name
         or bomb.name.startswith(('DICOM', 'PNG', 'export', 'prepared'))}


@pytest.mark.parametrize('name', QUICK)
def test_a_bomb_is_refused(tmp_path, name):
    verdict = explode(QUICK[name], tmp_path)
    assert verdict.kind == 'line', verdict.text


def test_a_bomb_that_goes_off_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(trial, 'GIGABYTES', 1)
    bomb = Bomb('some', lambda folder: (folder / 'a').touch(),
                lambda folder: np.ones(
                    int(1.2 * 2**30), np.uint8).sum())
    assert explode(bomb, tmp_path).kind == 'memory'
    (tmp_path / 'a').unlink()
    bomb = Bomb('some', lambda folder: (folder / 'a').touch(),
                lambda folder: (folder / '.partial.a').touch())
    assert explode(bomb, tmp_path).kind == 'half-written'
