"""What the documentation site shows; ``make docs`` checks its links."""

import re


def test_every_folder_of_the_package_has_a_page(repo_root):
    """But mmdbsam.cli, whose commands docs/commands.md describes."""
    index = (repo_root / 'docs/api/index.md').read_text()
    folders = {f'mmdbsam.{file.parent.name}'
               for file in (repo_root / 'mmdbsam').glob('*/__init__.py')}
    assert 'mmdbsam.apis' in folders
    listed = re.findall(r'^   (mmdbsam\.\w+)$', index, re.MULTILINE)
    assert folders - {'mmdbsam.cli'} <= set(listed)


def test_every_family_of_configs_has_a_page(repo_root):
    pages = (repo_root / 'docs/config_families').glob('*.md')
    included = ''.join(page.read_text() for page in pages)
    families = list(repo_root.glob('configs/**/README.md'))
    assert families
    for readme in families:
        assert f'../../{readme.relative_to(repo_root)}\n' in included
