"""What a training step costs."""

import re


def test_vitb_at_256_px_trains_in_6_gb(run_tool):
    done = run_tool('analysis_tools/measure_step.py',
                    'configs/dbsam_vitb_ct_256px.py')
    assert done.returncode == 0, done.stderr
    assert float(re.search(r'peak ([\d.]+) GB', done.stdout)[1]) < 6
