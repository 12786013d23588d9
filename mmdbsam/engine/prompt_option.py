"""The option ``--prompt``, which says how a test prompts the structures."""

import re
from typing import Tuple

from mmengine.config import Config

from mmdbsam.errors import InputError

FORMS = ('tight, shift:PX, jitter:PXxDRAWS, box3d, point, clicks:N, '
         'interactive:N or interactive:box+N')

_PATTERN = re.compile(r'tight|box3d|point|(shift|clicks):([1-9]\d*)|'
                      r'(jitter):([1-9]\d*)(?:x([1-9]\d*))?')
_SESSION = re.compile(r'interactive:(box\+)?([1-9]\d*)')


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
    dataset.pipeline[found[0]] = step
    dataset.gaps = gaps
    if step['type'] == 'ClickPromptsFromMask':
        cfg.test_cfg.type = 'ClickTestLoop'
    elif cfg.test_cfg.type == 'ClickTestLoop':
        cfg.test_cfg.type = 'TestLoop'


def _parse(text: str) -> Tuple[dict, bool]:
    """Return the pipeline's step, and whether labels are prompted in gaps."""
    if session := _SESSION.fullmatch(text):
        box, clicks = session.groups()
        return dict(type='ClickPromptsFromMask', min_area=1,
                    clicks=int(clicks), has_box=bool(box),
                    is_session=True), False
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
