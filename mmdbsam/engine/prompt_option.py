"""The option ``--prompt``, which says how a test prompts the structures."""

import re
from typing import Tuple

from mmengine.config import Config

from mmdbsam.errors import InputError

FORMS = ('tight, shift:PX, jitter:PXxDRAWS, box3d, point, clicks:N, '
         'interactive:N, interactive:box+N, interactive3d:N or '
         'interactive3d:box+N')

_PATTERN = re.compile(r'tight|box3d|point|(shift|clicks):([1-9]\d*)|'
                      r'(jitter):([1-9]\d*)(?:x([1-9]\d*))?')
_SESSION = re.compile(r'interactive(3d)?:(box\+)?([1-9]\d*)')
# The loops of this package, and their arguments beside mmengine's own.
_LOOPS = ('ClickTestLoop', 'VolumeClickTestLoop')
_ARGUMENTS = ('clicks', 'has_box')


def set_prompt(cfg: Config, text: str) -> None:
    """Put another prompt into the test pipeline, with its test loop.

    - ``tight`` is a tight box for each label and slice.
    - ``shift:9`` moves the sides of that box 9 px outwards.
    - ``jitter:20x5`` moves each side 0 to 20 px outwards at random, in 5
      draws.
    - ``box3d`` is the box around all slices of a label in a block.
    - ``point`` is a point in the centre of the label.
    - ``clicks:5`` is that point and 4 more, each on the largest error.
    - ``interactive:5`` is a session of the same 5 clicks, in which the
      prediction after each is scored.
    - ``interactive:box+5`` is a session of a tight box and 5 clicks.
    - ``interactive3d:5`` and ``interactive3d:box+5`` are sessions for each
      label and block, in which each click goes to the largest error of the
      volume and is followed to other slices.

    Args:
        cfg: The config, whose ``test_dataloader.dataset`` and ``test_cfg``
            are changed.
        text: One of the forms above, with any numbers.

    Raises:
        InputError: If the text has another form, or if the pipeline has no
            transform that makes prompts from masks.
    """
    step, gaps = _parse(text)
    dataset = cfg.test_dataloader.dataset
    found = [index for index, one in enumerate(dataset.pipeline)
             if one['type'].endswith('PromptsFromMask')]
    if len(found) != 1:
        raise InputError('--prompt: expected one step ...PromptsFromMask in '
                         f'test_dataloader.dataset.pipeline, found '
                         f'{len(found)}')
    if cfg.test_cfg.type in _LOOPS:
        cfg.test_cfg.type = 'TestLoop'
        for name in _ARGUMENTS:
            cfg.test_cfg.pop(name, None)
    if step['type'] == 'VolumeClickTestLoop':
        # It reads the data sets, but not their samples.
        cfg.test_cfg.update(step)
        return
    dataset.pipeline[found[0]] = step
    dataset.gaps = gaps
    if step['type'] == 'ClickPromptsFromMask':
        cfg.test_cfg.type = 'ClickTestLoop'


def _parse(text: str) -> Tuple[dict, bool]:
    """Return the pipeline's step, and whether labels are prompted in gaps.

    In three dimensions, there is a loop instead of a step.
    """
    if session := _SESSION.fullmatch(text):
        volume, box, number = session.groups()
        how = dict(clicks=int(number), has_box=bool(box))
        if volume:
            return dict(type='VolumeClickTestLoop', **how), False
        return dict(type='ClickPromptsFromMask', min_area=1, is_session=True,
                    **how), False
    match = _PATTERN.fullmatch(text)
    if not match:
        raise InputError(f"--prompt: expected {FORMS}, found '{text}'")
    _, number, _, pixels, draws = match.groups()
    kind = text.split(':')[0]
    if kind == 'box3d':
        return dict(type='VolumeBoxPromptsFromMask'), True
    if kind in ('point', 'clicks'):
        return dict(type='ClickPromptsFromMask', min_area=1,
                    clicks=int(number or 1)), False
    moves = dict(tight={}, shift=dict(shift=int(number or 0)),
                 jitter=dict(jitter=int(pixels or 0), draws=int(draws or 1)))
    return dict(type='BoxPromptsFromMask', min_area=1, **moves[kind]), False
