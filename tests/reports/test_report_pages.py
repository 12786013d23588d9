"""The pages of a report are whole, self-contained and safe from any name."""

import json
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from pages import Page

from mmdbsam.evaluation import VolumeMetric
from mmdbsam.reports.pages.table import (
    Cell,
    Table,
    escape_latex,
    escape_markdown,
)

NAME = '<b>&"_é|$x$](http://x.y)'


@pytest.fixture(scope='module')
def written(prepared, make_samples, evaluate, tmp_path_factory):
    """A report on labels of difficult names, and with NSD of 100 %."""
    base = tmp_path_factory.mktemp('pages')
    shutil.copytree(prepared.root, base / 'data')
    path = base / 'data/dataset.json'
    content = json.loads(path.read_text())
    content['labels']['1'], content['note'] = NAME, f'A note on {NAME}.'
    path.write_text(json.dumps(content))
    metric = VolumeMetric(str(base / 'data'), 'test', min_volume=50,
                          baselines=True)
    scores = evaluate(metric, make_samples(lambda mask, *_: mask),
                      base / 'report', dict(config='a/<i>.py'))
    return SimpleNamespace(folder=base / 'report', scores=scores)


@pytest.fixture(scope='module')
def page(written):
    return Page((written.folder / 'index.html').read_text())


def test_the_page_needs_nothing_else(page, written):
    assert page.pictures == [(768, 888)] * 3
    assert page.tags.count('svg') == 3 and 'mathdefault' not in page.text
    assert 'script' not in page.tags
    for link in page.links:
        assert link.startswith(('data:', '#')), link


def test_names_are_text(page, written):
    assert 'b' not in page.tags and 'i' not in page.tags
    assert f'A note on {NAME}.' in page.text and 'a/<i>.py' in page.text
    _, labels = page.tables
    assert [row[0] for row in labels] == ['label', NAME, 'spleen']


def test_tables_scroll_by_themselves(page, written):
    assert page.wrapped == ['table', 'table']
    style = (written.folder / 'index.html').read_text()
    assert re.search(r'\.table \{[^}]*overflow-x: auto', style)


def test_the_tables_say_what_the_metric_does(page, written):
    methods, _ = page.tables
    rows = {row[0]: row[1:] for row in methods}
    assert rows['method'] == ['DSC (%)', 'NSD at 2 mm (%)', 'n']
    assert rows['model'] == ['100.00 [100.00, 100.00]'] * 2 + ['6']
    assert rows['filled box'][0].startswith(
        f'{100 * written.scores["box_DSC"]:.2f} [')


def test_markdown_keeps_its_columns(written):
    text = (written.folder / 'report.md').read_text()
    row = next(line for line in text.splitlines() if 'é' in line
               and line.startswith('|'))
    assert r'\<b\>&"_é\|$x$]\(http' in row
    header = next(line for line in text.splitlines()
                  if line.startswith('| label'))
    assert len(re.findall(r'(?<!\\)\|', row)) == header.count('|')


def test_latex_escapes(written):
    text = (written.folder / 'table.tex').read_text()
    assert (r'\textless{}b\textgreater{}\&\textquotedbl{}\_é\textbar{}'
            r'\$x\$](http://x.y)') in text
    body = re.sub(r'(?m)^%.*$', '', text)
    assert body.count('{') == body.count('}')
    for begin, end in ((r'\begin{', r'\end{'), ):
        assert body.count(begin) == body.count(end) == 2
    assert not re.search(r'(?<!\\)[%#$_]', body.replace('$-$', ''))


def test_escaping():
    assert escape_latex('a\\b~^') == (
        r'a\textbackslash{}b\textasciitilde{}\textasciicircum{}')
    assert escape_markdown('a\n*b*') == r'a \*b\*'


def test_a_table_in_each_format():
    table = Table(['name', 'DSC (%)'],
                  [[Cell('liver'), Cell('94.0', '[93, 95]')],
                   [Cell('a_b'), Cell('7.5')]], 'What & why')
    assert table.markdown().splitlines() == [
        '| name  |       DSC (%) |',
        '| ----- | ------------: |',
        '| liver | 94.0 [93, 95] |',
        '| a_b   |           7.5 |']
    latex = table.latex()
    assert r'\begin{longtable}{lr}' in latex
    assert r'\caption{What \& why}\\' in latex
    assert r'liver & 94.0 {\scriptsize [93, 95]} \\' in latex
    assert r'a\_b & 7.5 \\' in latex


def test_an_installed_package_has_the_templates(repo_root, tmp_path):
    """setuptools puts the templates into a wheel."""
    subprocess.run(
        [sys.executable, 'setup.py', '-q', 'egg_info', '-e', str(tmp_path),
         'build', '--build-base', str(tmp_path / 'build'), 'build_py',
         '--build-lib', str(tmp_path / 'lib')],
        cwd=repo_root, check=True, capture_output=True)
    folder = 'mmdbsam/reports/pages/templates'
    expected = {path.name for path in (repo_root / folder).iterdir()}
    assert expected == {path.name for path
                        in (tmp_path / 'lib' / folder).iterdir()}
