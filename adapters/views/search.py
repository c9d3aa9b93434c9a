"""Finding an order by anything that people have in their hands: order, return, refund, document, command, letter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from adapters.views.order import order_number
from adapters.views.reading import readable_row
from streams.row import Row

SEARCHED = "orders, returns, refunds, documents and exceptions"


def orders_with(values: Mapping[bytes, bytes], text: str) -> list[Row]:
    """The orders that this id belongs to. Only rows that hold the text at all are decoded."""
    needle = text.encode()
    rows = [readable_row(key, value) for key, value in values.items() if key == needle or needle in value]
    return [row for row in rows if text in _names(row)]


def near(values: Iterable[bytes], text: str) -> list[str]:
    """Order ids that look like this one."""
    return get_close_matches(text, [key.decode(errors="replace") for key in values], n=3, cutoff=0.75)


def _names(row: Row) -> set[str]:
    names = {row.order_key, *row.returns, *row.inspections, *row.outcomes, *row.issued, *row.letters}
    number = order_number(row)
    if number:
        names |= {number, number.removeprefix("#")}
    for register in row.returns.values():
        names |= set(register.refunds)
    for known in row.outcomes.values():
        names |= set(known.done)
    return names
