"""A prepared data set of several patients in folds."""

import json
import shutil

import numpy as np
import pytest

from mmdbsam.io.prepared import PreparedData


@pytest.fixture(scope='session')
def folded_spine(prepared_spine, tmp_path_factory):
    """The spine CT as three patients of four slices, two of them in fold 0.

    A fourth has test data, in a data set called 'spine'.
    """
    root = tmp_path_factory.mktemp('folded') / 'spine'
    content = PreparedData(prepared_spine).read_json()
    whole, = content['cases']
    cases = []
    for name, start, split in (('p0', 8, 'fold_0'), ('p1', 14, 'fold_1'),
                               ('p2', 20, 'fold_0'), ('p3', 26, 'test')):
        shutil.copytree(prepared_spine / whole['name'], root / name)
        for file in ('image', 'label', 'areas'):
            path = root / f'{name}/{file}.npy'
            array = np.load(path)
            axis = int(file == 'label')
            np.save(path, array.take(range(start, start + 4), axis))
        cases.append(dict(
            whole, name=name, checksum=name, group=f'patient of {name}',
            shape=[4, *whole['shape'][1:]], splits={split: [[0, 4]]}))
    (root / 'dataset.json').write_text(json.dumps(dict(content, cases=cases)))
    return root
