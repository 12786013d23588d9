"""Models without prompts: train, test, infer and compare."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmengine.config import Config

from mmdbsam.apis import PromptInferencer, SemanticInferencer
from mmdbsam.engine.semantic_config import classes_of
from mmdbsam.errors import InputError
from mmdbsam.io.prepared import PreparedData

CONFIG = 'tests/data/semantic_tiny_spine.py'


@pytest.fixture(scope='module')
def trained(prepared_spine, repo_root, tmp_path_factory):
    """The work directory of a tiny training."""
    from mmdbsam import cli
    work_dir = tmp_path_factory.mktemp('semantic')
    cli.run(['train', str(repo_root / CONFIG), '--work-dir', str(work_dir),
             '--cfg-options', f'data_root={prepared_spine}', 'max_epochs=1',
             'train_cfg.val_interval=1'])
    return work_dir


@pytest.fixture
def checkpoint(trained):
    return trained / 'epoch_1.pth'


@pytest.fixture
def scan(repo_root):
    return next((repo_root / 'tests/data/ct_spine/images').iterdir())


def are_likeliest(labels, probabilities):
    """Each voxel's class is the likeliest, up to half precision."""
    own = np.take_along_axis(probabilities, labels[None].astype(int), axis=0)
    return (own[0] >= probabilities.max(axis=0) - 2e-3).all()


def test_training_writes_the_classes_of_the_data(trained, checkpoint,
                                                 prepared_spine):
    names = list(PreparedData(prepared_spine).labels.values())
    assert classes_of(checkpoint) == names
    cfg = Config.fromfile(trained / 'semantic_tiny_spine.py')
    assert cfg.classes == names
    assert cfg.model.decode_head.num_classes == 1 + len(names)
    weights = torch.load(checkpoint, weights_only=False)['state_dict']
    assert weights['decode_head.conv_seg.weight'].shape[0] == 1 + len(names)


def test_report_counts_structures_and_is_compared_with_prompts(
        command, repo_root, checkpoint, prepared_spine, tiny_checkpoint,
        tmp_path):
    data = f'data_root={prepared_spine}'
    command('test', repo_root / CONFIG, checkpoint, '--report',
            tmp_path / 'automatic', '--work-dir', tmp_path / 'a',
            '--cfg-options', data)
    summary = json.loads((tmp_path / 'automatic/summary.json').read_text())
    assert summary['protocol']['prompt'] == 'none'
    assert list(summary['scores']) == ['model']
    assert {'label', 'present', 'missing', 'absent',
            'wrongly_found'} <= summary['structures'][0].keys()
    for name in ('report.md', 'index.html'):
        text = (tmp_path / 'automatic' / name).read_text()
        assert 'wrongly found' in text and 'The model has no prompt' in text
    command('test', repo_root / 'tests/data/dbsam_tiny_spine.py',
            tiny_checkpoint, '--report', tmp_path / 'prompted', '--work-dir',
            tmp_path / 'p', '--cfg-options', data)
    command('compare', tmp_path / 'automatic', tmp_path / 'prompted', '--out',
            tmp_path / 'comparison')
    text = (tmp_path / 'comparison/comparison.md').read_text()
    assert 'The model has no prompt' in text
    assert 'dbsam_tiny_spine: All methods have the same prompt' in text
    assert 'filled box' in text
    # The flipped slices are turned back before they are averaged.
    command('test', repo_root / CONFIG, checkpoint, '--tta', '--report',
            tmp_path / 'flipped', '--work-dir', tmp_path / 'f', '--show-dir',
            tmp_path / 'shown', '--cfg-options', data)
    assert (tmp_path / 'flipped/index.html').is_file()


