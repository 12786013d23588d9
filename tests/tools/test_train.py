"""tools/train.py and tools/test.py, as a user runs them."""

import hashlib
import json
import signal
import subprocess
import time
from types import SimpleNamespace

import pytest
import torch
from trainings import CONFIG, losses

SMALL = ['max_epochs=3', 'model.image_encoder.neck.dropout=0.1',
         'model.image_encoder.fusion.drop_path=0.3', 'val_cfg=None',
         'val_dataloader=None', 'val_evaluator=None',
         'default_hooks.checkpoint.save_best=None']


def test_seed_and_resume_after_a_kill(tool, run_command, tmp_path, repo_root):
    """A killed and resumed training is the uninterrupted one."""
    output = run_command(tool('train', '--work-dir', tmp_path / 'whole',
                              options=SMALL))
    log = next((tmp_path / 'whole').glob('*/*.log')).read_text()
    place, first, second = log.splitlines()[:3]
    assert 'The log file is ' in place
    assert ' - INFO - model: 0.' in first and 'M parameters trained' in first
    assert second.startswith('  image_encoder: 0.') and 'M frozen' in second
    whole = losses(tmp_path / 'whole')

    cut = tool('train', '--work-dir', tmp_path / 'cut', '--resume',
               options=SMALL)
    process = subprocess.Popen(cut, cwd=repo_root, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    pointer = tmp_path / 'cut' / 'last_checkpoint'
    while not pointer.exists():
        assert process.poll() is None, process.stdout.read()[-2000:]
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / 'cut' / 'epoch_3.pth').exists()
    output = run_command(cut)
    assert 'resumed epoch' in output

    resumed = losses(tmp_path / 'cut')
    assert len(whole) >= 3 and resumed.keys() == whole.keys()
    for step, loss in whole.items():
        assert resumed[step] == pytest.approx(loss, rel=1e-6)


def test_report_of_a_trained_model(tool, run_command, tmp_path, repo_root,
                                   prepared_spine):
    run_command(tool('train', '--work-dir', tmp_path, '--amp',
                     options=['max_epochs=1']))
    checkpoint = tmp_path / 'epoch_1.pth'
    output = run_command(tool('test', checkpoint, '--work-dir', tmp_path,
                              '--report', tmp_path / 'report'))
    assert 'inscribed ellipse' in output
    summary = json.loads((tmp_path / 'report/summary.json').read_text())
    assert summary['provenance']['checkpoint'] == str(checkpoint)
    assert summary['provenance']['precision'] == 'float32'
    made_with = summary['provenance']
    assert made_with['checkpoint_sha256'] == hashlib.sha256(
        checkpoint.read_bytes()).hexdigest()
    assert made_with['seed'] == 0 and made_with['wall_time_s'] > 0
    assert 'PromptSegmentor' in made_with['config_text']
    assert made_with['options'] == [f'data_root={prepared_spine}']
    commit = subprocess.run(['git', 'rev-parse', 'HEAD'], cwd=repo_root,
                            capture_output=True, text=True).stdout.strip()
    if commit:
        assert made_with['code']['commit'] == commit
    assert len(list((tmp_path / 'report/overlays').glob('*.png'))) == 3

    deeper, wider = ('model.image_encoder.vit.arch.num_layers=8',
                     'model.image_encoder.vit.arch.embed_dims=96')
    another = 'is of another architecture than the config: '
    for name, args, option, message in [
        ('test', [tmp_path / 'none.pth'], deeper, 'none.pth: no such file'),
        ('test', [checkpoint], deeper, another + 'without '),
        ('test', [checkpoint], wider, another + 'of other shapes: '),
        ('train', ['--resume'], deeper, another + 'without '),
    ]:
        command = tool(name, *args, '--work-dir', tmp_path, options=[option])
        done = subprocess.run(command, cwd=repo_root, capture_output=True,
                              text=True)
        assert done.returncode == 1
        assert message in done.stderr.splitlines()[-1]


@pytest.mark.parametrize('options, wanted', [([], 'float32'),
                                             (['--amp'], 'bfloat16')])
def test_precision_of_a_test(command, repo_root, monkeypatch, tmp_path,
                             options, wanted):
    """The model's layers use it, and the report names it."""
    seen = []

    class Runner:
        model = None
        test_loop = SimpleNamespace(
            evaluator=SimpleNamespace(metrics=['the metric']))

        def __init__(self, cfg):
            assert cfg.test_evaluator.baselines

        def test(self):
            product = torch.nn.functional.linear(*torch.ones(2, 1, 1))
            seen.append(str(product.dtype))

    monkeypatch.chdir(repo_root)
    monkeypatch.setattr('mmdbsam.engine.runner.build_runner', Runner)
    monkeypatch.setattr('mmdbsam.weights.ensembles.load_members',
                        lambda model, path: None)
    monkeypatch.setattr('mmdbsam.reports.report.require_free_reports',
                        lambda metric, folder: None)
    monkeypatch.setattr('mmdbsam.reports.report.write_reports',
                        lambda metric, folder, provenance:
                        seen.append(provenance['precision']))
    (tmp_path / 'x.pth').write_bytes(b'weights')
    command('test', CONFIG, tmp_path / 'x.pth', '--report', 'x', *options)
    assert seen == [f'torch.{wanted}', wanted]


@pytest.mark.parametrize('option, message', [
    ('data_root=nowhere', 'data root nowhere: expected a prepared data set'),
    ('train_dataloader.dataset.split=none', "split 'none' has no slice"),
    ('model.image_encoder.neck.type=Bilateral',
     "unknown model type 'Bilateral'; registered: "),
    ('model.type=Segmentor', "unknown model type 'Segmentor'; registered: "),
    ('optim_wrapper.optimizer.type=Foo', "unknown optimizer type 'Foo'"),
    ('visualizer.type=Drawer', "unknown visualizer type 'Drawer'"),
    ('visualizer.vis_backends.0.type=Web', "unknown vis_backend type 'Web'"),
    ('model.image_encoder.neck.points=3', "unexpected keyword argument"),
    ('model.image_encoder.adapter.placement=layer', "found 'layer'"),
    ('data_rot=x', "--cfg-options data_rot: expected a key of the config"),
    ('train_pipeline.9.size=1', '--cfg-options: Index 9 exceeds'),
    ('model.pretrained=checkpoints_/sam_vit_b_01ec64.pth',
     'no such file; run mmdbsam fetch sam_vit_b'),
    ('model.pretrained=checkpoints_/lite_medsam.pth',
     'no such file; run mmdbsam fetch lite_medsam'),
])
def test_bad_input_is_one_line(tool, tmp_path, repo_root, option, message):
    done = subprocess.run(
        tool('train', '--work-dir', tmp_path, options=[option]),
        cwd=repo_root, capture_output=True, text=True)
    assert done.returncode == 1
    error = done.stderr.splitlines()[-1]
    assert error.startswith('error: ') and message in error
    assert 'Traceback' not in done.stderr
