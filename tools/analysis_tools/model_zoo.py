"""Write docs/model_zoo.md from the configs and their metafiles.

``python tools/analysis_tools/model_zoo.py`` writes the page; with ``--check``
it only compares it. Parameters and operations are counted on models without
memory for their weights, and must be those of the metafiles; the scores are
those that the metafiles record.
"""

import argparse
from pathlib import Path
from typing import Dict, Iterator, List, Optional

import torch
import yaml
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch.utils.flop_counter import FlopCounterMode

from mmdbsam.errors import InputError, run_cli
from mmdbsam.models import PromptSegmentor
from mmdbsam.registry import MODELS
from mmdbsam.weights.released import RELEASED_WEIGHTS, find_released
from mmdbsam.weights.trained import (
    TRAINED_WEIGHTS,
    trained_file,
    weights_of_config,
)

ROOT = Path(__file__).parents[2]
PAGE = ROOT / 'docs/model_zoo.md'

_INTRODUCTION = """# Model zoo

Made by `tools/analysis_tools/model_zoo.py` from the configs and their
`metafile.yml`. GFLOPs count a multiplication and an addition as two, for
encoding one image and decoding one box. Frozen parameters keep the values of
the weights that the model starts from.
"""
_NO_SCORES = """## Not measured here

Configs without a score have been built, run and, where a peer exists,
compared with it number by number, but not trained to the end; ViT-B, L and H
need a GPU and more data than one scan for that.
"""


def read_metafiles() -> Dict[Path, dict]:
    """The metafiles of the folders of configs, by path.

    Raises:
        InputError: If one does not list exactly the configs beside it.
    """
    metafiles = {}
    for path in sorted((ROOT / 'configs').rglob('metafile.yml')):
        content = yaml.safe_load(path.read_text())
        listed = [model['Config'] for model in content['Models']]
        present = [str(config.relative_to(ROOT))
                   for config in path.parent.glob('*.py')]
        if sorted(listed) != sorted(present):
            raise InputError(
                f'{path.relative_to(ROOT)}: expected an entry for each config '
                f'beside it, found {sorted(set(listed) ^ set(present))} on '
                'one side only')
        metafiles[path] = content
    return metafiles


def build(config: str) -> PromptSegmentor:
    """A config's model, without memory for its weights."""
    cfg = Config.fromfile(ROOT / config)
    with torch.device('meta'):
        return MODELS.build(cfg.model).eval()


def count_flops(model: PromptSegmentor) -> int:
    """The operations of encoding one image and decoding one box."""
    side = model.image_encoder.img_size
    model.requires_grad_(False)
    with torch.device('meta'), FlopCounterMode(display=False) as counter:
        embedding = model.encode_image(torch.zeros(1, 3, side, side))
        model.decode_prompts(embedding, boxes=torch.zeros(1, 4))
    return counter.get_total_flops()


def config_row(entry: dict) -> str:
    """The row of a metafile's entry in the table of models."""
    config, listed = entry['Config'], entry['Metadata']
    model = build(config)
    if listed.get('Zero-shot'):
        model.requires_grad_(False)
    counts = {True: 0, False: 0}
    for parameter in model.parameters():
        counts[parameter.requires_grad] += parameter.numel()
    gflops = round(count_flops(model) / 1e9, 1)
    name = find_released(Path(model.pretrained or '').name)
    check_metadata(entry, {'Parameters': sum(counts.values()),
                           'FLOPs': round(gflops * 1e9),
                           'Pretrained': name,
                           'Own Weights': weights_of_config(entry['Name'])})
    link = f'[`{entry["Name"]}`](../{config})'
    return (f'| {link} | {model.image_encoder.img_size} | '
            f'{counts[True] / 1e6:.2f} | {counts[False] / 1e6:.2f} | '
            f'{gflops:.1f} | {f"`{name}`" if name else "none"} |')


