"""The settings of the documentation site, which ``make docs`` builds."""

import inspect
import os
import pkgutil
import re
from importlib import import_module
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.util.nodes import get_node_source

import mmdbsam
from mmdbsam.version import __version__

DOCS = Path(__file__).resolve().parent
# Files beside docs/, and the pages that include them.
INCLUDED = {
    (page.parent / file[1]).resolve(): str(page.relative_to(DOCS))[:-3]
    for page in DOCS.glob('**/*.md')
    if (file := re.match(r'```\{include\} (\S+)', page.read_text()))}

project = 'mmdbsam'
version = release = __version__

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.autosummary',
    'sphinx.ext.napoleon',
    'sphinxarg.ext',
]
exclude_patterns = ['_build']
templates_path = ['_templates']

html_theme = 'furo'
html_static_path = ['_static']
html_css_files = ['wide.css']
html_title = f'mmdbsam {version}'
html_show_copyright = False
html_copy_source = False

# Links such as model_zoo.md#weights name headings as GitHub does.
myst_heading_anchors = 3
# A link is a path, never the name of an object.
myst_ref_domains = []

add_module_names = False
toc_object_entries_show_parents = 'hide'
python_maximum_signature_line_length = 79
python_use_unqualified_type_names = True
autodoc_default_options = {
    'members': True,
    'member-order': 'bysource',
    'show-inheritance': True,
    # What a package exports is described where it is defined.
    'ignore-module-all': True,
}
autodoc_preserve_defaults = True
autodoc_typehints = 'description'
autodoc_typehints_description_target = 'documented'
napoleon_use_ivar = True

nitpicky = True
# Types of other packages: to link them would need the network.
OTHERS = ('Config', 'ConvModule', 'Dataset', 'InstanceData', 'PIL', 'Path',
          'SegDataSample', 'SimpleITK', 'Tensor', 'abc', 'argparse', 'asyncio',
          'collections', 'concurrent', 'ipaddress', 'mmcv', 'mmengine',
          'mmpretrain', 'nn', 'np', 'numba', 'numpy', 'pathlib', 'pydicom',
          'rich', 'segment_anything', 'starlette', 'torch', 'triton')
nitpick_ignore_regex = [('py:.*', rf'({"|".join(OTHERS)})(\..*)?'),
                        # A type variable has no entry.
                        ('py:.*', r'mmdbsam\.io\.reader_choice\.Reader')]


def exports_of(package):
    """List what a package offers under its name, by the defining modules."""
    module = import_module(package)
    offered = (getattr(module, name) for name in
               getattr(module, '__all__', ()))
    return [f'{item.__module__}.{item.__qualname__}' for item in offered
            if inspect.isclass(item) or inspect.isfunction(item)]


FOUND = [module for module
         in pkgutil.walk_packages(mmdbsam.__path__, 'mmdbsam.')
         if '._' not in module.name]
# The variables of the template _templates/room.rst.
autosummary_context = dict(
    public_modules=[module.name for module in FOUND],
    exports={module.name: exports_of(module.name) for module in FOUND
             if module.ispkg})


def show_public_bases(app, name, item, options, bases):
    """Name the public ancestor of a class whose base is private."""
    for i, base in enumerate(bases):
        if inspect.isclass(base):
            bases[i] = next(ancestor for ancestor in base.__mro__
                            if not ancestor.__name__.startswith('_'))


def leave_out_noise(app, doctree):
    """Leave out that a class is an object, and values longer than a line."""
    noise = [paragraph for paragraph in doctree.findall(nodes.paragraph)
             if paragraph.astext() == 'Bases: object']
    noise += [value for value in doctree.findall(addnodes.desc_annotation)
              if len(value.astext()) > 79]
    for node in noise:
        node.parent.remove(node)


def leave_out_fields(app, kind, name, item, skip, options):
    """Leave out a named tuple's fields, which its docstring describes."""
    return True if type(item).__name__ == '_tuplegetter' else None


def stay_on_site(app, doctree):
    """Make links work here that lead out of docs/, as they do on GitHub.

    A link to a file that a page includes leads to that page, and one to any
    other file downloads it. Of a link to a folder the text remains.
    """
    for link in list(doctree.findall(addnodes.pending_xref)):
        if link['reftype'] != 'myst':
            continue
        if link['refdomain'] == 'doc':
            target = DOCS / f'{link["reftarget"]}.md'
            anchor = link['reftargetid']
        else:
            path, _, anchor = link['reftarget'].partition('#')
            target = Path(get_node_source(link)).parent / path
        target = target.resolve()
        page = INCLUDED.get(target)
        if target.is_relative_to(DOCS):
            page = app.env.path2doc(target)
        if page:
            link.attributes |= dict(refdomain='doc', reftarget=page,
                                    reftargetid=anchor or None)
        elif target.is_file():
            link.replace_self(addnodes.download_reference(
                '', '', *link.children, refdoc=app.env.docname,
                reftarget=f'/{os.path.relpath(target, DOCS)}'))
        elif target.is_dir():
            link.replace_self(link.children)


def find_in_all_modules(app, env, node, text):
    """Look up a name that its own module lacks, as ``.name`` would be."""
    if node.get('refdomain') != 'py' or node.get('refspecific'):
        return None
    node['refspecific'] = True
    return env.domains.python_domain.resolve_xref(
        env, node['refdoc'], app.builder, node['reftype'], node['reftarget'],
        node, text)


def setup(app):
    """Connect the functions above."""
    app.connect('autodoc-process-bases', show_public_bases)
    app.connect('doctree-read', leave_out_noise)
    app.connect('autodoc-skip-member', leave_out_fields)
    # Before Sphinx collects what can be downloaded.
    app.connect('doctree-read', stay_on_site, priority=400)
    app.connect('missing-reference', find_in_all_modules)
