"""tools/misc/print_config.py: a config with its bases as one."""

import pytest
from mmengine.config import Config

from mmdbsam.errors import InputError


@pytest.fixture
def print_config(load_tool, monkeypatch):
    """A function that runs the tool in this process."""
    tool = load_tool('misc/print_config.py')

    def run(*words):
        monkeypatch.setattr('sys.argv', ['print_config.py',
                                         *map(str, words)])
        tool.main()

    return run


def test_the_whole_config_is_printed_and_written(print_config, tmp_path,
                                                 repo_root, capsys):
    path = repo_root / 'configs/dbsam_tinyvit_ct.py'
    print_config(path)
    head, text = capsys.readouterr().out.split('\n', 1)
    assert head == 'Config:'
    whole = Config.fromfile(path)
    assert Config.fromstring(text, '.py').to_dict() == whole.to_dict()
    assert '_base_' not in text

    for suffix in ('py', 'json', 'yml'):
        saved = tmp_path / f'config.{suffix}'
        print_config('dbsam_tinyvit_ct', '--save-path', saved,
                     '--cfg-options', 'max_epochs=7', 'data_root=data/mine')
        found = Config.fromfile(saved)
        assert found.train_cfg.max_epochs == 7
        assert found.test_dataloader.dataset.data_root == 'data/mine'


def test_other_formats_are_refused(print_config, tmp_path):
    with pytest.raises(InputError, match='--save-path .*expected a file that'):
        print_config('dbsam_tinyvit_ct', '--save-path', tmp_path / 'a.txt')
