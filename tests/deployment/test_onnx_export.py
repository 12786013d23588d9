"""Exports are written, and wrong requests refused."""

import json
import shutil

import numpy as np
import onnx
import pytest

from mmdbsam.deployment import OnnxSegmentor, onnx_export
from mmdbsam.deployment.runtimes import METADATA_KEY
from mmdbsam.errors import InputError
from mmdbsam.io.checksums import SUMS, sha256

CONFIG = 'tests/data/dbsam_tiny_spine.py'


def set_metadata(path, text):
    model = onnx.load(path)
    del model.metadata_props[:]
    if text:
        onnx.helper.set_model_props(model, {METADATA_KEY: text})
    onnx.save(model, path)


def test_files_say_what_goes_in_and_out(exported_tiny):
    shapes = {}
    for name in ('encoder', 'decoder'):
        model = onnx.load(exported_tiny.folder / f'{name}.onnx')
        opset, = model.opset_import
        assert opset.domain == '' and opset.version == onnx_export.OPSET
        # The file has no paths of the machine that wrote it.
        assert not any(node.metadata_props for node in model.graph.node)
        for value in (*model.graph.input, *model.graph.output):
            shapes[value.name] = [
                one.dim_param or one.dim_value
                for one in value.type.tensor_type.shape.dim]
    assert shapes == dict(
        images=['batch', 3, 128, 128], embeddings=['batch', 64, 16, 16],
        embedding=[1, 64, 16, 16], points=['prompts', 'points', 2],
        point_labels=['prompts', 'points'], masks=['given_masks', 1, 64, 64],
        has_masks=[], logits=['prompts', 4, 64, 64], iou=['prompts', 4])


def test_nothing_is_written_of_a_model_that_differs(exported_tiny, tmp_path,
                                                    monkeypatch):
    """The files are those of the model before one of its norms changed."""
    model, folder = exported_tiny.model, tmp_path / 'new'

    def write(module, arguments, path, *args):
        shutil.copy(exported_tiny.folder / path.name, path)

    monkeypatch.setattr(onnx_export, '_write', write)
    preprocessing = OnnxSegmentor(exported_tiny.folder).preprocessing
    norm = model.image_encoder.vit.channel_reduction[-1]
    weight = norm.weight.clone()
    norm.weight.mul_(1.1)
    try:
        with pytest.raises(InputError, match='logits within 0.001 .*nothing'):
            onnx_export.export_onnx(model, folder, preprocessing)
    finally:
        norm.weight.copy_(weight)
    assert not list(tmp_path.iterdir())
    found = onnx_export.export_onnx(model, folder, preprocessing)
    assert found['logits'] < 1e-3
    assert [file.name for file in tmp_path.iterdir()] == ['new']


def test_replaces_only_an_earlier_export(exported_tiny, tmp_path):
    (tmp_path / 'notes.txt').write_text('mine')
    with pytest.raises(InputError, match='empty folder, .*found notes.txt'):
        onnx_export.export_onnx(exported_tiny.model, tmp_path, None)
    with pytest.raises(InputError, match='empty folder, .*found a file'):
        onnx_export.export_onnx(exported_tiny.model, tmp_path / 'notes.txt',
                                None)


def test_refuses_files_of_two_exports(editable_copy):
    folder = editable_copy
    text = OnnxSegmentor(folder).preprocessing.to_json(config='b')
    set_metadata(folder / 'decoder.onnx', text)
    with pytest.raises(InputError, match='of one export of mmdbsam'):
        OnnxSegmentor(folder)
    for name in ('encoder.onnx', 'decoder.onnx'):
        set_metadata(folder / name, None)
    with pytest.raises(InputError, match='of one export of mmdbsam'):
        OnnxSegmentor(folder)
    (folder / 'decoder.onnx').write_bytes(b'no model')
    with pytest.raises(InputError, match='decoder.onnx: expected an ONNX'):
        OnnxSegmentor(folder)
    (folder / 'decoder.onnx').unlink()
    with pytest.raises(InputError, match='decoder.onnx: no such file'):
        OnnxSegmentor(folder)


def test_refuses_files_that_changed(exported_tiny, tmp_path):
    """The checksums say so, where they are there."""
    folder = shutil.copytree(exported_tiny.folder, tmp_path / 'copy')
    encoder, decoder = (folder / f'{name}.onnx' for name in
                        ('encoder', 'decoder'))
    whole = encoder.read_bytes()
    middle = len(whole) // 2
    encoder.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1])
                        + whole[middle + 1:])
    with pytest.raises(InputError, match='encoder.onnx: expected the sha256'):
        OnnxSegmentor(folder)
    shutil.copy(decoder, encoder)
    (folder / SUMS).unlink()
    with pytest.raises(InputError, match='encoder.onnx: expected the inputs '
                       'images, found embedding'):
        OnnxSegmentor(folder)


@pytest.mark.parametrize('is_named', [False, True])
def test_command(exported_tiny, command, tmp_path, capsys, monkeypatch,
                 repo_root, is_named):
    """The files name their checkpoint, which may be one of mmdbsam's own."""
    checkpoint = exported_tiny.checkpoint
    written = []
    if is_named:
        monkeypatch.setattr('mmdbsam.weights.loading.checkpoint_file',
                            lambda name: {'own weights': checkpoint}[name])

    def write(module, arguments, path, metadata, *args):
        shutil.copy(exported_tiny.folder / path.name, path)
        set_metadata(path, metadata)
        written.append(json.loads(metadata))

    monkeypatch.setattr(onnx_export, '_write', write)
    command('export', repo_root / CONFIG,
            'own weights' if is_named else checkpoint, '-o', tmp_path / 'out')
    assert 'largest difference to torch: embedding' in capsys.readouterr().out
    assert written[0]['checkpoint_sha256'] == sha256(checkpoint)
    assert written[0]['config'] == 'dbsam_tiny_spine'
    assert written[0] == written[1]
    segmentor = OnnxSegmentor(tmp_path / 'out')
    assert segmentor.provenance['config'] == 'dbsam_tiny_spine'
    image = np.zeros((30, 30), np.uint8)
    assert segmentor.set_image(image).segment([[1, 2, 9, 9]]).masks.shape \
        == (1, 1, 30, 30)


def test_tool_ends_in_one_line(run_tool, repo_root, tmp_path):
    done = run_tool('deployment/export_onnx.py', repo_root / CONFIG,
                    'none.pth', '-o', tmp_path / 'out')
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == \
        'error: checkpoint none.pth: no such file'
    assert not (tmp_path / 'out').exists()


def test_benchmark(exported_tiny, run_tool, repo_root):
    done = run_tool('analysis_tools/benchmark_onnx.py', repo_root / CONFIG,
                    exported_tiny.checkpoint, exported_tiny.folder, '--runs',
                    1, '--prompts', 2)
    assert done.returncode == 0, done.stderr
    for row in done.stdout.splitlines()[-2:]:
        ours, theirs, ratio = map(float, row.split('|')[2:5])
        # The times are rounded to 1 ms, their ratio is not.
        assert (theirs - 0.5) / (ours + 0.5) - 0.01 < ratio \
            < (theirs + 0.5) / max(ours - 0.5, 0.1) + 0.01