def test_infer_is_what_the_test_predicts_and_needs_no_prompt(
        command, checkpoint, repo_root, scan, tmp_path):
    out = tmp_path / 'found.nii.gz'
    command('infer', scan, '-o', out, '--config', repo_root / CONFIG,
            '--checkpoint', checkpoint, '--probabilities', '--overlay', 'png')
    image, source = sitk.ReadImage(out), sitk.ReadImage(scan)
    assert image.GetSize() == source.GetSize()
    np.testing.assert_allclose(image.GetOrigin(), source.GetOrigin(),
                               atol=1e-3)
    labels = sitk.GetArrayFromImage(image)
    probabilities = sitk.GetArrayFromImage(sitk.ReadImage(
        tmp_path / 'found.probabilities.nii.gz'))
    assert probabilities.shape == (1 + len(classes_of(checkpoint)),
                                   *labels.shape)
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-2)
    assert are_likeliest(labels, probabilities)
    assert (tmp_path / 'found.overlay.png').is_file()
    inferencer = SemanticInferencer(repo_root / CONFIG, checkpoint)
    again = inferencer.segment_volume(scan)
    assert np.array_equal(again.labels, labels)
    assert again.names == classes_of(checkpoint)
    mean = inferencer.segment_volume(scan, 'all', probabilities=True)
    assert are_likeliest(mean.labels, mean.probabilities)
    assert not np.array_equal(mean.labels, labels)
    largest = inferencer.segment_volume(scan, largest_component=True)
    for one, whole in zip(largest.masks, again.masks, strict=True):
        assert one.count() <= whole.count()


def test_refinement_encodes_a_slice_once_if_the_encoder_is_the_same(
        checkpoint, repo_root, scan, tmp_path):
    from mmdbsam.apis.refining_inferencer import RefiningInferencer
    from mmdbsam.registry import MODELS
    automatic = SemanticInferencer(repo_root / CONFIG, checkpoint)
    semantic = automatic.model.model
    cfg = Config.fromfile(repo_root / 'tests/data/dbsam_tiny_spine.py')
    cfg.merge_from_dict(dict(model=dict(
        data_preprocessor=dict(_delete_=True, type='MinMaxDataPreProcessor'),
        image_encoder=dict(semantic.cfg.model.backbone.encoder,
                           _delete_=True),
        prompt_encoder=dict(embed_dims=16),
        mask_head=dict(embed_dims=16, num_heads=2))))
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        for step in loader.dataset.pipeline:
            if step.type == 'ResizeLongestSide':
                step.size = 32
    promptable = MODELS.build(cfg.model).eval()
    promptable.cfg = cfg
    inferencer = PromptInferencer(promptable)
    assert not RefiningInferencer(automatic, inferencer).shares_encoder
    promptable.image_encoder.load_state_dict(
        semantic.backbone.encoder.state_dict())
    shared = RefiningInferencer(automatic, inferencer)
    assert shared.shares_encoder
    apart = RefiningInferencer(automatic, inferencer)
    apart.shares_encoder = False
    calls = []
    promptable.image_encoder.vit.channel_reduction.register_forward_hook(
        lambda *_: calls.append(1))
    refined = shared.segment_volume(scan)
    assert not calls
    expected = apart.segment_volume(scan)
    assert calls
    assert np.array_equal(refined.labels, expected.labels)
    assert refined.names == automatic.classes


def test_infer_refines_masks_with_prompts(
        command, checkpoint, tiny_checkpoint, repo_root, scan, tmp_path,
        monkeypatch):
    # The config names its refiner by a relative path.
    monkeypatch.chdir(repo_root)
    for name, words in (('first', []),
                        ('second', ['--then-refine', tiny_checkpoint])):
        command('infer', scan, '-o', tmp_path / f'{name}.nii.gz', '--config',
                CONFIG, '--checkpoint', checkpoint, '--largest-component',
                *words)
    first, second = (sitk.GetArrayFromImage(sitk.ReadImage(
        tmp_path / f'{name}.nii.gz')) for name in ('first', 'second'))
    assert set(np.unique(second)) <= set(np.unique(first))
    assert not np.array_equal(first, second)
    record = json.loads((tmp_path / 'second.labels.json').read_text())
    assert record['origin']['model']['then_refine'] == str(tiny_checkpoint)


