"""Which row of a return authorisation a receipt's or a note's line is about (pure).

An authorisation made from the order keeps the order's line in `orderLine`; a standalone one numbers its rows in its own
way. A row that names another order line is never taken, and a bundle's part stands on a row of its own bundle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.netsuite.options import CustomFields, custom_of
from adapters.netsuite.records import key_of, name_of, rows_of, text_of
from streams.adapter import Refused
from streams.vocabulary import ErrorKind

Row = Mapping[str, Any]


def row_number(line: Row, authorisation: Row | None, fields: CustomFields, *, must: bool) -> str | None:
    """The number that the authorisation itself gives a line; None for shipping, fees and the like.

    The order's own number stands in while the authorisation cannot be read. `must`: a receipt always names a row;
    raises `Refused` where the authorisation has none for the line.
    """
    own = line.get("order_line")
    if not (must or own):
        return None
    if authorisation is None:
        return own
    rows = _numbered(authorisation)
    if not rows:
        return own if must else None
    alone = [row for row in rows if not any(is_member(row, kit) for kit in rows)]
    found = _named(line, rows)
    if "kit" in line:
        bundle = _one(line["kit"], _named(line["kit"], alone) or _unnamed(line["kit"], alone, fields))
        inside = [row for row in rows if bundle is not None and is_member(row, bundle)]
        found = _named(line, inside) or _unnamed(line, inside, fields) or found
    row = _one(line, found or _unnamed(line, alone, fields))
    if row is None and must:
        number = text_of(authorisation.get("id"))
        raise Refused(
            ErrorKind.MISMATCH,
            f"Return authorisation {number} has no row for {line['sku']} of order line {own or '(none)'}: it was "
            "changed since it was made. Add the row and retry, or receive the goods by hand.",
        )
    return None if row is None else str(row["line"])


def is_member(row: Row, kit: Row) -> bool:
    """Whether a row is a part of the bundle that another row is; it names the bundle by either of its numbers."""
    number = key_of(row.get("kitMemberOf"))
    return bool(number) and row is not kit and number in (text_of(kit.get("line")), key_of(kit.get("orderLine")))


def same_item(line: Row, shown: Any) -> bool:
    """Whether a shown item is the one a line names, by its number or, where SKUs are the codes, by its name."""
    names = {key_of(shown), name_of(shown)}
    return line["item"] in names or bool(line.get("sku") and line["sku"] in names)


def _numbered(authorisation: Row) -> list[Row]:
    """The rows in the order of their numbers, however they are listed; one without a number has its place."""
    rows = [
        {**row, "line": text_of(row.get("line")) or str(place)} for place, row in enumerate(rows_of(authorisation), 1)
    ]
    return sorted(rows, key=lambda row: (len(row["line"]), row["line"]))


def _named(line: Row, rows: Sequence[Row]) -> list[Row]:
    """Rows that name the line's own order line: those of its item, else (it was renamed since) all."""
    own = line.get("order_line")
    named = [row for row in rows if own and key_of(row.get("orderLine")) == own]
    return [row for row in named if same_item(line, row.get("item"))] or named


def _unnamed(line: Row, rows: Sequence[Row], fields: CustomFields) -> list[Row]:
    """Rows of the line's item that name no order line, or by the channel's id this one."""
    line_id = line.get("order_line_id", "")
    free = [row for row in rows if not key_of(row.get("orderLine")) and same_item(line, row.get("item"))]
    ids = [(text_of(custom_of(row, fields.order_line_id)), row) for row in free]
    for wanted in (line_id, ""):
        if same := [row for shown, row in ids if shown == wanted]:
            return same
    return [] if line_id else free


def _one(line: Row, rows: Sequence[Row]) -> Row | None:
    """Of several rows that nothing else tells apart, the one whose turn it is."""
    return rows[min(int(line.get("nth", 1)), len(rows)) - 1] if rows else None
