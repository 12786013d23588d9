"""Makes ``report.md``, and the texts that it shares with the page."""

from typing import Any, Sequence

from mmdbsam.evaluation.predictions import NO_PROMPT
from mmdbsam.reports.pages.table import escape_markdown
from mmdbsam.reports.report.score_formats import score_formats
from mmdbsam.reports.report.score_tables import (
    label_table,
    method_table,
    structure_table,
)


def markdown_report(summary: dict, overlays: Sequence[str]) -> str:
    """Make the text of ``report.md``.

    Args:
        summary: The content of ``summary.json``.
        overlays: The names of the pictures.
    """
    scores, labels = method_table(summary), label_table(summary)
    lines = [f'# {escape_markdown(summary["task"])}', '']
    if summary['note']:
        lines += [f'> {escape_markdown(summary["note"])}', '']
    protocol = summary['protocol']
    lines += [scores.markdown(), '', escape_markdown(scores.caption), '',
              *(f'- {name}: {shown.description}' for name, shown
                in score_formats(protocol).items()), '',
              protocol_text(protocol), '',
              '## Labels', '', labels.markdown(), '',
              escape_markdown(labels.caption), '']
    if structures := structure_table(summary):
        lines += ['## Structures', '', structures.markdown(), '',
                  escape_markdown(structures.caption), '']
    lines += ['## Overlays', '',
              'The pictures show the best, the median and the worst volume by '
              'DSC.', '']
    if 'session' in overlays:
        lines += ["The last shows the median volume's largest slice after some"
                  ' of its clicks.', '']
    for name in overlays:
        lines += [f'{name.capitalize()}:', '',
                  f'![{name}](overlays/{name}.png)', '']
    lines += ['## Provenance', '',
              *(f'- {name}: {escape_markdown(value)}'
                for name, value in facts(summary))]
    return '\n'.join(lines) + '\n'


def protocol_text(protocol: dict) -> str:
    """Describe in a few sentences how the rows were made."""
    return (f"The scores are of {protocol['slices']} slices of the split "
            f"'{protocol['split']}', by the protocol '{protocol['name']}'. "
            f'Labels with fewer than {protocol["min_volume_voxels"]} voxels '
            'in a block of slices are not scored. '
            f'{_resampling_text(protocol)}'
            f'{protocol["empty"].capitalize()}. {prompt_text(protocol)}.')


def prompt_text(protocol: dict) -> str:
    """Describe the prompts of a report's methods, without a full stop."""
    if protocol['prompt'] == NO_PROMPT:
        return 'The model has no prompt'
    return (f'All methods have the same prompt: {protocol["prompt"]}'
            f'{_box_text(protocol["box_shift_px"])}')


def _resampling_text(protocol: dict) -> str:
    if protocol.get('resampling') != 'direct':
        return ''
    return ("The model's logits were brought to the slices directly, not by "
            'way of its input. ')


def facts(summary: dict) -> list[tuple[str, str]]:
    """List what the scores were made with, as names and texts."""
    found = [(name.replace('_', ' '), _fact(value))
             for name, value in summary['provenance'].items()
             if name != 'config_text' and value not in (None, [], '')]
    machine = summary['hardware']
    found.append(('hardware', f'{machine["cpu"]}; {machine["cores"]} cores, '
                  f'of which torch used {machine["threads"]}; '
                  f'{", ".join(machine["gpus"]) or "no GPU"}'))
    found.append(('versions', ', '.join(
        f'{name} {version}'
        for name, version in summary['versions'].items())))
    return [*found, ('created', summary['created'])]


def _fact(value: Any) -> str:
    if isinstance(value, dict):
        changed = len(value['changed'])
        return f'commit {value["commit"]}' + (
            f', with changes in {changed} files' if changed else '')
    return ' '.join(value) if isinstance(value, list) else str(value)


def _box_text(shift_px: Sequence[float]) -> str:
    """Say how far the boxes' sides were outside the tight box."""
    if not any(shift_px):
        return ''
    low, high = shift_px
    return f' (sides {low:g} to {high:g} px outside the tight box)'