@pytest.mark.parametrize('words, message', [
    (['--box', 1, 2, 0, 9, 9, 3], '--box: expected none, as the model of '
     '.* segments without prompts'),
    ([], 'checkpoint: expected that of a training'),
])
def test_infer_refuses_what_does_not_fit(command, repo_root, scan, tmp_path,
                                         words, message):
    with pytest.raises(InputError, match=message):
        command('infer', scan, '-o', tmp_path / 'x.nii.gz', '--config',
                repo_root / CONFIG, *words)


def test_a_scan_of_another_modality_is_refused(checkpoint, repo_root, scan):
    inferencer = SemanticInferencer(repo_root / CONFIG, checkpoint)
    values = sitk.GetArrayFromImage(sitk.ReadImage(scan)).astype(np.int16)
    with pytest.raises(InputError, match='expected CT in Hounsfield units'):
        inferencer.segment_volume(values - values.min())
    inferencer.segment_volume(values - values.min(), window=(1000, 400))


def test_other_classes_are_refused(command, repo_root, checkpoint,
                                   tiny_checkpoint, prepared_spine, tmp_path):
    names = classes_of(checkpoint)

    def test(data, *options):
        command('test', repo_root / CONFIG, checkpoint, '--work-dir',
                tmp_path / 'w', '--cfg-options', f'data_root={data}',
                *options)

    with pytest.raises(InputError, match='another order of the same classes'):
        test(prepared_spine, f'classes={names[::-1]}')
    with pytest.raises(InputError, match='other classes, heart'):
        test(prepared_spine, "classes=['heart']")
    other = tmp_path / 'other'
    shutil.copytree(prepared_spine, other)
    content = json.loads((other / 'dataset.json').read_text())
    first = next(iter(content['labels']))
    content['labels'][first] = 'heart'
    (other / 'dataset.json').write_text(json.dumps(content))
    with pytest.raises(InputError, match='found none called'):
        test(other)
    content['labels'][first] = names[0]
    content['cases'][0]['modality'] = 'MR'
    (other / 'dataset.json').write_text(json.dumps(content))
    with pytest.raises(InputError, match='expected CT, which is the model'):
        test(other)
    with pytest.raises(InputError, match='expected one of a model that segm'):
        command('test', repo_root / CONFIG, tiny_checkpoint, '--work-dir',
                tmp_path)


def test_mmseg_itself_runs_the_config(trained, checkpoint):
    from mmseg.apis import inference_model, init_model
    model = init_model(str(trained / 'semantic_tiny_spine.py'),
                       str(checkpoint), device='cpu')
    image = np.random.default_rng(0).integers(0, 256, (40, 50), np.uint8)
    found = inference_model(model, image)
    assert found.pred_sem_seg.data.shape == (1, 40, 50)
    assert model.dataset_meta['classes'][0] == 'background'
    # The same slice gives the same result on the way of this package.
    inferencer = SemanticInferencer(trained / 'semantic_tiny_spine.py',
                                    checkpoint)
    expected, = inferencer.model.predict([image])
    assert np.array_equal(found.pred_sem_seg.data[0].numpy(),
                          expected.argmax(axis=0))


def test_prompts_need_nothing_of_mmseg():
    modules = ', '.join(f'mmdbsam.{name}' for name in (
        'apis', 'datasets', 'engine', 'evaluation', 'models'))
    done = subprocess.run(
        [sys.executable, '-c', f'import sys, {modules}; '
         'sys.exit("mmseg" in sys.modules)'], capture_output=True)
    assert done.returncode == 0, done.stderr


def test_without_mmseg_a_config_says_what_to_install(monkeypatch, repo_root):
    from mmdbsam import registry
    monkeypatch.setattr(registry, 'find_spec', lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'mmdbsam\[seg\]'"):
        registry.MODELS.check(dict(type='mmseg.EncoderDecoder'))
