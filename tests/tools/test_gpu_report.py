"""What tools/analysis_tools/gpu_report.py does without a GPU."""

import pytest


@pytest.fixture
def tools(repo_root, monkeypatch):
    """Make the tool's modules importable."""
    monkeypatch.syspath_prepend(str(repo_root / 'tools/analysis_tools'))


def test_no_section_is_left_out(tools):
    from gpu_report import SECTIONS
    assert set(SECTIONS) == {
        'machine', 'kernels', 'volumes', 'training', 'running', 'parity',
        'deformable', 'encoders', 'attention', 'compiled', 'onnx_encoder'}


def test_a_claim_that_was_not_measured_neither_holds_nor_fails(tools):
    from gpu_sections.verdicts import verdicts
    row = dict(backend='triton', case='tiny', passes=True)
    late = dict(error='the section took too long')
    for rows, holds in (([row], True), ([row, late], None),
                        ([row, late, dict(row, passes=False)], False)):
        assert [verdict['holds']
                for verdict in verdicts(dict(parity=rows))] == [holds]
    assert verdicts({}) == []
    steps = [dict(form=form, type='bfloat16', batch=batch) | {
        'images/s': rate} for form, batch, rate in (
            ('mmdbsam', 1, 7.), ('mmdbsam', 16, 20.), ('plain', 1, 8.),
            ('plain', 4, 9.))]
    verdict, = verdicts(dict(training=steps))
    assert verdict['holds'] and '20.00 (batch 16) against 9.00 (batch 4)' \
        in verdict['evidence']
