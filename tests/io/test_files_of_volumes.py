"""The files that a volume consists of, and what follows if one changes."""

import numpy as np
import pytest
import SimpleITK as sitk
from synthetic import KEEP_ALL, volume

from mmdbsam.cli.inference.jobs import stamp
from mmdbsam.io.readers.files import files_of
from mmdbsam.preparation import SplitPlan, prepare_dataset

SCAN = np.arange(120).reshape(4, 5, 6).astype(np.int16)


@pytest.mark.parametrize('name, header, files', [
    ('a.mhd', 'NDims = 3\nElementDataFile = b c.raw\n', ['b c.raw']),
    ('a.mhd', 'elementdatafile=x/b.zraw\r\n', ['x/b.zraw']),
    ('a.mhd', 'ElementDataFile = LIST\n1.raw\n2.raw\n', ['1.raw', '2.raw']),
    ('a.mhd', 'ElementDataFile = s%02d.raw 8 10 1\n',
     ['s08.raw', 's09.raw', 's10.raw']),
    ('a.mha', 'ElementDataFile = LOCAL\n\0\1data file: x', []),
    ('a.nhdr', 'NRRD0004\ndata file: b.raw.gz\n', ['b.raw.gz']),
    ('a.nhdr', 'NRRD0004\ndatafile: ../b.raw\n', ['../b.raw']),
    ('a.nhdr', 'NRRD0004\ndata file: LIST 2\n1.raw\n2.raw\n',
     ['1.raw', '2.raw']),
    ('a.NHDR', 'NRRD0004\ndata file: s%d.raw 1 3 2 2\n',
     ['s1.raw', 's3.raw']),
    ('a.nrrd', 'NRRD0004\ntype: short\n\ndata file: b.raw\n', []),
    ('a.nii', 'ElementDataFile = b.raw\n', [])])
def test_files_that_headers_name(tmp_path, name, header, files):
    path = tmp_path / 'in' / name
    path.parent.mkdir()
    path.write_bytes(header.encode('latin-1'))
    wanted = [(path.parent / file).resolve() for file in files]
    assert [file.resolve() for file in files_of(path)] == [path, *wanted]


@pytest.mark.parametrize('name', ['c.mhd', 'c.nhdr', 'c.mha', 'c.nrrd'])
@pytest.mark.parametrize('folder', ['images', 'labels'])
def test_changed_data_are_prepared_again(tmp_path, name, folder):
    """Also if the header is as it was."""
    source, dest = tmp_path / 'in', tmp_path / 'out'
    label = (SCAN > 50).astype(np.uint8)
    for part, array in (('images', SCAN), ('labels', label)):
        (source / part).mkdir(parents=True)
        sitk.WriteImage(volume(array), str(source / part / name))

    def prepare():
        return prepare_dataset(source, dest, options=KEEP_ALL,
                               plan=SplitPlan(fractions=(0, 0, 1)))

    assert prepare().written == ['c'] and prepare().kept == ['c']
    header = (source / folder / name).read_bytes()
    before = stamp(source / folder / name)
    changed = dict(images=SCAN[::-1], labels=label[::-1])[folder]
    sitk.WriteImage(volume(changed), str(source / folder / name))
    if name in ('c.mhd', 'c.nhdr'):
        assert (source / folder / name).read_bytes() == header
    assert prepare().written == ['c']
    assert stamp(source / folder / name) != before
    found = prepare().data.cases[0]
    np.testing.assert_array_equal(
        found.label()[0], label[::-1] if folder == 'labels' else label)
