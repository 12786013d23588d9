"""The table of a study, from reports and costs."""

import csv
import json
from dataclasses import asdict

import pytest
from rich.console import Console

from mmdbsam.errors import InputError
from mmdbsam.evaluation.case_score import CaseScore
from mmdbsam.reports.report import summarize
from mmdbsam.reports.report.provenance import describe_run
from mmdbsam.reports.study import collect, write_tables
from mmdbsam.studies import plan_runs, read_study

# Rows of a report: two blocks of slices of each case.
CASES = [(f'case{i}', start) for i in range(8) for start in (0, 10)]


def write_report(folder, dsc, tolerance=2.0, commit='abc'):
    """The numbers of a report whose model has these scores, by row."""
    rows = [CaseScore(case=case, start=start, stop=start + 5, label_id=1,
                      label='liver', method='model', voxels=100,
                      volume_ml=0.1, scores=dict(DSC=score, NSD=0.5))
            for (case, start), score in zip(CASES, dsc, strict=True)]
    score = dict(title='A score', unit='%', ideal=1.0, of='volumes')
    protocol = dict(split='test', name='mm', slices='all', unit='mm',
                    tolerance=tolerance, min_volume_voxels=10,
                    empty='both empty score 1', prompt='one box',
                    box_shift_px=[], averaging='mean', draws=1,
                    scores=dict(DSC=score, NSD=score))
    summary = summarize(rows, 'toy', 'Not real.', protocol, describe_run(
        dict(code=dict(commit=commit, changed=[]))))
    folder.mkdir(parents=True)
    (folder / 'summary.json').write_text(json.dumps(summary))
    columns = [asdict(row) for row in rows]
    for row in columns:
        row.update(row.pop('scores'))
    with open(folder / 'cases.csv', 'w', newline='') as file:
        writer = csv.DictWriter(file, columns[0])
        writer.writeheader()
        writer.writerows(columns)


@pytest.fixture
def study(write_study, tmp_path):
    """A study of two variants with two seeds, and its runs."""
    study = read_study(write_study(seeds=(0, 1)), {}, amp=False)
    runs = plan_runs(study, tmp_path / 'work')
    for run in runs:
        run.prepare()
    return study, runs


def scores(offset, wobble):
    return [0.5 + offset + wobble * ((7 * i) % 5 - 2) / 100
            for i in range(len(CASES))]


def printed(result, folder):
    console = Console(record=True, width=160)
    write_tables(result, folder, console)
    return console.export_text()


def test_table_of_two_seeds(study, tmp_path):
    """Each seed's mean counts once; pairs are averaged over the seeds."""
    study, runs = study
    for run, offset in zip(runs, (0.0, 0.1, 0.02, 0.2), strict=True):
        write_report(run.report, scores(offset, 1 if run.seed else -1))
    runs[0].costs.write_text(json.dumps(dict(
        config='x', image_side=128, prompts=1, device='cpu', threads=3,
        precision='float32', blocks=dict(total=dict(
            trained=1_234_567, frozen=0, flops=2.5e9, seconds=0.012,
            bytes=0)))))
    result = collect(study, runs, {})
    whole, other = result.rows
    assert whole.blocks['fusion'] == 'GatedFusion'
    assert other.blocks['fusion'] is None and other.blocks['stem']
    assert whole.means('DSC') == pytest.approx([0.5, 0.52], abs=3e-3)
    difference = other.differences['DSC']
    # The wobble of the two seeds cancels in each pair.
    interval = difference.paired.interval
    assert interval.mean == pytest.approx(0.14)
    assert (interval.low, interval.high) == pytest.approx((0.14, 0.14))
    # All 8 cases gain, and the p value is doubled for the two metrics.
    assert difference.adjusted_p == pytest.approx(2 * 2 / 2 ** 8)
    text = printed(result, tmp_path)
    row = next(line for line in text.splitlines() if 'whole' in line)
    assert row.split()[1:8] == ['✓', '✓', '✓', '✓', '1.23', '2.5', '12']
    assert '+14.00' in text and '0.016' in text
    with open(tmp_path / 'study.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert float(rows[1]['DSC']) == pytest.approx(0.65, abs=3e-3)
    assert float(rows[1]['DSC_std']) == pytest.approx(
        0.1 / 2 ** 0.5, abs=3e-3)
    assert rows[0]['seeds'] == '0 1' and rows[0]['trained'] == '1234567'


def test_differences_are_over_seeds_that_both_have(study, tmp_path):
    study, runs = study
    for run, offset in zip(runs[:3], (0.0, 0.1, 0.3), strict=True):
        write_report(run.report, scores(offset, 0), commit=f'{offset:g}')
    result = collect(study, runs, {runs[3]: 'OutOfMemoryError: CUDA'})
    assert result.rows[1].differences['DSC'].paired.interval.mean == (
        pytest.approx(0.1))
    text = printed(result, tmp_path)
    assert "'no fusion': seed 1 failed: OutOfMemoryError: CUDA." in text
    assert 'different code, of the commits 0, 0.1, 0.3.' in text


def test_a_study_that_has_only_begun(study, tmp_path):
    study, runs = study
    text = printed(collect(study, runs, {}), tmp_path)
    assert "'whole': seed 0, 1 not run." in text
    page = (tmp_path / 'study.html').read_text()
    assert '<svg' not in page and 'no fusion' in page


def test_reports_that_cannot_be_compared(study, write_study, tmp_path):
    study, runs = study
    write_report(runs[0].report, scores(0, 0))
    write_report(runs[1].report, scores(0, 0), tolerance=1.0)
    with pytest.raises(InputError, match='tolerance: expected 2.0 as in'):
        collect(study, runs, {})
    (runs[1].report / 'summary.json').unlink()
    path = write_study(seeds=(0, 1))
    with open(path, 'a') as file:
        file.write("metrics = ['DSC', 'dice']\n")
    with pytest.raises(InputError, match="metrics: expected some of DSC, NSD"
                       ".* found 'dice'"):
        other = read_study(path, {}, amp=False)
        collect(other, plan_runs(other, tmp_path / 'work'), {})


def test_markdown_and_latex_hold_the_same_cells(study, tmp_path):
    study, runs = study
    for run, offset in zip(runs, (0.0, 0.1, 0.02, 0.2), strict=True):
        write_report(run.report, scores(offset, 1))
    printed(collect(study, runs, {}), tmp_path)
    latex = (tmp_path / 'study.tex').read_text()
    markdown = (tmp_path / 'study.md').read_text()
    for text in (latex, markdown):
        assert '+14.00' in text and 'no fusion' in text
        assert 'Not real.' in text
    assert latex.count(r'\begin') == latex.count(r'\end{')
    assert not set('Δ✓±') & set(latex)
