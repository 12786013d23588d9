"""Shards of a data set, their merge, and cases that are added later."""

import json
import shutil

import numpy as np
import pytest
from synthetic import KEEP_ALL, volume

from mmdbsam.errors import InputError
from mmdbsam.io.prepared import PreparedData
from mmdbsam.preparation import (
    SplitPlan,
    add_cases,
    merge_datasets,
    prepare_dataset,
    shard_folder,
)
from mmdbsam.structures.shard import Shard

PLAN = SplitPlan('case', (0.5, 0.25, 0.25))


@pytest.fixture
def source(write_case, tmp_path):
    """Six cases, of which each shows label 1 and its own number."""
    folder = tmp_path / 'in'
    for number, name in enumerate('abcdef', start=2):
        label = np.ones((20, 10, 10), np.uint8)
        label[number] = number
        write_case(folder, f'{name}.nii.gz', label=volume(label))
    return folder


@pytest.fixture
def shards(source, tmp_path):
    """The four shards of the source, of 2, 2, 1 and 1 cases."""
    folders = []
    for place in (1, 2, 3, 4):
        shard = Shard(place, 4)
        folders.append(shard_folder(tmp_path / 'out', shard))
        prepare_dataset(source, folders[-1], 'out', KEEP_ALL, shard=shard)
    return folders


def files(folder):
    return {path.relative_to(folder): path.read_bytes()
            for path in folder.rglob('*')
            if path.is_file() and path.name != 'index.safetensors'}


def test_merged_shards_are_the_whole(source, shards, tmp_path, monkeypatch):
    assert [len(PreparedData(shard).cases) for shard in shards] == [2, 2, 1, 1]
    merged = merge_datasets(tmp_path / 'out', shards, plan=PLAN)
    prepare_dataset(source, tmp_path / 'whole', 'out', KEEP_ALL, PLAN)
    assert files(tmp_path / 'out') == files(tmp_path / 'whole')
    assert merged.split_sizes() == dict(train=60, val=40, test=20)
    # The shards are not needed any more, and nothing is left to prepare.
    shutil.rmtree(tmp_path / 'out.shards')
    again = prepare_dataset(source, tmp_path / 'out', 'out', KEEP_ALL, PLAN)
    assert again.kept == list('abcdef')


def test_shards_share_nothing(shards, tmp_path):
    names = [case.name for shard in shards
             for case in PreparedData(shard).cases]
    assert sorted(names) == list('abcdef')
    assert all(not case.splits for case in PreparedData(shards[0]).cases)


def test_a_missing_shard_is_named(shards, tmp_path):
    with pytest.raises(InputError, match='expected 4 shards of .*in, found '
                       'none of 2, 4; prepare them with --shard 2/4'):
        merge_datasets(tmp_path / 'out', [shards[0], shards[2]])
    with pytest.raises(InputError, match='found 1/4 again'):
        merge_datasets(tmp_path / 'out', [shards[0], shards[0]])
    assert not (tmp_path / 'out').exists()


def test_a_case_may_be_there_once_only(write_case, source, shards, tmp_path):
    other = tmp_path / 'other'
    for folder in ('images', 'labels'):
        (other / folder).mkdir(parents=True)
        shutil.copy(source / folder / 'a.nii.gz', other / folder / 'x.nii.gz')
    prepare_dataset(other, tmp_path / 'x', options=KEEP_ALL)
    with pytest.raises(InputError, match="found 'x', made from the same files "
                       "as 'a' in"):
        merge_datasets(tmp_path / 'out', [*shards, tmp_path / 'x'])
    write_case(tmp_path / 'named', 'a.nii.gz')
    prepare_dataset(tmp_path / 'named', tmp_path / 'y', options=KEEP_ALL)
    with pytest.raises(InputError, match="found 'a', which is also in"):
        merge_datasets(tmp_path / 'out', [*shards, tmp_path / 'y'])


def test_parts_prepared_in_other_ways_are_refused(write_case, shards,
                                                  tmp_path):
    write_case(tmp_path / 'named', 'z.nii.gz')
    coronal = KEEP_ALL.__class__(min_volume=0, min_area=0, plane='coronal')
    prepare_dataset(tmp_path / 'named', tmp_path / 'y', options=coronal,
                    plan=SplitPlan('case', (1, 0, 0)))
    with pytest.raises(InputError, match='expected cases prepared like those '
                       r'of .*, with options .*axial.*, found .*coronal'):
        merge_datasets(tmp_path / 'out', [*shards, tmp_path / 'y'])


