"""configs/recipes, based on the tiny config."""

import shutil

import pytest

# Without the added blocks the tiny model is fast.
BASE = """
_base_ = {tiny!r}
model = dict(image_encoder=dict(
    adapter=None, stem=None, neck=None, fusion=None, norm=None))
train_cfg = dict(max_epochs=1)
param_scheduler = [dict(type='ConstantLR', factor=1., begin=0, end=1)]
"""


@pytest.fixture
def recipe_folder(tmp_path, repo_root):
    """A folder ``configs`` as the repository's, in which the recipes' base,
    ``dbsam_tinyvit_ct.py``, is a tiny model that is trained for one epoch.
    """
    folder = tmp_path / 'configs'
    shutil.copytree(repo_root / 'configs/recipes', folder / 'recipes')
    (folder / 'dbsam_tinyvit_ct.py').write_text(BASE.format(
        tiny=str(repo_root / 'tests/data/dbsam_tiny_spine.py')))
    return folder


@pytest.fixture
def train(command, prepared_spine):
    """A function that trains on the spine CT and returns the work directory.
    """

    def run(config, work_dir, *words, options=()):
        command('train', config, '--work-dir', work_dir, *words,
                '--cfg-options', f'data_root={prepared_spine}', *options)
        return work_dir

    return run
