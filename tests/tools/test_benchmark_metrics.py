"""tools/analysis_tools/benchmark_metrics.py on the spine CT."""

import re


def test_it_scores_as_the_package_does(load_tool, prepared_spine, monkeypatch,
                                       capsys):
    tool = load_tool('analysis_tools/benchmark_metrics.py')
    monkeypatch.setattr('sys.argv', ['x', str(prepared_spine), '--labels', '3',
                                     '--compared', '2'])
    tool.main()
    printed = capsys.readouterr().out
    assert re.search(r'^3 labels of .*, 2 threads: ', printed, re.MULTILINE)
    assert '2 labels, one thread: ' in printed
    assert float(re.search(r'difference (\S+)', printed)[1]) < 1e-9
