"""A table of scores, which can be printed for each kind of page."""

import textwrap
from dataclasses import dataclass
from typing import List, NamedTuple, Sequence

# The number of characters in a line of a LaTeX heading.
_HEADING_LENGTH = 12


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: The cell's text.
        detail: Text in a smaller type beside it, such as an interval.
    """

    text: str
    detail: str = ''


@dataclass(frozen=True)
class Table:
    """A first column of names, and columns of numbers.

    Attributes:
        header: The names of the columns.
        rows: The rows, each with a cell for every column.
        caption: A line that says what the table shows.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str

    def markdown(self) -> str:
        """Format the table in GitHub's markdown, aligned for terminals."""
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
        """Format the table as a ``longtable``, with rules of ``booktabs``."""
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
    """Write the LaTeX source that a paper includes with ``\\input``.

    Args:
        tables: The tables, in order.
        note: A note for readers of the source.
    """
    comments = [f'% {line}' for line in note.splitlines()]
    return '\n'.join([*comments, r'% \usepackage{booktabs,longtable}', '',
                      *(table.latex() for table in tables)])


def escape_markdown(text: str) -> str:
    """Escape plain text, so that markdown leaves its characters alone."""
    for character in '\\`*<>|':
        text = text.replace(character, '\\' + character)
    # Only brackets before a parenthesis make a link.
    return ' '.join(text.replace('](', ']\\(').split())


def escape_latex(text: str) -> str:
    """Escape plain text, so that LaTeX leaves its characters alone."""
    return ' '.join(''.join(_LATEX.get(c, c) for c in text).split())


_LATEX = {c: f'\\{c}' for c in '&%$#_{}'} | {
    '\\': r'\textbackslash{}', '~': r'\textasciitilde{}',
    '^': r'\textasciicircum{}', '<': r'\textless{}', '>': r'\textgreater{}',
    '|': r'\textbar{}', '"': r'\textquotedbl{}', '−': '$-$',
    'Δ': r'$\Delta$', '±': r'$\pm$', '✓': r'$\surd$'}


def _latex_heading(text: str) -> str:
    """Break a heading into lines, which keeps its column narrow."""
    lines = [escape_latex(line)
             for line in textwrap.wrap(text, _HEADING_LENGTH)]
    return r'\shortstack[r]{' + r'\\'.join(lines) + '}'


def _latex_cell(cell: Cell) -> str:
    text = escape_latex(cell.text)
    if cell.detail:
        text += rf' {{\scriptsize {escape_latex(cell.detail)}}}'
    return text
