"""Tables, JSON, YAML, prepared data, reports and logs."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from campaign.subjects import Subject, rng
from mmdbsam.cli.inference.box_files import read_boxes
from mmdbsam.engine.run_scalars import read_scalars, training_panels
from mmdbsam.evaluation.case_score import CaseScore
from mmdbsam.evaluation.predictions import PromptedMask
from mmdbsam.io.prepared import PreparedData
from mmdbsam.preparation import CaseOptions, SplitPlan, prepare_dataset
from mmdbsam.reports.comparison import require_same, write_comparison
from mmdbsam.reports.report import read_report
from mmdbsam.reports.report.folder import write_report
from mmdbsam.reports.report.predictions import load_predictions
from mmdbsam.reports.report.provenance import describe_run
from mmdbsam.reports.report.summary import summarize
from mmdbsam.structures.packed_mask import PackedMask

SHAPE = (6, 16, 20)
BOXES = ('name,x0,y0,z0,x1,y1,z1\nliver,1,2,0,9,8,5\n'
         '"left, kidney",3,4,1,8,9,4\n')
LABELS_YML = 'liver: [label_1, label_2]\nheart: 3\n'


def _write_source(folder: Path, extra: dict[str, str],
                  name: str = 'images/a.nii.gz') -> None:
    """A scan and its labels, with what else a source may have."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    source = folder / 'source'
    for path, values in (
            (name, rng().integers(0, 900, SHAPE, np.int16)),
            ('labels/a.nii.gz', rng().integers(0, 4, SHAPE, np.uint8))):
        (source / path).parent.mkdir(parents=True)
        sitk.WriteImage(sitk.GetImageFromArray(values), str(source / path))
    for path, text in extra.items():
        (source / path).write_text(text)


def _prepare(folder: Path, source: str = 'source', labels: str | None = None
             ) -> Any:
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    found = prepare_dataset(
        folder / source, folder / 'out', name='some',
        options=CaseOptions(min_volume=0, min_area=0),
        plan=SplitPlan('case', (0, 0, 1)),
        labels=labels and folder / labels)
    return _content(found.data)


def _content(data: PreparedData) -> Any:
    return data.name, data.note, data.labels, [
        (case.name, case.geometry, case.splits, np.array(case.image()),
         np.array(case.label()), case.areas(), case.mask(1, 0, 2))
        for case in data.cases]


def _write_prepared(folder: Path) -> None:
    _write_source(folder, {'labels.csv': 'id,name\n1,liver\n2,heart\n'})
    _prepare(folder)


def _read_prepared(folder: Path) -> Any:
    return _content(PreparedData(folder / 'out'))


def _write_reports(folder: Path) -> None:
    for number in range(2):
        scores = rng().random((8, 2)) + number / 9
        rows = [CaseScore(f'case{i // 2}', 0, 5, 1 + i % 2, f'label{i % 2}',
                          'model', 99, 1.5, dict(DSC=float(dsc),
                                                 NSD=float(nsd)))
                for i, (dsc, nsd) in enumerate(scores)]
        protocol = dict(
            name='mm', split='test', unit='mm', tolerance=2., slices='all',
            per_slice=False, min_volume_voxels=1000, scores={
                name: dict(title=name, ideal=1., unit='%', of='volumes')
                for name in ('DSC', 'NSD')},
            empty='as equal', prompt='tight box', draws=1,
            box_shift_px=[0., 0.], averaging='unweighted mean')
        mask = rng().random((16, 20)) < 0.3
        predictions = {(row.case, row.label_id): {0: {
            z: PromptedMask(np.arange(4.), PackedMask.pack(mask))
            for z in range(3)}} for row in rows}
        write_report(folder / f'report{number}', rows, summarize(
            rows, 'some', 'made up', protocol, describe_run(dict(
                config=f'c{number}.py', data_root='/nowhere'))),
            predictions, dict.fromkeys(('best', 'median', 'worst'), np.zeros(
                (8, 8, 3), np.uint8)))


def _read_reports(folder: Path) -> Any:
    reports = [read_report(folder / f'report{number}') for number in range(2)]
    require_same(reports)
    write_comparison(folder / 'out', reports, None)
    shown = [[(key, index, prompt.mask.crop())
              for key, draws in load_predictions(
                  report.folder / 'predictions.npz').items()
              for index, prompt in draws[0].items()] for report in reports]
    return (folder / 'out/comparison.md').read_text(), shown


def _write_log(folder: Path) -> None:
    folder = folder / '20260101_000000/vis_data'
    folder.mkdir(parents=True)
    (folder / 'scalars.json').write_text(''.join(json.dumps(dict(
        loss=1 / step, lr=1e-4, iter=step, step=step, epoch=1)) + '\n'
        for step in range(1, 9)) + json.dumps(dict(DSC=0.5, step=1)) + '\n')


def _read_log(folder: Path) -> Any:
    return training_panels(read_scalars(folder))


def _write_text(name: str, text: str, folder: Path) -> None:
    (folder / name).write_text(text)


SUBJECTS = [
    Subject('labels.csv', partial(_write_source, extra={
        'labels.csv': 'id,name\n1,liver\n2,heart\n'}), _prepare),
    Subject('dataset.json of nnU-Net', partial(_write_source, extra={
        'dataset.json': json.dumps(dict(labels=dict(
            background=0, liver=1, heart=2)))}), _prepare),
    Subject('table of cases', partial(_write_source, extra={
        'cases.csv': 'image,label,case,split\n'
        'images/a.nii.gz,labels/a.nii.gz,first,test\n'}),
        partial(_prepare, source='source/cases.csv')),
    Subject('labels.yml', partial(_write_source, extra={
        'labels.csv': 'id,name\n1,label_1\n2,label_2\n',
        '../labels.yml': LABELS_YML}),
        partial(_prepare, labels='labels.yml')),
    Subject('prepared again', _write_prepared, _prepare),
    Subject('prepared data', _write_prepared, _read_prepared),
    Subject('boxes in CSV', partial(_write_text, 'boxes.csv', BOXES),
            lambda folder: read_boxes(folder / 'boxes.csv')),
    Subject('boxes in JSON', partial(_write_text, 'boxes.json', json.dumps([
        dict(name='liver', box=[1, 2, 0, 9, 8, 5]),
        dict(name='heart', box=[1, 2, 9, 8], slice=3)])),
        lambda folder: read_boxes(folder / 'boxes.json')),
    Subject('reports', _write_reports, _read_reports),
    Subject("a training's log", _write_log, _read_log),
]
