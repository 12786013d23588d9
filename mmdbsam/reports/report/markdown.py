"""``report.md``."""

from typing import Any, Sequence

from mmdbsam.reports.pages.table import escape_markdown
from mmdbsam.reports.report.score_formats import score_formats
from mmdbsam.reports.report.score_tables import label_table, method_table


def markdown_report(summary: dict, overlays: Sequence[str]) -> str:
    """The report as text.

    Args:
        summary: What ``summary.json`` holds.
        overlays: Names of the pictures.
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
              escape_markdown(labels.caption), '',
              '## Overlays', '',
              'The best, the median and the worst volume by DSC.', '']
    for name in overlays:
        lines += [f'{name.capitalize()}:', '',
                  f'![{name}](overlays/{name}.png)', '']
    lines += ['## Made with', '',
              *(f'- {name}: {escape_markdown(value)}'
                for name, value in facts(summary))]
    return '\n'.join(lines) + '\n'


def protocol_text(protocol: dict) -> str:
    """How the rows were made, as a sentence or two."""
    return (f"Split '{protocol['split']}', protocol '{protocol['name']}': "
            f'{protocol["slices"]} slices. Labels with under '
            f'{protocol["min_volume_voxels"]} voxels in a block of slices '
            f'are not scored. {protocol["empty"].capitalize()}. Prompt, the '
            f'same for all methods: {protocol["prompt"]}'
            f'{_box_text(protocol["box_shift_px"])}.')


def facts(summary: dict) -> list[tuple[str, str]]:
    """What the scores were made with, as names and texts."""
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
    """How far the boxes' sides were found outside the tight box."""
    if not any(shift_px):
        return ''
    low, high = shift_px
    return f' (sides {low:g} to {high:g} px outside the tight box)'
