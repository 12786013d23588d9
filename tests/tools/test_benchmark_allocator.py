"""The comparison of allocators, on few runs."""


def test_memory_that_is_kept_is_compared(run_tool):
    done = run_tool('analysis_tools/benchmark_allocator.py',
                    'configs/dbsam_tinyvit_ct.py', '--steps', 1,
                    '--turns', 1, '--prompts', 1, '--work', 'test', 'infer')
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.strip('|').split('|')]
            for line in done.stdout.splitlines()
            if line.startswith('| dbsam_tinyvit_ct')]
    assert [row[1:3] for row in rows] == [
        [work, memory] for work in ('test', 'infer')
        for memory in ('handed back', 'kept')]
    assert all(float(row[3]) > 0 and float(row[5]) > 0.5 for row in rows)
    assert float(rows[0][4]) == float(rows[2][4]) == 1
