"""tools/analysis_tools/get_flops.py: its blocks add up to the model."""

import json

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdbsam.engine import costs

CONFIG = 'tests/data/dbsam_tiny_spine.py'


def test_table_and_json_of_a_whole_model(run_tool, repo_root, tmp_path):
    path = tmp_path / 'costs.json'
    done = run_tool('analysis_tools/get_flops.py', repo_root / CONFIG,
                    '--runs', 1, '--prompts', 2, '--amp', '--json', path)
    assert done.returncode == 0, done.stderr
    summary = json.loads(path.read_text())
    assert summary['precision'] == 'bfloat16' and summary['prompts'] == 2
    blocks = summary['blocks']
    lines = [line for line in done.stdout.splitlines()
             if line.startswith('| ')][1:]
    assert [line.split('|')[1].strip() for line in lines] == list(blocks)
    assert {'stem', 'ViT, embedding', 'adapters, stage 4', 'neck, stage 1',
            'fusion', 'mask head', 'total'} <= blocks.keys()
    total = blocks.pop('total')
    assert list(tmp_path.iterdir()) == [path]
    for key in ('trained', 'frozen', 'flops'):
        assert sum(block[key] for block in blocks.values()) == total[key]
    # The blocks take the time, and what is between them next to none.
    seconds = sum(block['seconds'] for block in blocks.values())
    assert 0.5 * total['seconds'] < seconds
    assert max(block['bytes'] for block in blocks.values()) > 0


@pytest.mark.parametrize('without', [(), ('stem', ), ('neck', 'adapter')])
@pytest.mark.parametrize('vit', ['dbsam_vitb_ct_256px', 'dbsam_tinyvit_ct'])
def test_operations_are_those_of_the_model_zoo(load_tool, repo_root, vit,
                                               without):
    init_default_scope('mmdbsam')
    cfg = Config.fromfile(repo_root / f'configs/{vit}.py')
    cfg.model.image_encoder.update(dict.fromkeys(without))
    counts = costs.count_operations(cfg, 1)
    total = counts.pop('total')
    assert sum(counts.values()) == total
    zoo = load_tool('analysis_tools/model_zoo.py')
    if not without:
        model = zoo.build(f'configs/{vit}.py')
        assert zoo.count_flops(model) == total


def test_bad_input_is_one_line(run_tool, repo_root):
    for args, message in [
        (['none.py'], 'config none.py: no such file'),
        ([repo_root / CONFIG, '--json', 'nowhere/x.json'],
         '--json nowhere/x.json: no such folder'),
    ]:
        done = run_tool('analysis_tools/get_flops.py', *args)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == f'error: {message}'