def test_the_commands(source, command, tmp_path, capsys):
    words = ('--min-volume', 0, '--min-area', 0)
    for place in (1, 2):
        command('prepare', source, tmp_path / 'out', '--workers', 1,
                '--shard', f'{place}/2', *words)
    command('merge', tmp_path / 'out', tmp_path / 'out.shards/1-of-2',
            tmp_path / 'out.shards/2-of-2', '--folds', 3)
    assert '2 parts merged' in capsys.readouterr().out
    assert set(PreparedData(tmp_path / 'out').split_sizes()) == {
        'fold_0', 'fold_1', 'fold_2'}
    for text in ('0/2', '3/2', '2', 'x/y'):
        with pytest.raises(InputError, match='--shard: expected K/N'):
            Shard.parse(text)


def test_cases_are_added_without_reading_the_others(
        source, write_case, tmp_path, monkeypatch):
    dest = tmp_path / 'out'
    prepare_dataset(source, dest, options=KEEP_ALL, plan=PLAN)
    before = {case.name: case.splits for case in PreparedData(dest).cases}
    shutil.rmtree(source)
    for path in dest.glob('?/*.npy'):
        path.write_bytes(b'')
    for name in 'gh':
        write_case(tmp_path / 'new', f'{name}.nii.gz')
    added = add_cases(tmp_path / 'new', dest, KEEP_ALL, PLAN)
    assert (added.written, added.kept) == (['g', 'h'], [])
    data = PreparedData(dest)
    assert [case.name for case in data.cases] == list('abcdefgh')
    assert {name: data.case(name).splits for name in before} == before
    # Eight cases are 4, 2 and 2; six were 3, 2 and 1.
    assert data.split_sizes() == dict(train=80, val=40, test=40)
    assert data.case('a').areas()[:, :2].sum() == 2000
    np.testing.assert_array_equal(data.case('g').areas()[:, 0], 100)
    # After an interruption, the same command goes on.
    again = add_cases(tmp_path / 'new', dest, KEEP_ALL, PLAN)
    assert (again.written, again.kept) == ([], ['g', 'h'])
    assert files(dest)[next(p for p in files(dest)
                            if p.name == 'dataset.json')] == (
        dest / 'dataset.json').read_bytes()
    assert [c.splits for c in PreparedData(dest).cases] == [
        c.splits for c in data.cases]


def test_what_cannot_be_added(source, write_case, tmp_path):
    dest = tmp_path / 'out'
    prepare_dataset(source, dest, options=KEEP_ALL, plan=PLAN)
    write_case(tmp_path / 'new', 'a.nii').image.rename(
        tmp_path / 'new/images/a.nii')
    with pytest.raises(InputError, match="found 'a', which is there already"):
        add_cases(tmp_path / 'new', dest, KEEP_ALL, PLAN)
    write_case(tmp_path / 'named', 'g.nii.gz')
    (tmp_path / 'named/labels.csv').write_text('id,name\n1,liver\n')
    with pytest.raises(InputError, match="the same as in the new cases, "
                       "'liver', found that 1 is label_1"):
        add_cases(tmp_path / 'named', dest, KEEP_ALL, PLAN)
    with pytest.raises(InputError, match='with options'):
        add_cases(tmp_path / 'named', dest,
                  KEEP_ALL.__class__(min_volume=5, min_area=0), PLAN)
    assert len(PreparedData(dest).cases) == 6
    assert not (dest / 'g').exists()


def test_structures_get_the_ids_of_their_names(write_case, tmp_path):
    """Files of one structure each, where the new ones name another first."""
    for place, (case, names) in enumerate(
            dict(p1=('liver', 'spleen'), p2=('aorta', 'spleen')).items()):
        folder = tmp_path / f'source{place}' / case
        (folder / 'segmentations').mkdir(parents=True)
        made = write_case(tmp_path / 'made', f'{case}.nii.gz')
        made.image.rename(folder / 'ct.nii.gz')
        for number, name in enumerate(names):
            label = np.zeros((20, 10, 10), np.uint8)
            label[5 * number:5 * number + 5 + number] = 1
            path = write_case(tmp_path / 'made', f'{case}.nii.gz',
                              label=volume(label)).labels[0].path
            path.rename(folder / f'segmentations/{name}.nii.gz')
    dest = tmp_path / 'out'
    prepare_dataset(tmp_path / 'source0', dest, options=KEEP_ALL,
                    plan=SplitPlan('case', (1, 0, 0)))
    added = add_cases(tmp_path / 'source1', dest, KEEP_ALL,
                      SplitPlan('case', (1, 0, 0))).data
    assert added.labels == {1: 'liver', 2: 'spleen', 3: 'aorta'}
    assert added.case('p2').areas().sum(axis=0).tolist() == [0, 600, 500]
    assert json.loads((dest / 'origin.json').read_text())['source'] == [
        str(tmp_path / f'source{place}') for place in (0, 1)]
