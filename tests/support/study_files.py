"""Studies of the tiny config."""

import pytest

HEAD = """
title = 'Tiny'
config = {config!r}
seeds = {seeds}
options = {{
    'data_root': {data_root!r}, 'max_epochs': {epochs}, 'val_cfg': None,
    'val_dataloader': None, 'val_evaluator': None,
    'default_hooks.checkpoint.save_best': None,
}}
"""
VARIANTS = """
variants = [
    dict(name='whole', options={}),
    dict(name='no fusion', options={'model.image_encoder.fusion': None}),
]
"""


@pytest.fixture
def write_study(tmp_path, repo_root):
    """Write a study on the tiny config and return its path."""

    def write(variants=VARIANTS, data_root='data/ct', seeds=(0, ), epochs=1):
        path = tmp_path / 'tiny_study.py'
        path.write_text(HEAD.format(
            config=str(repo_root / 'tests/data/dbsam_tiny_spine.py'),
            data_root=str(data_root), seeds=list(seeds),
            epochs=epochs) + variants)
        return str(path)

    return write
