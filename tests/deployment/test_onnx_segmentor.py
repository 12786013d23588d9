"""Exported models run without torch, and equal it."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from mmdbsam.apis.image_model import ImageModel, ImagePrompts
from mmdbsam.apis.preprocessing import Preprocessor
from mmdbsam.deployment import OnnxSegmentor
from mmdbsam.errors import InputError

RUN = '''
import sys
import numpy as np
from mmdbsam.deployment import OnnxSegmentor

segmentor = OnnxSegmentor(sys.argv[1], runtime=sys.argv[4])
given = np.load(sys.argv[2])
segmentor.set_image(given['image'])
points = dict(points=given['points'], point_labels=given['labels'])
found = dict(
    boxes=segmentor.segment(given['boxes']),
    points=segmentor.segment(**points),
    both=segmentor.segment(given['boxes'], **points, multimask_output=True))
found['masks'] = segmentor.segment(masks=found['boxes'].logits)
np.savez(sys.argv[3], **{f'{key}_{name}': value for key, one in found.items()
                         for name, value in one._asdict().items()})
other = {'onnxruntime', 'openvino'} - {sys.argv[4]}
heavy = {'torch', 'mmcv', 'mmengine', 'onnx', *other} & set(sys.modules)
assert not heavy, heavy
# OpenVINO's package would report its import to its makers.
assert sys.modules.get('openvino_telemetry') is None
'''

INTERRUPTED = '''
import gc, signal, sys
from mmdbsam.deployment import OnnxSegmentor

segmentors = [OnnxSegmentor(sys.argv[1], runtime=sys.argv[2])
              for _ in range(2)]
while segmentors:
    del segmentors[0]
    gc.collect()
# Shells let what runs in the background ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print('interrupted')
'''


def run_alone(script, *args, cwd, repo_root):
    """Run Python code in a process of its own."""
    done = subprocess.run(
        [sys.executable, '-c', script, *map(str, args)], cwd=cwd,
        capture_output=True, text=True,
        env={**os.environ, 'PYTHONPATH': str(repo_root)})
    assert done.returncode == 0, done.stderr
    return done.stdout


def prompts_of(boxes):
    """Place a point in each box, and one beside it."""
    points = np.stack([(boxes[:, :2] + boxes[:, 2:]) / 2,
                       np.maximum(boxes[:, :2] - 3, 0)], axis=1)
    return points, np.tile([1, 0], (len(boxes), 1))


@pytest.mark.parametrize('name', ['exported_tiny', 'exported_lite'])
def test_equals_torch_in_a_process_without_it(name, runtime, request,
                                              spine_slice, repo_root,
                                              tmp_path):
    exported = request.getfixturevalue(name)
    assert exported.found['logits'] < 1e-3
    image, boxes = spine_slice
    points, labels = prompts_of(boxes)
    np.savez(tmp_path / 'given.npz', image=image, boxes=boxes, points=points,
             labels=labels)
    run_alone(RUN, exported.folder, 'given.npz', 'found.npz', runtime,
              cwd=tmp_path, repo_root=repo_root)
    found = np.load(tmp_path / 'found.npz')
    model = ImageModel(exported.model, Preprocessor(
        exported.cfg, exported.model.data_preprocessor))
    encoded, = model.encode([image])
    by_points = ImagePrompts(points=points, point_labels=labels)
    both = ImagePrompts(boxes=boxes, points=points, point_labels=labels)
    for kind, prompts, several in (('boxes', ImagePrompts(boxes=boxes), False),
                                   ('points', by_points, False),
                                   ('both', both, True)):
        logits, iou = (x.numpy() for x in model.decode(encoded, prompts,
                                                       several))
        masks = logits > 0
        assert found[f'{kind}_masks'].shape == masks.shape
        assert (found[f'{kind}_masks'] == masks).mean() >= 0.999
        assert 0.001 < masks.mean() < 0.999
        assert np.abs(found[f'{kind}_iou'] - iou).max() < 1e-3
    with torch.no_grad():
        logits, _ = exported.model.decode_prompts(
            encoded.embedding,
            masks=torch.from_numpy(found['boxes_logits']))
    assert np.abs(found['masks_logits'] - logits.numpy()).max() < 1e-3


@pytest.mark.parametrize('kinds', [
    ['boxes'], ['points'], ['masks'], ['boxes', 'points'],
    ['boxes', 'points', 'masks']])
@pytest.mark.parametrize('name', ['exported_tiny', 'exported_clicks'])
def test_one_session_takes_any_number_of_prompts(name, request, runtime,
                                                 kinds):
    exported = request.getfixturevalue(name)
    model = exported.model
    segmentor = OnnxSegmentor(exported.folder, runtime=runtime)
    torch.manual_seed(0)
    for number in (1, 17, 2, 5, 1):
        embedding = torch.randn(1, 64, 16, 16)
        prompts = dict(
            boxes=(torch.rand(number, 2, 2) * 128).sort(1).values.flatten(1),
            points=(torch.rand(number, number % 3 + 1, 2) * 128,
                    torch.randint(-1, 2, (number, number % 3 + 1))),
            masks=torch.randn(number, 1, 64, 64))
        prompts = {kind: prompts[kind] for kind in kinds}
        with torch.no_grad():
            wanted = model.decode_prompts(embedding, **prompts)
        found = segmentor.decode_prompts(embedding.numpy(), **{
            kind: tuple(x.numpy() for x in value)
            if kind == 'points' else value.numpy()
            for kind, value in prompts.items()})
        for ours, theirs in zip(found, wanted, strict=True):
            torch.testing.assert_close(torch.from_numpy(ours), theirs, rtol=0,
                                       atol=1e-4)


def test_one_session_takes_any_number_of_images(exported_tiny, runtime):
    segmentor = OnnxSegmentor(exported_tiny.folder, runtime=runtime)
    torch.manual_seed(0)
    for number in (1, 3, 2):
        images = torch.randn(number, 3, 128, 128)
        with torch.no_grad():
            wanted = exported_tiny.model.encode_image(images)
        found = segmentor.encode_image(images.numpy())
        torch.testing.assert_close(torch.from_numpy(found), wanted, rtol=0,
                                   atol=1e-4)


def test_prompts_do_not_depend_on_each_other(exported_tiny, runtime,
                                             spine_slice):
    image, boxes = spine_slice
    segmentor = OnnxSegmentor(exported_tiny.folder,
                              runtime=runtime).set_image(image)
    together = segmentor.segment(boxes)
    for i, box in enumerate(boxes):
        alone = segmentor.segment([box])
        np.testing.assert_allclose(alone.logits[0], together.logits[i],
                                   atol=1e-5)


@pytest.mark.parametrize('prompts, message', [
    (dict(), 'prompts: expected boxes, points or masks of at least one obj'),
    (dict(boxes=np.zeros((0, 4))), 'prompts: expected .* found'),
    (dict(boxes=[[5, 5, 9, 9]], points=np.ones((2, 1, 2))),
     r'the same number each, found \[1, 2\]'),
    (dict(boxes=[5, 5, 9, 9]), r'boxes: expected the shape \(-1, 4\)'),
    (dict(boxes=[[9, 5, 5, 9]]), 'boxes: expected x0 <= x1 and y0 <= y1'),
    (dict(boxes=[[5, 5, 9, 4000]]), 'boxes: expected x in 0..* found 4000'),
    (dict(boxes=[[5, 5, 9, np.nan]]), 'boxes: expected finite numbers'),
    (dict(points=[[[-3, 2]]]), 'points: expected x in 0..* found -3'),
    (dict(points=[[[3, 2]]], point_labels=[[2]]), 'point_labels: expected 1'),
    (dict(points=[[[3, 2]]], point_labels=[1]), 'point_labels: expected the'),
    (dict(masks=np.zeros((1, 1, 8, 8))), 'masks: expected the shape'),
])
def test_unusable_prompts(exported_tiny, spine_slice, prompts, message):
    segmentor = OnnxSegmentor(exported_tiny.folder)
    with pytest.raises(InputError, match='image: expected one, set by'):
        segmentor.segment(**prompts)
    segmentor.set_image(spine_slice[0])
    with pytest.raises(InputError, match=message):
        segmentor.segment(**prompts)


@pytest.mark.parametrize('image', [
    np.zeros((9, 9), np.float32), np.zeros((9, 9, 4), np.uint8),
    np.zeros((3, 9, 9, 3), np.uint8), np.zeros((0, 9), np.uint8)])
def test_unusable_images(exported_tiny, image):
    with pytest.raises(InputError, match='image: expected uint8'):
        OnnxSegmentor(exported_tiny.folder).set_image(image)


def test_nothing_is_reported_over_the_network(exported_tiny, repo_root,
                                              tmp_path, monkeypatch):
    """onnxruntime keeps a number of the session if it reports its use."""
    monkeypatch.setenv('TMPDIR', str(tmp_path))
    monkeypatch.delenv('ORT_DISABLE_TELEMETRY')
    run_alone('import sys; from mmdbsam.deployment import OnnxSegmentor; '
              'OnnxSegmentor(sys.argv[1])', exported_tiny.folder,
              cwd=tmp_path, repo_root=repo_root)
    assert not [*tmp_path.iterdir()]


def test_an_interrupt_is_an_exception(exported_tiny, runtime, repo_root,
                                      tmp_path):
    """OpenVINO's cores leave no freed stack to the signal's handler."""
    assert run_alone(INTERRUPTED, exported_tiny.folder, runtime, cwd=tmp_path,
                     repo_root=repo_root) == 'interrupted\n'
