"""The page of the public data sets, docs/public_data.md."""

from pathlib import Path

from mmdbsam.preparation.public.public_set import PublicSet
from mmdbsam.preparation.public.table import PUBLIC_SETS

_HEAD = '''# Public data sets

<!-- Made by tools/misc/public_data_page.py from
mmdbsam/preparation/public/table.py; change the table. -->

`mmdbsam fetch NAME [DEST]` downloads a set to `data/source/NAME`, verifies it,
unpacks it, and prints its licence, how to cite it and the command that
prepares it. An interrupted download goes on where it ended when the command is
given again. The archive is removed once it is unpacked. Only plain files are
unpacked, and none outside of the folder.

The addresses were not reachable from where this was written, unless a row says
otherwise; they and the checksums are those that other projects state.

| name | shows | archive | licence |
|---|---|---|---|
'''


def public_page() -> str:
    """The page's text, in Markdown."""
    rows = ''.join(
        f'| [`{name}`](#{name.replace("_", "-")}) | {one.shows} | about '
        f'{one.gigabytes:g} GB | {one.licence} |\n'
        for name, one in PUBLIC_SETS.items())
    return _HEAD + rows + ''.join(_section(name, one) for name, one
                                  in PUBLIC_SETS.items())


def _section(name: str, one: PublicSet) -> str:
    reached = ('' if one.reached or one.url is None else
               ' (not reached when this was written)')
    facts = {
        'Address': f'<{one.url}>{reached}' if one.url else 'none',
        'Checksum': f'`{one.checksum}`' if one.checksum else 'not known',
        'Licence': one.licence,
        'Labels': ', '.join(one.labels),
        'Cite': one.cite,
    }
    command = one.prepare_command(name, Path('data/source') / name)
    lines = [f'\n({name.replace("_", "-")})=\n## {name}\n',
             f'{one.title}: {one.shows}. {one.note}'.rstrip() + '\n',
             *(f'- {key}: {value}' for key, value in facts.items())]
    if one.url is None:
        return '\n'.join(lines) + '\n'
    lines += ['', '```bash', f'mmdbsam fetch {name}', command, '```']
    return '\n'.join(lines) + '\n'
