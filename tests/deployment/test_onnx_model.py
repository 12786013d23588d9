"""Exported models work behind the same interface."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
import SimpleITK as sitk
from letter_volumes import EachSlice

from mmdbsam.apis import PromptInferencer, SeedBox
from mmdbsam.apis.image_model import ImagePrompts
from mmdbsam.deployment import OnnxSegmentor
from mmdbsam.errors import InputError

BOXES = [[3, 4, 30, 20], [10, 2, 40, 41]]


@pytest.fixture
def both(exported_tiny, runtime):
    """Inference by torch, and by a runtime."""
    inferencer = PromptInferencer(exported_tiny.cfg, exported_tiny.checkpoint,
                                  device='cpu')
    return inferencer, PromptInferencer(exported_tiny.folder, runtime=runtime)


def random_ct(*shape):
    """Make an image in HU that is smooth enough to have structures."""
    noise = np.random.default_rng(0).normal(40, 150, shape)
    return np.round(noise).astype(np.int16)


@pytest.mark.parametrize('several', [False, True])
@pytest.mark.parametrize('dtype', [np.int16, np.uint8])
def test_image_is_segmented_alike(both, dtype, several):
    image = random_ct(50, 44).astype(dtype)
    masks = np.zeros((2, 50, 44), bool)
    masks[:, 10:20, 12:20] = True
    for prompts in (dict(boxes=BOXES), dict(points=[[[9, 9]], [[5, 6]]]),
                    dict(boxes=BOXES, masks=masks)):
        wanted, found = (one.set_image(image).segment(
            **prompts, multimask_output=several) for one in both)
        np.testing.assert_allclose(found.logits, wanted.logits, atol=1e-3)
        np.testing.assert_allclose(found.iou, wanted.iou, atol=1e-3)
        assert (found.masks == wanted.masks).mean() >= 0.999


def test_volume_is_segmented_alike(both):
    volume = random_ct(5, 30, 34)
    prompts = [EachSlice([3, 4, 1, 20, 22, 3]), SeedBox(2, [5, 5, 20, 25])]
    wanted, found = (one.segment_volume(volume, prompts, spacing=(1, 1, 3))
                     for one in both)
    for i in range(2):
        assert (found.mask(i) == wanted.mask(i)).mean() >= 0.999
    assert wanted.labels.any()


def test_threads_share_a_model(both):
    """Users of a server are answered at the same time."""
    model = both[1].model
    images = [random_ct(48, 40).astype(np.uint8) + i for i in range(4)]

    def masks(image):
        encoded, = model.encode([image])
        return [model.decode(encoded, ImagePrompts(boxes=np.array(
            [box], float)))[0].numpy() for box in BOXES * 3]

    wanted = [masks(image) for image in images]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(3):
            for found, expected in zip(threads.map(masks, images), wanted,
                                       strict=True):
                np.testing.assert_array_equal(found, expected)


def test_command_line_takes_it(exported_tiny, runtime, run_tool, repo_root,
                               tmp_path):
    image = repo_root / 'tests/data/ct_spine/images/lumbar.nii.gz'
    box = [10, 8, 20, 50, 40, 28]
    done = run_tool('infer.py', image, '-o', tmp_path / 'labels.nii.gz',
                    '--box', *box, '--each-slice', '--runtime', runtime,
                    '--config', exported_tiny.folder)
    assert done.returncode == 0, done.stderr
    record, = tmp_path.glob('*.json')
    origin = json.loads(record.read_text(encoding='utf-8'))['origin']
    assert origin['model']['runtime'] == runtime
    found = sitk.GetArrayFromImage(sitk.ReadImage(tmp_path / 'labels.nii.gz'))
    inferencer = PromptInferencer(exported_tiny.cfg, exported_tiny.checkpoint,
                                  device='cpu')
    wanted = inferencer.segment_volume(image, [EachSlice(box)]).labels
    assert wanted.any() and (found == wanted).mean() >= 0.999


@pytest.mark.parametrize('window', ['lung', ['lung', 'bone', [40., 400.]]])
def test_window_of_the_config_is_kept(exported_tiny, editable_copy, window):
    """The window is kept, also for images of 8 bits, which then pass it."""
    from mmdbsam.deployment.onnx_export import preprocessing_of
    cfg = exported_tiny.cfg.copy()
    cfg.window = window
    text = preprocessing_of(cfg, exported_tiny.model).to_json()
    folder = editable_copy
    for path in folder.glob('*.onnx'):
        model = onnx.load(path)
        del model.metadata_props[:]
        onnx.helper.set_model_props(model, dict(mmdbsam=text))
        onnx.save(model, path)
    inferencers = (PromptInferencer(cfg, exported_tiny.checkpoint,
                                    device='cpu'), PromptInferencer(folder))
    for dtype in (np.int16, np.uint8):
        wanted, found = (
            one.set_image(random_ct(50, 44).astype(dtype)).segment(BOXES)
            for one in inferencers)
        np.testing.assert_allclose(found.logits, wanted.logits, atol=1e-3)


@pytest.mark.parametrize('options', [
    dict(checkpoint='epoch_1.pth'), dict(amp=True), dict(device='cuda'),
    dict(embedding_cache='cache'), dict(fetch_weights=True)])
def test_refuses_options_of_torch(exported_tiny, options):
    name, = options
    with pytest.raises(InputError, match=f'{name}: expected none with an exp'):
        PromptInferencer(exported_tiny.folder, **options)


def test_refuses_another_folder(runtime, tmp_path):
    with pytest.raises(InputError, match='encoder.onnx: no such file'):
        PromptInferencer(tmp_path, runtime=runtime)
    with pytest.raises(InputError, match='encoder.onnx: no such file'):
        OnnxSegmentor(tmp_path, runtime=runtime)
    for name in ('encoder.onnx', 'decoder.onnx'):
        (tmp_path / name).write_bytes(b'no model')
    with pytest.raises(InputError, match='encoder.onnx: expected an ONNX mod'):
        OnnxSegmentor(tmp_path, runtime=runtime)


@pytest.mark.parametrize('name, extra', [('onnxruntime', 'onnx'),
                                         ('openvino', 'openvino')])
def test_missing_runtime_is_one_line(exported_tiny, monkeypatch, name, extra):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError) as caught:
        OnnxSegmentor(exported_tiny.folder, runtime=name)
    assert str(caught.value) == (
        f'expected the package {name}, found none; '
        f"pip install 'mmdbsam[{extra}]' brings it")


def test_refuses_what_a_runtime_cannot_follow(exported_tiny):
    folder = exported_tiny.folder
    with pytest.raises(InputError, match='expected onnxruntime or openvino, f'
                       "ound 'tensorrt'"):
        OnnxSegmentor(folder, runtime='tensorrt')
    with pytest.raises(InputError, match='providers: expected none with open'):
        OnnxSegmentor(folder, ['CPUExecutionProvider'], runtime='openvino')
    with pytest.raises(InputError, match='runtime: expected none with a conf'):
        PromptInferencer(exported_tiny.cfg, runtime='openvino')


def with_condition(path):
    """Put the nodes that compute the IoU behind a condition, as once."""
    model = onnx.load(path)
    graph = model.graph
    last = next(node for node in graph.node if 'iou' in node.output)
    branches = []
    for name in ('then', 'else'):
        node = onnx.NodeProto()
        node.CopyFrom(last)
        node.name, node.output[0] = f'{name}_{last.name}', f'iou_{name}'
        value = onnx.helper.make_tensor_value_info(f'iou_{name}', 1, None)
        branches.append(onnx.helper.make_graph([node], name, [], [value]))
    condition = onnx.helper.make_node(
        'If', ['has_masks'], ['iou'], then_branch=branches[0],
        else_branch=branches[1])
    graph.node.remove(last)
    graph.node.append(condition)
    onnx.save(model, path)


def test_decoder_of_an_older_version(exported_tiny, editable_copy):
    """It had a condition, with which only onnxruntime does all it should."""
    folder = editable_copy
    with_condition(folder / 'decoder.onnx')
    image = random_ct(50, 44).clip(0, 255).astype(np.uint8)
    old, new = (OnnxSegmentor(one).set_image(image).segment(BOXES)
                for one in (folder, exported_tiny.folder))
    np.testing.assert_array_equal(old.iou, new.iou)
    with pytest.raises(InputError, match='decoder.onnx: .*export the mo'):
        OnnxSegmentor(folder, runtime='openvino')
