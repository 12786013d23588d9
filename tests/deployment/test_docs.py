"""The examples of docs/deployment.md run, and give torch's masks."""

import os
import re
import subprocess
import sys

import numpy as np

from mmdbsam.apis import PromptInferencer

BOXES = [[21, 5, 52, 56], [3, 4, 30, 41]]
SAVE = '''
import sys
assert not {'torch', 'mmcv', 'mmengine'} & set(sys.modules)
'''


def run(code, folder, repo_root):
    done = subprocess.run(
        [sys.executable, '-c', code + SAVE], cwd=folder, capture_output=True,
        text=True, env={**os.environ, 'PYTHONPATH': str(repo_root)})
    assert done.returncode == 0, done.stderr
    return np.load(folder / 'masks.npy')


def test_examples(exported_tiny, repo_root, tmp_path):
    alone, ready_made = re.findall(
        r'```python\n(.*?)```', (repo_root / 'docs/deployment.md').read_text(),
        re.DOTALL)
    assert str(BOXES) in alone and str(BOXES) in ready_made
    assert 'mmdbsam.' not in alone.replace("['mmdbsam']", '')
    (tmp_path / 'exported').symlink_to(exported_tiny.folder)
    generator = np.random.default_rng(0)
    image = np.round(generator.normal(40, 150, (60, 73))).astype(np.int16)
    np.save(tmp_path / 'slice.npy', image)
    inferencer = PromptInferencer(exported_tiny.cfg, exported_tiny.checkpoint,
                                  device='cpu')
    wanted = inferencer.set_image(image).segment(BOXES).masks
    found = run(f'{alone}\nnp.save("masks.npy", masks)', tmp_path, repo_root)
    assert wanted.any() and (found == wanted).mean() >= 0.999

    image = generator.integers(0, 256, (60, 73), np.uint8)
    np.save(tmp_path / 'slice_8_bits.npy', image)
    wanted = inferencer.set_image(image).segment(BOXES).masks
    found = run(f'{ready_made}\nnp.save("masks.npy", found.masks)', tmp_path,
                repo_root)
    assert wanted.any() and (found[:, 0] == wanted).mean() >= 0.999
