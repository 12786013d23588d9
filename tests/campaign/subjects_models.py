"""Checkpoints, exported models and cached embeddings."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file
from torch import nn

from campaign.subjects import Subject, rng
from mmdbsam.deployment import OnnxSegmentor
from mmdbsam.deployment.preprocessing import Preprocessing
from mmdbsam.deployment.runtimes import METADATA_KEY
from mmdbsam.io.checksums import SUMS, write_sums
from mmdbsam.models.embedding_cache import EmbeddingCache
from mmdbsam.weights.integrity import digest
from mmdbsam.weights.loading import load_weights
from mmdbsam.weights.trained import read_trained


def _weights() -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(rng().random(shape, np.float32))
            for name, shape in (('0.weight', (12, 9)), ('0.bias', (12, )),
                                ('1.weight', (2, 12)), ('1.bias', (2, )))}


def _write_checkpoint(folder: Path) -> None:
    torch.save(dict(state_dict=_weights(), meta=dict(epoch=1)),
               folder / 'a.pth')


def _write_old_checkpoint(folder: Path) -> None:
    torch.save(_weights(), folder / 'a.pth',
               _use_new_zipfile_serialization=False)


def _read_checkpoint(folder: Path) -> Any:
    model = nn.Sequential(nn.Linear(9, 12), nn.Linear(12, 2))
    load_weights(model, str(folder / 'a.pth'))
    return {name: value.numpy() for name, value in
            model.state_dict().items()}


def _write_trained(folder: Path) -> None:
    weights = {name: value.half() for name, value in _weights().items()}
    save_file(weights, folder / 'a.safetensors', metadata=dict(
        base='lite_medsam', sha256=digest(weights)))


def _read_trained(folder: Path) -> Any:
    weights, base = read_trained(folder / 'a.safetensors')
    return base, {name: value.numpy() for name, value in weights.items()}


def _write_export(folder: Path) -> None:
    """An encoder and a decoder that are as small as can be."""
    def value(name: str, *shape: Any, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    scale = helper.make_tensor('scale', TensorProto.FLOAT, [64],
                               rng().random(64).tolist())
    grown = helper.make_tensor('grown', TensorProto.FLOAT, [16, 16],
                               rng().random(256).tolist())
    encoder = helper.make_graph(
        [helper.make_node('Mul', ['images', 'scale'], ['embeddings'])],
        'encoder', [value('images', 'batch', 3, 64, 64)],
        [value('embeddings', 'batch', 3, 64, 64)], [scale])
    decoder = helper.make_graph(
        [helper.make_node('Mul', ['masks', 'grown'], ['logits']),
         helper.make_node('ReduceMax', ['points'], ['iou'], keepdims=0)],
        'decoder', [value('embedding', 1, 3, 64, 64),
                    value('points', 'n', 'p', 2),
                    value('point_labels', 'n', 'p', kind=TensorProto.INT64),
                    value('masks', 'n', 1, 16, 16),
                    value('has_masks', kind=TensorProto.BOOL)],
        [value('logits', 'n', 1, 16, 16), value('iou')], [grown])
    text = Preprocessing(64, 'mean_std', [1., 2., 3.], [4., 5., 6.]).to_json()
    for name, graph in (('encoder', encoder), ('decoder', decoder)):
        model = helper.make_model(graph, ir_version=9, opset_imports=[
            helper.make_opsetid('', 17)])
        helper.set_model_props(model, {METADATA_KEY: text})
        onnx.save(model, folder / f'{name}.onnx')


def _write_sealed_export(folder: Path) -> None:
    _write_export(folder)
    write_sums(folder)


def _read_export(folder: Path) -> Any:
    model = OnnxSegmentor(folder, threads=1)
    pixels = np.full((64, 64), 7, np.uint8)
    return (model.encode_image(model.preprocessing(pixels)[None]),
            model.provenance)


class _Encoder(nn.Module):
    """An encoder whose embeddings need no computing."""

    out_size = 4

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(rng().random((len(images), 5, 4, 4),
                                             np.float32))


def _write_cache(folder: Path) -> None:
    EmbeddingCache(folder / 'cache').encode(_Encoder(),
                                            torch.zeros(1, 3, 8, 8))


def _read_cache(folder: Path) -> Any:
    return EmbeddingCache(folder / 'cache').encode(
        _Encoder(), torch.zeros(1, 3, 8, 8)).numpy()


SUBJECTS = [
    Subject('checkpoint', _write_checkpoint, _read_checkpoint, True),
    Subject('checkpoint of an old format', _write_old_checkpoint,
            _read_checkpoint),
    Subject('safetensors', _write_trained, _read_trained, True),
    Subject('export', _write_sealed_export, _read_export, True),
    Subject(f'export without {SUMS}', _write_export, _read_export),
    Subject('cached embeddings', _write_cache, _read_cache, True),
]
