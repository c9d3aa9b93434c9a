"""How lists are laid out for a width (pure): as a table where it fits, else one entry below the other.

Ids, times and money are never cut and never broken; only sentences wrap. So a list reads at 80 columns as at 160.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from rich.cells import cell_len

PROSE = frozenset({"reason", "why", "reason, and what to do"})
"""Columns that hold sentences."""

_GAP = 2
_LEAST_PROSE = 36  # columns: a narrower sentence is harder to read than one that has a line of its own
_INDENT = "  "


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns padded to their widest cell, whatever the width: for pipes and files."""
    widths = _widths(columns, rows)
    cells = [[column.upper() for column in columns], *rows]
    return [_padded(line, widths).rstrip() for line in cells]


def laid_out(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """The lines of a list on a terminal of so many columns."""
    widths = _widths(columns, rows)
    prose = [number for number, column in enumerate(columns) if column in PROSE]
    room = width - sum(size + _GAP for number, size in enumerate(widths) if number not in prose)
    if not prose:
        return plain_table(columns, rows) if room + _GAP >= 0 else list(_entries(columns, rows, width))
    if widths[prose[-1]] <= room:
        return plain_table(columns, rows)
    if prose == [len(columns) - 1] and room >= _LEAST_PROSE:
        return list(_wrapped(columns, rows, widths, room))
    return list(_entries(columns, rows, width))


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(cell_len(column), *(cell_len(row[number]) for row in rows), 0) for number, column in enumerate(columns)]


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    return (" " * _GAP).join(cell + " " * (size - cell_len(cell)) for cell, size in zip(cells, widths, strict=False))


def _wrapped(columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], room: int) -> Iterator[str]:
    """A table whose last column wraps inside itself."""
    yield _padded([column.upper() for column in columns], [*widths[:-1], room]).rstrip()
    left = [*widths[:-1]]
    margin = " " * (sum(left) + _GAP * len(left))
    for row in rows:
        first, *rest = _lines(row[-1], room) or [""]
        yield (_padded(row[:-1], left) + " " * _GAP + first).rstrip()
        yield from (margin + line for line in rest)


def _entries(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Each row as a few lines: its values by name, as many on a line as fit, and its sentences below them."""
    for number, row in enumerate(rows):
        if number:
            yield ""
        line = ""
        for place, (column, cell) in enumerate(zip(columns, row, strict=True)):
            if column in PROSE or (cell == "-" and place):
                continue
            piece = f"{column} {cell}" if column else cell
            joined = f"{line} · {piece}" if line else piece
            if line and cell_len(joined) > width:
                yield line
                line = _INDENT + piece
            else:
                line = joined
        if line:
            yield line
        for column, cell in zip(columns, row, strict=True):
            if column in PROSE and cell != "-":
                yield from (_INDENT + text for text in _lines(cell, width - len(_INDENT)))


def _lines(sentence: str, width: int) -> list[str]:
    """Wrapped at spaces; a word longer than the width is an id, and stays whole."""
    return wrap(sentence, max(width, 8), break_long_words=False, break_on_hyphens=False)
