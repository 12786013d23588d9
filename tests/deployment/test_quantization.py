"""Encoders in 8 bits, calibrated on prepared slices."""

import json
from functools import partial

import numpy as np
import onnx
import pytest

from mmdbsam.deployment import OnnxSegmentor, onnx_export
from mmdbsam.deployment.calibration import choose_slices
from mmdbsam.deployment.provenance import PROVENANCE, read_provenance
from mmdbsam.deployment.quantization import (
    agreement,
    has_8_bit_products,
    segment_held,
)
from mmdbsam.deployment.runtimes import METADATA_KEY
from mmdbsam.errors import InputError
from mmdbsam.io.checksums import SUMS, verify_sums

CONFIG = 'tests/data/dbsam_tiny_spine.py'


def give_files(folder, module, arguments, path, metadata, *args):
    """Write what the exporter would, from an earlier export."""
    model = onnx.load(folder / path.name)
    onnx.helper.set_model_props(model, {METADATA_KEY: metadata})
    onnx.save(model, path)


@pytest.fixture(scope='module')
def calibration(exported_tiny, prepared_spine):
    """Three slices to calibrate on, and three for the check."""
    return choose_slices(exported_tiny.cfg, prepared_spine, 'train', 3)


@pytest.fixture(scope='module')
def quantise(exported_tiny, calibration, tmp_path_factory):
    """Export the tiny model with an encoder in 8 bits: folder and numbers."""

    def run():
        folder = tmp_path_factory.mktemp('int8') / 'onnx'
        preprocessing = OnnxSegmentor(exported_tiny.folder).preprocessing
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(onnx_export, '_write',
                          partial(give_files, exported_tiny.folder))
            return folder, onnx_export.export_onnx(
                exported_tiny.model, folder, preprocessing, calibration,
                config='a')

    return run


@pytest.fixture(scope='module')
def quantised(quantise):
    """An export with an encoder in 8 bits: its folder and its numbers."""
    return quantise()


def weights(folder):
    """The types of the weights that convolutions and products read."""
    graph = onnx.load(folder / 'encoder.onnx').graph
    makers = {node.output[0]: node for node in graph.node}
    types = {one.name: one.data_type for one in graph.initializer}
    found = set()
    for node in graph.node:
        if node.op_type in ('Conv', 'MatMul', 'Gemm'):
            name = node.input[1]
            if (maker := makers.get(name)) is not None:
                name = maker.input[0]
            found.add(types.get(name))
    # Products of two computed values have none.
    return found - {None}


def test_encoder_has_8_bit_weights_and_decoder_has_not(exported_tiny,
                                                       quantised):
    folder, _ = quantised
    assert sorted(file.name for file in folder.iterdir()) == [
        SUMS, 'decoder.onnx', 'encoder.onnx', PROVENANCE]
    verify_sums(folder)
    assert len((folder / SUMS).read_text().splitlines()) == 3
    assert weights(exported_tiny.folder) == {onnx.TensorProto.FLOAT}
    assert weights(folder) == {onnx.TensorProto.INT8}
    decoders = [onnx.load(one / 'decoder.onnx').graph
                for one in (folder, exported_tiny.folder)]
    assert decoders[0] == decoders[1]


def test_weights_have_7_bits(quantised):
    """More would overflow the sums of CPUs without VNNI."""
    folder, _ = quantised
    greatest = [np.abs(onnx.numpy_helper.to_array(one).astype(int)).max()
                for one in onnx.load(folder / 'encoder.onnx'
                                     ).graph.initializer
                if one.data_type == onnx.TensorProto.INT8
                and len(one.dims) > 1]
    assert greatest and max(greatest) <= 64


def test_metadata_say_what_it_was_calibrated_on(quantised, prepared_spine,
                                                calibration):
    folder, _ = quantised
    provenance = OnnxSegmentor(folder).provenance
    encoder = provenance['encoder']
    assert provenance['config'] == 'a' and encoder['precision'] == 'int8'
    assert encoder['calibrated_on'] == calibration.about
    assert encoder['calibrated_on']['split'] == 'train'
    for name in ('encoder', 'decoder'):
        model = onnx.load(folder / f'{name}.onnx')
        assert [one.key for one in model.metadata_props] == [METADATA_KEY]


def test_masks_agree_with_float32(exported_tiny, quantised, calibration):
    """The numbers of the export are those of the files that it left."""
    folder, found = quantised
    exact, rounded = (OnnxSegmentor(one)
                      for one in (exported_tiny.folder, folder))
    image = exact.preprocessing(calibration.held[0][0])[None]
    assert np.abs(exact.encode_image(image)
                  - rounded.encode_image(image)).max() > 1e-3
    agreed = agreement(*(segment_held(one, calibration)
                         for one in (exact, rounded)))
    assert agreed > 90
    assert found['agreement'] == pytest.approx(agreed)
    assert found['logits'] < 1e-3


def test_openvino_refuses_it(quantised):
    """It would compute another embedding, and crash on CPUs without VNNI."""
    with pytest.raises(InputError, match='encoder.onnx: expected an encoder '
                       'in float32.*run it with onnxruntime'):
        OnnxSegmentor(quantised[0], runtime='openvino')


def test_agreement_is_the_mean_dsc():
    first = [np.array([[1, 1, 0, 0], [0, 0, 0, 0]], bool),
             np.array([[1, 1, 1, 1]], bool)]
    second = [np.array([[0, 1, 1, 0], [0, 0, 0, 0]], bool),
              np.array([[0, 0, 0, 0]], bool)]
    assert agreement(first, second) == pytest.approx((50 + 100 + 0) / 3)


