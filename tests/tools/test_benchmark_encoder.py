"""The benchmarks of the encoder and of its attention, on few runs."""


def rows(stdout, first_cell):
    """The cells of the table's rows."""
    return [[cell.strip() for cell in line.strip('|').split('|')]
            for line in stdout.splitlines()
            if line.startswith(f'| {first_cell}')]


def test_encoders_are_equal_and_compared(run_tool):
    done = run_tool('analysis_tools/benchmark_encoder.py', '--size', 256,
                    '--runs', 1)
    assert done.returncode == 0, done.stderr
    assert len(rows(done.stdout, '')) == 7
    for name in ('SAMViT', 'DB-SAM'):
        single, half = rows(done.stdout, name)
        assert float(single[-1]) < 1e-5 < float(half[-1]) < 0.1
        assert 0 < float(single[-2])


def test_forms_of_attention_are_timed(run_tool):
    done = run_tool('analysis_tools/benchmark_attention.py', '--runs', 1)
    assert done.returncode == 0, done.stderr
    found = rows(done.stdout, 'global') + rows(done.stdout, '25 windows')
    assert len(found) == 4
    assert all(float(cell) > 0 for row in found for cell in row[2:])


def test_tiny_encoders_are_compared_and_their_parts_listed(run_tool):
    done = run_tool('analysis_tools/benchmark_tiny_encoder.py', '--runs', 1,
                    '--turns', 1)
    assert done.returncode == 0, done.stderr
    for name in ('released', 'released, memory kept', 'mmdbsam', 'DB-SAM'):
        row = rows(done.stdout, f'{name} |')[0]
        assert all(float(cell) > 0 for cell in row[1:])
    assert float(rows(done.stdout, 'mmdbsam |')[0][-1]) == 1
    parts = rows(done.stdout, 'stage')
    assert len(parts) == 3
    assert all(float(row[1]) > 10 for row in parts)
