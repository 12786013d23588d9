"""The configs of configs/recipes, on the tiny config."""

import pytest

TINY = 'tests/data/dbsam_tiny_spine.py'
# Without them the tiny model is fast.
PLAIN = [f'model.image_encoder.{block}=None'
         for block in ('adapter', 'stem', 'neck', 'fusion')]


@pytest.fixture
def tiny_recipe(tmp_path, repo_root):
    """Write a recipe that inherits from the tiny config; its path."""

    def write(name):
        text = (repo_root / f'configs/recipes/{name}.py').read_text()
        assert text.count("'../dbsam_tinyvit_ct.py'") == 1
        path = tmp_path / f'{name}.py'
        path.write_text(text.replace(
            '../dbsam_tinyvit_ct.py', str(repo_root / TINY)).replace(
                'size=256', 'size=128'))
        return path

    return write


@pytest.fixture
def train(command, prepared_spine):
    """Train a config without the added blocks; its work directory."""

    def run(config, work_dir, *words, options=()):
        command('train', config, '--work-dir', work_dir, *words,
                '--cfg-options', f'data_root={prepared_spine}', *PLAIN,
                *options)
        return work_dir

    return run
