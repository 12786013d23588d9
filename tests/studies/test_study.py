"""Study files are read, and wrong ones refused before anything runs."""

from pathlib import Path

import pytest

from mmdbsam.errors import InputError
from mmdbsam.studies import read_study

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / 'configs/studies').glob('*.py'))


def variant(options, name="'other'"):
    """Write a study's text with a second variant."""
    return ("variants = [dict(name='whole', options={}), "
            f'dict(name={name}, options={options})]')


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_shipped_studies_can_be_run(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    study = read_study(str(path), {}, amp=False)
    assert len(study.variants) > 1
    for each in study.variants:
        cfg = study.resolve(each, study.seeds[0])
        assert cfg.val_cfg is None
        assert cfg.param_scheduler[-1].end == cfg.train_cfg.max_epochs


def test_components_add_one_block_after_the_other(monkeypatch):
    monkeypatch.chdir(ROOT)
    for name in ('tinyvit', 'vitb'):
        study = read_study(f'configs/studies/components_{name}_ct.py', {},
                           amp=False)
        present = []
        for each in study.variants:
            encoder = study.resolve(each, 0).model.image_encoder
            present.append([block for block in ('adapter', 'stem', 'neck',
                                                'fusion') if encoder[block]])
        assert present == [[], ['adapter'], ['adapter', 'stem', 'neck'],
                           ['adapter', 'stem', 'neck', 'fusion']]


def test_later_options_win(write_study):
    path = write_study(variant("{'max_epochs': 2, 'batch_size': 3, "
                               "'model.image_encoder.neck.dropout': 0.5}"))
    study = read_study(path, {'batch_size': 5}, amp=True)
    whole, other = (study.resolve(each, 7) for each in study.variants)
    assert whole.train_cfg.max_epochs == 1
    assert other.train_cfg.max_epochs == 2
    assert other.train_dataloader.batch_size == 5
    assert other.model.image_encoder.neck.dropout == 0.5
    assert other.train_dataloader.dataset.data_root == 'data/ct'
    assert other.randomness.seed == 7
    assert other.study == dict(variant='other', amp=True)
    # Resolving leaves the study as it is.
    assert study.resolve(study.variants[1], 7).to_dict() == other.to_dict()


def test_a_replaced_block_keeps_nothing_of_the_old(write_study):
    path = write_study(variant(
        "{'model.image_encoder.fusion': dict(_delete_=True, "
        "type='GatedFusion', reduction=4)}"))
    study = read_study(path, {}, amp=False)
    for _ in range(2):
        fusion = study.resolve(study.variants[1], 0).model.image_encoder.fusion
        assert fusion == dict(type='GatedFusion', reduction=4)


@pytest.mark.parametrize('text, message', [
    ('', 'variants: expected a list that is not empty, found none'),
    ('variants = []', 'variants: expected a list that is not empty'),
    ('variants = {}', 'variants: expected a list, found {}'),
    ("variants = [dict(name='a')]", 'variants[0]: expected dict(name=...'),
    (variant({}) + "\nrepeats = 3", "found 'repeats'"),
    (variant({}) + "\nseeds = [1, 1]", 'seeds: expected whole numbers, each '
     'once, found [1, 1]'),
    (variant({}) + "\nconfig = 'none.py'", 'config none.py: no such file'),
    (variant({}) + "\nconfig = 'configs/baselines/sam_zero_shot_vitb_ct.py'",
     'sam_zero_shot_vitb_ct.py: expected a config with a training'),
    (variant({}, "'Whole '"), "expected a name unlike 'whole', found"),
    (variant({}), "variants 'whole' and 'other' are the same"),
    (variant({'model.image_encoder.nek': None}),
     "variant 'other': model.image_encoder.nek: expected one of adapter, "),
    (variant({'model.image_encoder.neck.points': 3}), 'num_points'),
    (variant({'model.image_encoder.vit.arch.widths': 3}), "found 'widths'"),
    (variant({'model.image_encoder.neck': {'points': 3}}),
     "unexpected keyword argument 'points'"),
    (variant({'model.image_encoder.neck.type': 'Neck'}),
     "unknown model type 'Neck'"),
    (variant({'model.image_encoder.neck.num_heads': 7}),
     'its model cannot be built: num_heads: expected a divisor'),
    (variant({'train_pipeline.1.jitter': 1}), 'key that the Runner reads'),
    (variant({'train_dataloader.dataset.pipeline.9.jitter': 1}),
     'pipeline.9: no such key, its parent is a list of 5'),
    (variant({'train_dataloader.dataset.pipeline.1.jiter': 1}),
     "found 'jiter'"),
    (variant({'val_cfg.type': 'ValLoop'}),
     'val_cfg.type: no such key, its parent is None'),
])
def test_bad_studies_are_one_line(write_study, text, message):
    with pytest.raises(InputError) as error:
        read_study(write_study(text), {}, amp=False)
    assert message in str(error.value)
    assert '\n' not in str(error.value)


def test_an_argument_that_the_config_leaves_out_is_a_key(write_study):
    """So is an argument of a class that the argument takes."""
    study = read_study(write_study(variant(
        {'model.image_encoder.neck.num_points': 2,
         'model.image_encoder.init_cfg.type': 'Constant'})), {}, amp=False)
    neck = study.resolve(study.variants[1], 0).model.image_encoder.neck
    assert neck.num_points == 2
