"""tools/analysis_tools/benchmark_msda.py on its smallest case."""


def test_prints_a_row_for_each_backend(run_tool):
    done = run_tool('analysis_tools/benchmark_msda.py', '--runs', 1,
                    '--case', 'TinyViT, last', TRITON_INTERPRET='0')
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.strip('|').split('|')]
            for line in done.stdout.splitlines()
            if line.startswith('| TinyViT')]
    assert [row[1] for row in rows][:1] == ['mmcv, pure torch']
    assert {'numba', 'torch'} <= {row[1] for row in rows}
    assert all(float(row[7]) < 1e-5 for row in rows)
    assert 'GB/s that a copy reaches' in done.stdout


def test_names_an_unknown_case(run_tool):
    done = run_tool('analysis_tools/benchmark_msda.py', '--case', 'Swin')
    assert done.returncode == 1
    assert "found 'Swin'" in done.stderr.splitlines()[-1]
