"""Every config builds, and the documentation names only what exists."""

import copy
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmdbsam.engine.config import apply_options, require_training
from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS

ROOT = Path(__file__).parents[1]
CONFIGS = [str(path.relative_to(ROOT))
           for path in sorted((ROOT / 'configs').rglob('*.py'))
           if not {'_base_', 'semantic', 'studies'} & set(path.parts)]
BLOCKS = ('adapter', 'stem', 'neck', 'fusion', 'norm')


def build(name, model=None):
    """The model of a config, without memory for its weights."""
    cfg = Config.fromfile(ROOT / name)
    # Merging takes the _delete_ out of what it is given.
    cfg.merge_from_dict(dict(model=copy.deepcopy(model or {})))
    with torch.device('meta'):
        return cfg, MODELS.build(cfg.model)


def check_sizes(cfg, model):
    """The model and all pipelines have the image side of the config."""
    side = cfg.image_size
    assert model.image_encoder.img_size == side
    assert model.data_preprocessor.size == side
    for loader in (cfg.train_dataloader, cfg.val_dataloader,
                   cfg.test_dataloader):
        if loader:
            assert [step.size for step in loader.dataset.pipeline
                    if step.type == 'ResizeLongestSide'] == [side]
    return side


@pytest.mark.parametrize('name', CONFIGS)
def test_config_builds_and_its_sizes_agree(name):
    cfg, model = build(name)
    side = check_sizes(cfg, model)
    loaders = [(cfg.val_dataloader, cfg.val_evaluator),
               (cfg.test_dataloader, cfg.test_evaluator)]
    if cfg.train_cfg:
        loaders += [(cfg.train_dataloader, cfg.val_evaluator)]
        assert cfg.param_scheduler[-1].end == cfg.train_cfg.max_epochs
    for loader, evaluator in loaders:
        assert loader.dataset.data_root == evaluator.data_root
    with torch.device('meta'):
        embedding = model.encode_image(torch.zeros(1, 3, side, side))
    grid = model.image_encoder.out_size
    assert embedding.shape[-2:] == (grid, grid)


@pytest.mark.parametrize('name', ['dbsam_vitb_ct', 'dbsam_tinyvit_ct',
                                  'dbsam_vitb_medsam30'])
def test_the_image_side_can_be_overridden_at_once(name):
    cfg = Config.fromfile(ROOT / f'configs/{name}.py')
    # Configs of earlier versions state it here, too.
    cfg.model.data_preprocessor.size = cfg.image_size
    apply_options(cfg, dict(image_size=512))
    assert cfg.image_size == 512
    with torch.device('meta'):
        check_sizes(cfg, MODELS.build(cfg.model))


def bases(path):
    """The configs that one inherits from directly."""
    found = re.search(r"^_base_ = (\[.*?\]|'.*?')", path.read_text(),
                      re.DOTALL | re.MULTILINE)
    return [path.parent / name for name
            in re.findall("'(.*?)'", found[1])] if found else []


def depth(path):
    """The number of files in the longest line of inheritance."""
    return 1 + max(map(depth, bases(path)), default=0)


def test_inheritance_is_at_most_three_deep():
    depths = {str(path.relative_to(ROOT)): depth(path)
              for path in (ROOT / 'configs').rglob('*.py')}
    assert max(depths.values()) == 3, depths


def test_no_config_only_repeats_another():
    seen = {}
    for name in CONFIGS:
        cfg = Config.fromfile(ROOT / name)
        text = repr(cfg.to_dict())
        assert text not in seen, f'{name} repeats {seen[text]}'
        seen[text] = name


@pytest.mark.parametrize('family', ['ablations', 'baselines', 'release',
                                    'semantic', 'studies'])
def test_readme_of_a_family_lists_its_configs(family):
    folder = ROOT / 'configs' / family
    linked = re.findall(r'\]\((?!http)(.*?)\)',
                        (folder / 'README.md').read_text())
    assert {path.name for path in folder.glob('*.py')} <= set(linked)
    assert all((folder / link).exists() for link in linked)


@pytest.mark.parametrize('name, tuned', [
    ('lite_medsam_zero_shot_ct', 'baselines/lite_medsam_decoder_ct'),
    ('sam_zero_shot_vitb_ct', 'ablations/decoder_tuning_vitb_ct'),
])
def test_what_is_tested_as_released_cannot_be_trained(name, tuned):
    cfg, model = build(f'configs/baselines/{name}.py')
    _, other = build(f'configs/{tuned}.py')
    assert model.state_dict().keys() == other.state_dict().keys()
    apply_options(cfg, dict(data_root='data'))
    with pytest.raises(InputError, match=f'{name}: expected a config with a '
                       'training'):
        require_training(cfg, name)
    for option in ('batch_size', 'max_epochs'):
        with pytest.raises(InputError, match=f'{option}: expected a config'):
            apply_options(cfg, {option: 1})


