"""What may still come back of each row of an order, and over which rows the units of a document stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from streams.case import Case
from streams.commands import Body
from streams.documents.order import CLOSED_RETURN, Matched, Place, match
from streams.documents.outgrown import is_closed
from streams.order_lines import allot
from streams.returns import Return
from streams.vocabulary import DocumentKind

AUTHORISATION = DocumentKind.RETURN_AUTHORISATION


class Room:
    """Units of each row that may still be authorised. A bundle that comes back takes its parts along."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._used: Counter[str] = Counter()
        self._parts: dict[str, list[tuple[str, int]]] = {}
        for row in order.get("lines", ()):
            parts = [(str(part.get("order_line", "")), int(part["quantity"])) for part in row["components"]]
            self._parts[str(row["order_line"])] = [(number, each) for number, each in parts if number and each > 0]

    def take(self, number: str, units: int) -> None:
        self._used[number] += units
        for part, each in self._parts.get(number, ()):
            self._used[part] += units * each

    def left(self, place: Place) -> int:
        free = place.sold - self._used[place.number]
        if place.kit is None:
            for part, each in self._parts.get(place.number, ()):
                free = min(free, (place.sold * each - self._used[part]) // each)
        return free

    def of(self, matched: Matched) -> int:
        """Over all rows that the line may stand on."""
        return sum(self.left(place) for place in matched.places)

    def allot(self, matched: Matched, before: Mapping[str, int]) -> list[tuple[Place, int]]:
        """The line's units over its rows, and taken from them; those asked for `before` stay where they are."""
        by_number = {place.number: place for place in matched.places}
        room = [(place.number, self.left(place)) for place in matched.places]
        found = allot(room, matched.line.quantity, before)
        for number, units in found.items():
            self.take(number, units)
        return [(by_number[number], units) for number, units in found.items()]


def room_for(case: Case, ret: Return, order: Mapping[str, Any]) -> Room:
    """What other authorisations leave: people's in the account, and ours, this return's earlier ones too.

    One that a person may have made for this very return (L01) is not another: the dispatcher adopts it, or asks. One
    that is being replaced makes room for the one that takes its place.
    """
    room = Room(order)
    _take_earlier(case, ret, order, room)
    placed = set()
    for position in case.all_placed(AUTHORISATION):
        placed.add(position.command_id)
        about, replaced = position.about, position.about.return_id == ret.return_id and position.about.piece.replaced
        if position.body is not None and not replaced:
            _take(case, about.subject, position.body, room)
    # Those of returns that this evaluation comes to later.
    for cid, issued in case.row.issued.items():
        command = issued.command
        if command.kind is not AUTHORISATION or command.account != case.account or cid in placed:
            continue
        done = case.done_body(AUTHORISATION, command.subject)
        body = command.body if done is None else done
        may_stand = done is not None or case.row.may_turn_up(issued)
        if may_stand and body["return_id"] != ret.return_id:
            _take(case, command.subject, body, room)
    return room


def _take(case: Case, subject: str, body: Body, room: Room) -> None:
    """The units of an authorisation, unless it is closed or its return has ended."""
    ret = case.returns.get(body["return_id"])
    ended = ret is not None and ret.state in CLOSED_RETURN  # one that cannot be read any more may stand
    if not ended and not is_closed(case, subject):
        for line in body["lines"]:
            room.take(str(line["order_line"]), int(line["quantity"]))


def _take_earlier(case: Case, ret: Return, order: Mapping[str, Any], room: Room) -> None:
    own, names = Counter[str](), dict[str, str]()
    if case.adopt_since(ret.return_id) is not None:
        for line in ret.lines:
            matched = match(case, order, line, ret.currency)
            if isinstance(matched, Matched) and not matched.is_service:
                for place in matched.places:
                    names.setdefault(place.number, matched.places[0].number)
                own[names[matched.places[0].number]] += line.quantity
    ours = {position.command_id for position in case.all_placed(AUTHORISATION) if position.body is not None}
    ours |= {cid for cid, issued in case.row.issued.items() if issued.command.kind is AUTHORISATION}
    counted = set(_numbers(case, ours))
    for earlier in order.get("returns", ()):
        if earlier["external_ref"] in ours or earlier["number"] in counted:
            continue
        if earlier["status"] in ("closed", "cancelled", "rejected"):
            continue
        units: Counter[str] = Counter()
        alike: Counter[str] = Counter()  # with one name for rows that nothing tells apart
        for line in earlier["lines"]:
            number = str(line["order_line"])
            units[number] += int(line["quantity"])
            alike[names.get(number, number)] += int(line["quantity"])
        if earlier["external_ref"] or alike != own:
            for number, count in units.items():
                room.take(number, count)


def _numbers(case: Case, command_ids: Iterable[str]) -> Iterator[str]:
    """What is done for these commands, as the account calls it: what was adopted has no reference of ours."""
    for cid in command_ids:
        yield from case.row.outcome_of(cid).done
        by_hand = case.ruling("done_by_hand", cid)
        if by_hand is not None:
            yield str(by_hand.data.get("number") or "")


def asked_before(case: Case, kind: DocumentKind, subject: str, line_id: str, sku: str = "") -> Counter[str]:
    """By row: the units of a line in the document as it was last asked for, which stay where they are."""
    issued = case.row.issued.get(case.command_id(kind, subject))
    if issued is None:
        return Counter()
    done = case.done_body(kind, subject)
    return _units([done if done is not None else issued.command.body], line_id, sku)


def taken_by_others(
    case: Case, kind: DocumentKind, subject: str, source: str, line_id: str, sku: str = ""
) -> Counter[str]:
    """By row: the units of a line that other documents of a kind, made from the same source, hold or may hold."""
    bodies: dict[str, Body] = {}
    for issued in case.row.issued.values():
        command = issued.command
        if command.kind is kind and command.account == case.account:
            done = case.done_body(kind, command.subject)
            if done is not None:
                bodies[command.subject] = done
            elif case.row.may_turn_up(issued):
                bodies[command.subject] = command.body
    for position in case.all_placed(kind):
        if position.body is not None:
            bodies[position.about.subject] = position.body
    bodies.pop(subject, None)
    same = (body for body in bodies.values() if (body.get("source") or {}).get("number") == source)
    return _units(same, line_id, sku)


def _units(bodies: Iterable[Body], line_id: str, sku: str) -> Counter[str]:
    units: Counter[str] = Counter()
    for body in bodies:
        for line in body["lines"]:
            if line.get("line_id") == line_id and sku in ("", line.get("sku")):
                units[str(line.get("order_line", ""))] += int(line["quantity"])
    return units
