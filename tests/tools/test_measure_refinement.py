"""The measurement of --then-refine."""

import json

import pytest

pytest.importorskip('mmseg')


def test_both_are_scored_on_the_same_volumes(
        load_tool, repo_root, prepared_spine, tiny_checkpoint, tmp_path,
        command, monkeypatch):
    config = repo_root / 'tests/data/semantic_tiny_spine.py'
    command('train', config, '--work-dir', tmp_path / 'run', '--cfg-options',
            f'data_root={prepared_spine}', 'max_epochs=1', 'val_cfg=None',
            'val_dataloader=None', 'val_evaluator=None',
            'default_hooks.checkpoint.save_best=None')
    tool = load_tool('analysis_tools/measure_refinement.py')
    monkeypatch.chdir(repo_root)
    monkeypatch.setattr('sys.argv', [
        'x', str(config), str(tmp_path / 'run/epoch_1.pth'),
        str(prepared_spine), '--refiner-checkpoint', str(tiny_checkpoint),
        '--min-volume', '10', '--out', str(tmp_path / 'out')])
    tool.main()
    rows = [json.loads((tmp_path / 'out' / name / 'summary.json').read_text())
            ['volumes'] for name in ('automatic', 'refined')]
    assert rows[0] == rows[1] > 0
    command('compare', tmp_path / 'out/automatic', tmp_path / 'out/refined',
            '--out', tmp_path / 'comparison')
    text = (tmp_path / 'comparison/comparison.md').read_text()
    assert 'refined' in text and 'automatic' in text