def test_same_slices_give_the_same_bytes(quantise, quantised):
    again, _ = quantise()
    for file in quantised[0].iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes()


def test_slices_are_spaced_over_the_split(calibration, prepared_spine):
    from mmdbsam.io.prepared import PreparedData
    data = PreparedData(prepared_spine)
    slices = calibration.about['slices']
    first, *_, last = [index for case, start, stop in data.blocks('train')
                       for index in range(start, stop)
                       if case.areas()[index].any()]
    assert slices[0] == [data.name, data.cases[0].name, first]
    assert len(slices) == len({tuple(one) for one in slices}) == 3
    for (_, case, index), image in zip(slices, calibration.images,
                                       strict=True):
        np.testing.assert_array_equal(image, data.case(case).image()[index])
    held, boxes = calibration.held[-1]
    np.testing.assert_array_equal(held, data.cases[-1].image()[last])
    assert len(boxes) == (data.cases[-1].areas()[last] > 0).sum()


@pytest.mark.parametrize('options, message', [
    (['nowhere'], 'expected a prepared data set with a dataset.json'),
    (['DATA', '--int8-split', 'other'],
     "expected at least 16 slices with a label in split 'other'.*found 0"),
    (['DATA', '--int8-slices', 500], 'expected at least 1000 slices'),
    (['DATA', '--int8-slices', 0], 'expected at least 1, found 0'),
    (['DATA', '--cfg-options', 'modality=MR'],
     "expected MR, which is the model's modality, found CT")])
def test_what_it_cannot_be_calibrated_on(exported_tiny, prepared_spine,
                                         command, repo_root, tmp_path,
                                         options, message):
    options = [prepared_spine if one == 'DATA' else one for one in options]
    with pytest.raises(InputError, match=message) as caught:
        command('export', repo_root / CONFIG, exported_tiny.checkpoint, '-o',
                tmp_path / 'out', '--int8', *options)
    assert '\n' not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_command(exported_tiny, prepared_spine, command, repo_root, tmp_path,
                 monkeypatch, capsys):
    """It says how far the masks are from float32's, and whom it serves."""
    monkeypatch.setattr(onnx_export, '_write',
                        partial(give_files, exported_tiny.folder))
    monkeypatch.setattr('mmdbsam.deployment.quantization.has_8_bit_products',
                        lambda: False)
    out = tmp_path / 'out'
    command('export', repo_root / CONFIG, exported_tiny.checkpoint, '-o', out,
            '--int8', prepared_spine, '--int8-slices', 2)
    printed = capsys.readouterr().out
    assert 'not expected to be faster than in float32 here' in printed
    assert 'in 8 bits and in float32: ' in printed
    assert 'on 2 slices that it was not calibrated on' in printed
    image = repo_root / 'tests/data/ct_spine/images/lumbar.nii.gz'
    command('infer', image, '-o', tmp_path / 'labels.nii.gz', '--box', 10, 8,
            20, 50, 40, 21, '--config', out)
    record, = tmp_path.glob('*.json')
    model = json.loads(record.read_text(encoding='utf-8'))['origin']['model']
    assert model['encoder']['precision'] == 'int8'
    assert len(model['encoder']['calibrated_on']['slices']) == 2


def test_nothing_is_written_if_it_fails(exported_tiny, calibration, tmp_path,
                                        monkeypatch):
    def fail(*args):
        raise InputError('no')

    monkeypatch.setattr(onnx_export, '_write',
                        partial(give_files, exported_tiny.folder))
    monkeypatch.setattr(onnx_export, 'quantise_encoder', fail)
    with pytest.raises(InputError, match='no'):
        onnx_export.export_onnx(
            exported_tiny.model, tmp_path / 'out',
            OnnxSegmentor(exported_tiny.folder).preprocessing, calibration)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('line, wanted', [
    ('flags\t\t: fpu avx2 avx512_vnni fma', True),
    ('flags\t\t: fpu avx2 avx_vnni', True),
    ('Features\t: fp asimd asimddp', True),
    ('flags\t\t: fpu avx2 avx512f', False)])
def test_cpu_with_8_bit_products(tmp_path, line, wanted):
    file = tmp_path / 'cpuinfo'
    file.write_text(f'processor\t: 0\nmodel name\t: avx_vnni\n{line}\n')
    assert has_8_bit_products(file) is wanted
    assert has_8_bit_products(tmp_path / 'none') is None


def test_provenance_is_that_of_the_metadata(exported_tiny, quantised,
                                            tmp_path):
    for folder in (exported_tiny.folder, quantised[0]):
        assert read_provenance(folder) == OnnxSegmentor(folder).provenance
    # Older versions did not write the file.
    assert read_provenance(tmp_path) == {}
    for content in ('', '[1]', '{'):
        (tmp_path / PROVENANCE).write_text(content)
        with pytest.raises(InputError, match='provenance.json: '):
            read_provenance(tmp_path)


def test_benchmark(exported_tiny, quantised, prepared_spine, run_tool,
                   repo_root):
    done = run_tool('analysis_tools/benchmark_quantised.py',
                    repo_root / CONFIG, exported_tiny.checkpoint,
                    exported_tiny.folder, quantised[0], '--cfg-options',
                    f'data_root={prepared_spine}')
    assert done.returncode == 0, done.stderr
    rows = [row.split('|')[1:-1] for row in done.stdout.splitlines()[-2:]]
    assert [row[0].strip() for row in rows] == ['float32', 'int8']
    (exact, first, _), (rounded, ratio, _) = (
        list(map(float, row[1:])) for row in rows)
    assert first == 1 and exact > 0
    assert ratio == pytest.approx(exact / rounded, rel=0.2)
