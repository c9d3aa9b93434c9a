"""Where a lot of inspected units is received: which authorisation holds them, and on which of its rows they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.case import Case
from streams.commands import Body
from streams.documents.inspected import Found
from streams.documents.order import CLOSED_RETURN, Place, parts_of, snapshot
from streams.documents.outgrown import is_closed
from streams.documents.room import asked_before, taken_by_others
from streams.order_lines import allot
from streams.verdicts import Stop, Waits, hold
from streams.vocabulary import DocumentKind, ErrorKind, Owner

if TYPE_CHECKING:
    from streams.playbook import About

AUTHORISATION, RECEIPT = DocumentKind.RETURN_AUTHORISATION, DocumentKind.ITEM_RECEIPT
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the order that units of an authorised line stand on, as a receipt names it."""

    number: str
    units: int
    more: Mapping[str, Any]


def received_on(case: Case, about: About, found: Found, units: int) -> tuple[str, list[dict[str, Any]]]:
    """The authorisation that holds the line, and the lines of a receipt of so many units."""
    number, body, lines = _authorised(case, about, found)
    rows = list(_rows(case, about, found, body, lines))
    line_id = found.line_id
    counts = {rows[0].number: units}
    if len(rows) > 1:
        taken = taken_by_others(case, RECEIPT, about.subject, number, line_id, found.sku)
        before = asked_before(case, RECEIPT, about.subject, line_id, found.sku)
        counts = allot([(row.number, row.units - taken[row.number]) for row in rows], units, before)
    first = lines[0]
    item = first["item"] if case.same_sku(found.sku, first["sku"]) else case.profile.sku_code(found.sku, case.account)
    return number, [
        {
            "line_id": line_id,
            "order_line": row.number,
            "order_line_id": first["order_line_id"],
            "sku": found.sku,
            "item": item,
            **row.more,
            "quantity": counts[row.number],
        }
        for row in rows
        if row.number in counts
    ]


def _authorised(case: Case, about: About, found: Found) -> tuple[str, Body, Sequence[Line]]:
    """The authorisation that holds the line, by number and body, and its lines of it: one for each row it stands on."""
    from streams.playbook import State

    for position in case.placed_for(AUTHORISATION, about.return_id):
        if position.state is State.DEAD:
            raise Stop(Waits(f"letter:{position.command_id}", "the return authorisation was refused"))
        if position.body is None or position.state not in (State.DONE, State.SHADOWED):
            continue
        if is_closed(case, position.about.subject):
            continue
        lines = [line for line in position.body["lines"] if line["line_id"] == found.line_id]
        if lines:
            return position.number, position.body, lines
    for position in case.placed_for(AUTHORISATION, about.return_id):
        for held in position.notes:
            if held.part == found.line_id:
                letter = case.command_id(position.kind, position.letter_subject(held))
                raise Stop(Waits(f"letter:{letter}", f"line {held.part} is held"))
    ret = case.returns[about.return_id]
    if ret.state in CLOSED_RETURN:
        raise hold(
            ErrorKind.MISMATCH,
            Owner.WAREHOUSE,
            f"{about.piece.quantity} {found.sku} of line {found.line_id} found {found.disposition}, but return "
            f"{about.return_id} is {ret.state} and has no open authorisation to receive them on: book them by hand.",
        )
    raise hold(
        ErrorKind.MISMATCH,
        Owner.WAREHOUSE,
        f"No return authorisation holds line {found.line_id} of return {about.return_id}.",
    )


def _rows(case: Case, about: About, found: Found, body: Body, lines: Sequence[Line]) -> Iterator[Row]:
    """The rows of the units found; a bundle that was authorised whole is counted, and received, by its parts."""
    for line in lines:
        nth, number = among_equals(body, line), str(line["order_line"])
        places: tuple[Place, ...] = ()
        if not case.same_sku(found.sku, str(line["sku"])):
            rows = snapshot(case, about.return_id).get("lines", ())
            places = parts_of(case, [row for row in rows if str(row["order_line"]) == number], found.sku)
        if not places:  # the item itself, or what it was called when it was authorised
            yield Row(number, int(line["quantity"]), nth)
        kit = {name: line[name] for name in ("item", "sku", "order_line", "order_line_id")} | nth
        for place in places:
            which = {"nth": place.nth} if place.nth > 1 else {}
            yield Row(place.number, int(line["quantity"]) * place.each, {"kit": kit, **which})


def among_equals(body: Mapping[str, Any], line: Line) -> dict[str, int]:
    """`nth`, where an authorisation holds one item on several rows and may not say which order line each is about."""
    same = [other for other in body["lines"] if other["item"] == line["item"]]
    if body.get("form") == "standalone":
        place = same.index(line)
    else:  # one row for each order line, with its number
        numbers = sorted({str(other["order_line"]) for other in same}, key=lambda number: (len(number), number))
        place = numbers.index(str(line["order_line"]))
    return {"nth": place + 1} if place else {}
