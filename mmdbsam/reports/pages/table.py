"""A table of scores, which each kind of page prints in its own way."""

import textwrap
from dataclasses import dataclass
from typing import List, NamedTuple, Sequence

# Characters of a line, in LaTeX.
_HEADING_LENGTH = 12


class Cell(NamedTuple):
    """A cell, and what is set smaller beside it, as an interval."""

    text: str
    detail: str = ''


@dataclass(frozen=True)
class Table:
    """A first column of names, and columns of numbers.

    Attributes:
        header: The columns' names.
        rows: As many cells each.
        caption: One line that says what is in it.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str

    def markdown(self) -> str:
        """A table of GitHub's markdown, aligned for terminals."""
        lines = [list(map(escape_markdown, self.header))]
        lines += [[escape_markdown(' '.join(filter(None, cell)))
                   for cell in row] for row in self.rows]
        widths = [max(3, *map(len, column))
                  for column in zip(*lines, strict=True)]
        rule = ['-' * widths[0], *('-' * (n - 1) + ':' for n in widths[1:])]
        lines.insert(1, rule)
        return '\n'.join(
            '| ' + ' | '.join(
                text.rjust(width) if column else text.ljust(width)
                for column, (text, width) in enumerate(
                    zip(line, widths, strict=True))) + ' |'
            for line in lines)

    def latex(self) -> str:
        """A ``longtable``, with the rules of ``booktabs``."""
        lines = [
            r'{\footnotesize\setlength{\tabcolsep}{4pt}',
            rf'\begin{{longtable}}{{l{"r" * (len(self.header) - 1)}}}',
            rf'\caption{{{escape_latex(self.caption)}}}\\',
            r'\toprule',
            ' & '.join(map(_latex_heading, self.header)) + r' \\',
            r'\midrule', r'\endhead', r'\bottomrule', r'\endlastfoot',
        ]
        lines += [' & '.join(map(_latex_cell, row)) + r' \\'
                  for row in self.rows]
        return '\n'.join([*lines, r'\end{longtable}}', ''])


def latex_document(tables: List[Table], note: str) -> str:
    """What a paper includes with ``\\input``.

    Args:
        tables: One after the other.
        note: What a reader of the source should know.
    """
    comments = [f'% {line}' for line in note.splitlines()]
    return '\n'.join([*comments, r'% \usepackage{booktabs,longtable}', '',
                      *(table.latex() for table in tables)])


def escape_markdown(text: str) -> str:
    """Plain text that no character of which markdown takes for its own."""
    for character in '\\`*<>|':
        text = text.replace(character, '\\' + character)
    # Brackets alone are no link.
    return ' '.join(text.replace('](', ']\\(').split())


def escape_latex(text: str) -> str:
    """Plain text that no character of which LaTeX takes for its own."""
    return ' '.join(''.join(_LATEX.get(c, c) for c in text).split())


_LATEX = {c: f'\\{c}' for c in '&%$#_{}'} | {
    '\\': r'\textbackslash{}', '~': r'\textasciitilde{}',
    '^': r'\textasciicircum{}', '<': r'\textless{}', '>': r'\textgreater{}',
    '|': r'\textbar{}', '"': r'\textquotedbl{}', '−': '$-$',
    'Δ': r'$\Delta$', '±': r'$\pm$', '✓': r'$\surd$'}


def _latex_heading(text: str) -> str:
    """In several lines, or the columns would be as wide as their names."""
    lines = [escape_latex(line)
             for line in textwrap.wrap(text, _HEADING_LENGTH)]
    return r'\shortstack[r]{' + r'\\'.join(lines) + '}'


def _latex_cell(cell: Cell) -> str:
    text = escape_latex(cell.text)
    if cell.detail:
        text += rf' {{\scriptsize {escape_latex(cell.detail)}}}'
    return text