def check_metadata(entry: dict, counted: Dict[str, object]) -> None:
    """Compare what a metafile says of a model with the model.

    Raises:
        InputError: If it says something else.
    """
    for key, value in counted.items():
        if entry['Metadata'].get(key) != value:
            raise InputError(
                f'{entry["Config"]}: expected {key} {value} in its metafile, '
                f'found {entry["Metadata"].get(key)}')


def weights_table() -> Iterator[str]:
    """The weights that come with the package, and what configs start from."""
    yield from ('## Weights', '',
                '[Weights of this project](weights.md) come with the package '
                'and are used unless another checkpoint is given.', '',
                '| name | what | MB | used by | sha256 |',
                '|---|---|---:|---|---|')
    for name, weights in TRAINED_WEIGHTS.items():
        megabytes = trained_file(name).stat().st_size / 1e6
        configs = ', '.join(f'`{config}`' for config in weights.configs)
        yield (f'| `{name}` | DB-SAM, {weights.what} | {megabytes:.0f} | '
               f'{configs} | `{weights.sha256}` |')
    yield from ('', 'Trainings start from released weights of others. They '
                'are fetched by `python tools/fetch_weights.py NAME`, and '
                'verified whenever they are loaded.', '',
                '| name | what | MB | licence | from | sha256 |',
                '|---|---|---:|---|---|---|')
    for name, weights in RELEASED_WEIGHTS.items():
        yield (f'| `{name}` | {weights.what} | {weights.megabytes} | '
               f'{weights.licence} | {weights.source} | '
               f'`{weights.sha256}` |')


def scores_tables(metafiles: Dict[Path, dict]) -> Iterator[str]:
    """The measured scores, with a table for each data set."""
    data_sets = [(key, about) for content in metafiles.values()
                 for key, about in content.get('Datasets', {}).items()]
    for key, about in data_sets:
        yield from ('', f'## Scores: {key}', '', about['Description'].strip(),
                    '', '```bash', *about['Commands'].strip().splitlines(),
                    '```', '', '| | seeds | DSC | NSD |',
                    '|---|---:|---:|---:|')
        for name, scores in about.get('Baselines', {}).items():
            yield score_row(name, scores)
        for content in metafiles.values():
            for model in content['Models']:
                for result in model.get('Results', []):
                    if result['Dataset'] == key:
                        yield score_row(f'`{model["Name"]}`',
                                        result['Metrics'],
                                        result.get('Seeds'))


def score_row(name: str, means: Dict[str, float],
              seeds: Optional[Dict[str, List[float]]] = None) -> str:
    """A row with the means and, for several seeds, the ranges."""
    cells = []
    for key in ('DSC', 'NSD'):
        spread = (f' ({min(seeds[key]):.2f} to {max(seeds[key]):.2f})'
                  if seeds else '')
        cells.append(f'{means[key]:.2f}{spread}')
    count = len(seeds['DSC']) if seeds else ''
    return f'| {name} | {count} | {" | ".join(cells)} |'


def page(metafiles: Dict[Path, dict]) -> str:
    """The whole page."""
    lines: List[str] = [_INTRODUCTION]
    for content in metafiles.values():
        lines += [f'## {content["Title"]}', '', content['About'].strip(), '',
                  '| config | side (px) | trained (M) | frozen (M) | GFLOPs | '
                  'starts from |', '|---|---:|---:|---:|---:|---|']
        lines += [config_row(entry) for entry in content['Models']]
        lines += ['']
    lines += [*weights_table(), *scores_tables(metafiles), '', _NO_SCORES]
    return '\n'.join(lines)


def main() -> None:
    """Write or check the page."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--check', action='store_true',
                        help='fail if the page is not up to date')
    args = parser.parse_args()
    init_default_scope('mmdbsam')
    wanted = page(read_metafiles())
    name = PAGE.relative_to(ROOT)
    if not args.check:
        PAGE.write_text(wanted)
        print(f'{name}: written')
    elif not PAGE.exists() or PAGE.read_text() != wanted:
        raise InputError(f'{name}: expected what the metafiles say, found '
                         'another page; run python '
                         'tools/analysis_tools/model_zoo.py')
    else:
        print(f'{name}: up to date')


if __name__ == '__main__':
    run_cli(main)