@pytest.mark.parametrize('config, present', [
    ('ablations/decoder_tuning_vitb_ct', []),
    ('ablations/channel_attention_vitb_ct', ['adapter', 'norm']),
    ('ablations/conv_branch_vitb_ct', ['adapter', 'stem', 'neck', 'norm']),
    ('dbsam_vitb_ct', ['adapter', 'stem', 'neck', 'fusion', 'norm']),
])
def test_ablations_add_one_block_after_the_other(config, present):
    cfg, _ = build(f'configs/{config}.py')
    encoder = cfg.model.image_encoder
    assert [block for block in BLOCKS if encoder[block]] == present
    assert encoder.vit.arch == 'base'


SWAPS = [
    dict(fusion=dict(_delete_=True, type=kind, zero_init=True))
    for kind in ('ConcatFusion', 'HadamardFusion', 'PixelGatedFusion',
                 'SoftmaxFusion', 'SumFusion')
] + [
    dict(fusion=dict(_delete_=True, type='SingleBranchFusion', branch='vit')),
    dict(fusion=dict(_delete_=True, type='SingleBranchFusion', branch='conv')),
    dict(stem=dict(type='LargeKernelStem')),
    dict(neck=dict(type='PyramidSelfAttention')),
    dict(adapter=dict(_delete_=True, type='BottleneckAdapter')),
    dict(adapter=dict(_delete_=True, type='LoRA')),
]


@pytest.mark.parametrize('swap', SWAPS, ids=lambda swap: ' '.join(
    str(value) for cfg in swap.values() for value in cfg.values()
    if not isinstance(value, bool)))
@pytest.mark.parametrize('name', ['dbsam_vitb_ct', 'dbsam_tinyvit_ct'])
def test_every_block_can_be_swapped_by_one_override(name, swap):
    small = dict(vit=dict(img_size=256))
    _, model = build(f'configs/{name}.py', dict(image_encoder=small | swap))
    encoder = model.image_encoder
    (block, cfg), = swap.items()
    built = dict(adapter=encoder.adapters[-1][-1], stem=encoder.stem,
                 neck=encoder.necks[-1], fusion=encoder.fusion)
    assert type(built[block]).__name__ == cfg['type']
    with torch.device('meta'):
        embedding = encoder(torch.zeros(1, 3, 256, 256))
    grid = encoder.out_size
    assert embedding.shape == (1, 256, grid, grid)


# What of the image encoder and of the prompt encoder a method trains.
TRAINED = {
    'medsam_decoder': (set(), False),
    'medsam': ({'vit'}, False),
    'samed': ({'vit.channel_reduction', 'adapters'}, True),
    'sam_adapter': ({'vit.channel_reduction', 'adapters'}, False),
}


@pytest.mark.parametrize('method', TRAINED)
@pytest.mark.parametrize('backbone', ['vitb', 'tinyvit'])
def test_baselines_train_what_their_papers_train(method, backbone):
    _, model = build(f'configs/baselines/{method}_{backbone}_ct.py')
    encoder, prompts = TRAINED[method]
    frozen = {name for name, parameter
              in model.image_encoder.named_parameters()
              if not parameter.requires_grad}
    trained = {name for name, _ in model.image_encoder.named_parameters()
               } - frozen
    assert all(any(name.startswith(part) for part in encoder)
               for name in trained)
    assert not any(name.startswith(part) for part in encoder
                   for name in frozen)
    for part in encoder:
        assert any(name.startswith(part) for name in trained)
    assert any(p.requires_grad for p in model.prompt_encoder.parameters()
               ) == prompts
    assert any(p.requires_grad for p in model.mask_head.parameters())


PAGES = [path.relative_to(ROOT).as_posix()
         for path in (ROOT / 'README.md', ROOT / 'CONTRIBUTING.md',
                      ROOT / 'demo/README.md',
                      *sorted((ROOT / 'docs').glob('*.md')))]


@pytest.mark.parametrize('page', PAGES)
def test_documentation_names_what_exists(page):
    text = (ROOT / page).read_text()
    named = re.findall(r'(?:configs|tools|tests|docs|mmdbsam)/[\w./]+\w',
                       text)
    missing = [path for path in named if not (ROOT / path).exists()]
    assert not missing
    makefile = (ROOT / 'Makefile').read_text()
    # In backticks or at the start of a line of code; prose may make anything.
    for target in re.findall(r'(?:`|^)make (\w+)', text, re.MULTILINE):
        assert re.search(rf'^{target}:', makefile, re.MULTILINE), target


@pytest.mark.parametrize('name, keys', [
    ('configs/baselines/lite_medsam_whole_ct.py', ['vit.layers']),
    ('configs/baselines/medsam_tinyvit_ct.py', ['vit.layers']),
])
def test_learning_rates_of_blocks_reach_them(name, keys):
    """A custom key that no parameter's name contains has no effect."""
    cfg, model = build(name)
    custom = cfg.optim_wrapper.paramwise_cfg.custom_keys
    trained = [parameter_name for parameter_name, parameter
               in model.named_parameters() if parameter.requires_grad]
    for block in keys:
        key = f'image_encoder.{block}'
        assert custom[key].lr_mult < 1
        assert any(found.startswith(key) for found in trained)
