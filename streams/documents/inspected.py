"""What was found when somebody looked at the goods: units by disposition, from whoever the profile believes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from streams.case import Case
from streams.clearing import chain
from streams.documents.order import ARRIVED, CLOSED_RETURN, known_services, parts_of, snapshot, sold_on
from streams.profile import Unmapped
from streams.returns import Return, ReturnLine
from streams.verdicts import Held
from streams.vocabulary import DocumentKind, ErrorKind, Owner

MAX_UNITS = 1_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """Some units of one line, seen by one inspection, with one disposition."""

    origin: str  # inspection id, or the return id where Reveni decides
    return_id: str
    line_id: str
    sku: str
    disposition: str
    quantity: int
    warehouse: str
    at: str
    place: str = ""  # sellable, quarantine, write_off; empty: moves nothing
    note: str = ""  # set when a rule turned the place away from the disposition's own

    @property
    def group(self) -> tuple[str, str, str]:
        return (self.origin, self.line_id, self.sku)

    @property
    def subject(self) -> str:
        return f"{self.origin}/{self.line_id}/{self.sku}/{self.disposition}"

    @property
    def key(self) -> tuple[str, str]:
        """Where units lie, in our own words: two founds with one key lie in one place."""
        return (self.disposition + self.note, self.warehouse)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Found units that a person has to see to, and why; they move nowhere by themselves."""

    found: Found
    held: Held


def believed(case: Case) -> tuple[list[Found], list[Trouble]]:
    """Every found unit that counts, and those that are in dispute or make no sense."""
    troubles: list[Trouble] = []
    by_warehouse = list(_warehouse(case, troubles))
    by_reveni = list(_reveni(case))
    match case.profile.merchant.inspection:
        case "warehouse":
            return by_warehouse, troubles
        case "reveni":
            return by_reveni, troubles
        case _:
            return _first_stands(by_warehouse, by_reveni, troubles), troubles


def _warehouse(case: Case, troubles: list[Trouble]) -> Iterator[Found]:
    merged: dict[tuple[str, str, str], Found] = {}
    for inspection_id, (version, data) in sorted(case.row.inspections.items()):
        for number, raw in enumerate(data["lines"]):
            quantity = raw.get("quantity")
            is_sound = isinstance(quantity, int) and not isinstance(quantity, bool) and 0 < quantity <= MAX_UNITS
            found = Found(
                origin=inspection_id,
                return_id=_text(data.get("return_id")),
                line_id=_text(raw.get("line_id")),
                sku=case.sku_name(_text(raw.get("sku"))),
                disposition=_text(raw.get("disposition")),
                quantity=quantity if is_sound else 0,
                warehouse=_text(raw.get("location") or data.get("location")),
                at=version[1],
            )
            if not is_sound:
                sentence = f"Line {number + 1} of inspection {inspection_id} has quantity {quantity!r}."
                troubles.append(Trouble(found, Held(ErrorKind.INVALID, sentence, Owner.ENGINEERING)))
                continue
            subject = (found.subject, found.warehouse, found.return_id)
            before = merged.get(subject)
            merged[subject] = replace(found, quantity=quantity + before.quantity) if before else found
    yield from merged.values()


def _reveni(case: Case) -> Iterator[Found]:
    for ret in case.returns.values():
        if ret.state not in ARRIVED:
            continue
        for line in ret.lines:
            if line.disposition and not line.fault:
                quantity = line.quantity
                if line.accepted_quantity is not None:  # the others are not decided about yet, unless rejected
                    quantity = min(quantity, line.accepted_quantity + _rejected_units(ret, line))
                if quantity:
                    at = case.row.returns[ret.return_id].late.get(line.line_id, {}).get("disposition")
                    yield Found(
                        origin=ret.return_id,
                        return_id=ret.return_id,
                        line_id=line.line_id,
                        sku=case.sku_name(line.component_sku or line.sku),
                        disposition=line.disposition,
                        quantity=quantity,
                        warehouse=line.location or ret.location or "",
                        at=at[0][1] if at else "",
                    )


def _first_stands(warehouse: list[Found], reveni: list[Found], troubles: list[Trouble]) -> list[Found]:
    """`either`: for each line the first to decide stands; a later one that differs is an exception."""
    kept: list[Found] = []
    lines: dict[tuple[str, str], list[Found]] = {}
    for found in (*warehouse, *reveni):
        lines.setdefault((found.return_id, found.line_id), []).append(found)
    for _, entries in sorted(lines.items()):
        first = min(entries, key=lambda found: (found.at, found.origin))
        by_reveni = first.origin == first.return_id
        for found in entries:
            if (found.origin == found.return_id) == by_reveni:
                kept.append(found)
            elif found.disposition != first.disposition:
                sentence = (
                    f"Line {found.line_id} of return {found.return_id} was found {first.disposition} first; "
                    f"{'Reveni' if not by_reveni else 'the warehouse'} says {found.disposition} now."
                )
                troubles.append(Trouble(found, Held(ErrorKind.MISMATCH, sentence, Owner.WAREHOUSE)))
    return kept


def placed(case: Case, founds: list[Found], troubles: list[Trouble]) -> list[Found]:
    """Each found unit with its place; units beyond what came back, unclear, or sellable and rejected are troubles.

    Of a line that is partly accepted the accepted units are the best found ones: only more sellable units than were
    accepted are in dispute. Damaged ones go where their disposition says, whoever has rejected them.

    What was asked for keeps its room: of two lots that together are too many, deciding again must not take back a
    unit of the one to give the other more (seed 12231).
    """
    result: list[Found] = []
    room: dict[tuple[str, str, str], int] = {}
    accepted: dict[tuple[str, str, str], int] = {}
    ordered = sorted(founds, key=lambda f: (not _is_issued(case, f), not _moves(case, f), f.at, f.origin, f.subject))
    asked: dict[str, int] = {}
    kept: dict[Found, int] = {}  # units that were asked for and have room
    for found in ordered:
        ret, line = _line_of(case, found)
        units = asked.setdefault(found.subject, _asked_units(case, found))
        if ret is not None and line is not None and units:
            unit = (ret.return_id, line.line_id, found.sku)
            left = room.setdefault(unit, _returned_units(case, ret, line, found.sku))
            kept[found] = max(0, min(units, found.quantity, left))
            room[unit], asked[found.subject] = left - kept[found], units - kept[found]
    for found in ordered:
        ret, line = _line_of(case, found)
        if ret is None:
            result.append(found)  # the receipt waits for the return to be known
            continue
        if line is None:
            troubles.append(
                _trouble(found, f"The inspection names line {found.line_id}, which return {ret.return_id} has not.")
            )
            continue
        unit = (ret.return_id, line.line_id, found.sku)
        left = room.setdefault(unit, _returned_units(case, ret, line, found.sku))
        before = kept.get(found, 0)
        excess = found.quantity - before - max(left, 0)
        if excess > 0:
            sentence = (
                f"{excess} more {found.sku} inspected on line {line.line_id} than return {ret.return_id} holds; "
                "nothing moves for them."
            )
            troubles.append(_trouble(replace(found, quantity=excess), sentence))
            found = replace(found, quantity=found.quantity - excess)
        room[unit] = left - (found.quantity - before)
        if found.quantity:
            result.extend(_place(case, ret, line, found, accepted, troubles))
    return result


def _line_of(case: Case, found: Found) -> tuple[Return | None, ReturnLine | None]:
    ret = case.returns.get(found.return_id)
    lines = ret.lines if ret is not None else ()
    return ret, next((line for line in lines if line.line_id == found.line_id), None)


def _asked_units(case: Case, found: Found) -> int:
    """Units that receipts of this lot brought or may bring: done, or asked for and not refused."""
    units = 0
    for link in chain(found.subject):
        issued = case.row.issued.get(case.command_id(DocumentKind.ITEM_RECEIPT, link))
        if issued is None:
            break
        done = case.done_body(DocumentKind.ITEM_RECEIPT, link)
        if done is not None:
            units += units_in(done)
        elif not case.row.is_settled(issued):
            units += max(units_in(body) for _, body in issued.bodies.values())
    return units


def units_in(body: Mapping[str, Any]) -> int:
    """Units that a receipt brings in, over all the rows that they stand on."""
    return sum(int(line["quantity"]) for line in body["lines"])


def _place(
    case: Case,
    ret: Return,
    line: ReturnLine,
    found: Found,
    accepted: dict[tuple[str, str, str], int],
    troubles: list[Trouble],
) -> Iterator[Found]:
    where = line.location or ret.location
    if where and not found.warehouse:
        found = replace(found, warehouse=where)
    try:
        disposition = case.profile.disposition(found.disposition)
    except Unmapped as missing:
        troubles.append(
            Trouble(found, Held(ErrorKind.UNMAPPED, missing.sentence, missing.owner, mapping_key=missing.key))
        )
        return
    if disposition.hold is not None:
        sentence = f"{found.quantity} {found.sku} of line {line.line_id} found {found.disposition}: held."
        troubles.append(Trouble(found, Held(ErrorKind.MISMATCH, sentence, disposition.hold)))
        return
    if disposition.to == "nothing":
        return
    if disposition.to != "sellable":
        yield replace(found, place=disposition.to or "")
        return
    if line.restock is False:
        said = case.row.returns[ret.return_id].late.get(line.line_id, {}).get("restock")
        at = max(found.at, said[0][1]) if said is not None else found.at
        yield replace(found, place="quarantine", note="/no-restock", at=at)
        return
    unit = (ret.return_id, line.line_id, found.sku)
    left = accepted.setdefault(unit, _accepted_units(case, ret, line, found.sku))
    turned_away = max(0, found.quantity - left)
    accepted[unit] = left - (found.quantity - turned_away)
    if turned_away:
        sentence = (
            f"{turned_away} {found.sku} of line {line.line_id} found {found.disposition}, "
            f"but Reveni says {'cancelled' if ret.state == 'cancelled' else 'rejected'}: goods held."
        )
        troubles.append(Trouble(replace(found, quantity=turned_away), Held(ErrorKind.MISMATCH, sentence, Owner.CX)))
    if found.quantity > turned_away:
        yield replace(found, quantity=found.quantity - turned_away, place="sellable")


def _returned_units(case: Case, ret: Return, line: ReturnLine, sku: str) -> int:
    """How many units of a SKU the line sends back: its own, or a bundle's parts by the definition at the sale."""
    if case.same_sku(sku, line.component_sku or line.sku):
        return line.quantity
    if line.component_sku is not None:
        return 0
    bundle = sold_on(case, snapshot(case, ret.return_id), line, ret.currency).rows[:1]
    return line.quantity * sum(place.each for place in parts_of(case, bundle, sku))


def _accepted_units(case: Case, ret: Return, line: ReturnLine, sku: str) -> int:
    """How many units of a SKU were not rejected; of a bundle's part as many as there are in the bundles."""
    units = _returned_units(case, ret, line, sku)
    return units * (line.quantity - _rejected_units(ret, line)) // line.quantity


def _rejected_units(ret: Return, line: ReturnLine) -> int:
    """Units of the line that Reveni turned away, as far as it has said so."""
    if ret.state in CLOSED_RETURN or line.verdict == "rejected":
        return line.quantity
    if line.rejected_quantity is not None:
        return line.rejected_quantity
    decided = ret.state in ("accepted", "partly_accepted") and line.accepted_quantity is not None
    return line.quantity - (line.accepted_quantity or 0) if decided else 0


def uninspected(case: Case, ret: Return, founds: list[Found]) -> list[ReturnLine]:
    """Lines of a received return that nobody has looked at yet, in whole or in part."""
    if ret.state not in ARRIVED:
        return []
    seen: dict[str, int] = {}
    for found in founds:
        if found.return_id == ret.return_id:
            seen[found.line_id] = seen.get(found.line_id, 0) + found.quantity
    never_sent = known_services(case, ret)
    return [
        line
        for line in ret.lines
        if not line.fault and line.line_id not in never_sent and seen.get(line.line_id, 0) < line.quantity
    ]


def _is_issued(case: Case, found: Found) -> bool:
    return case.command_id(DocumentKind.ITEM_RECEIPT, found.subject) in case.row.issued


def _moves(case: Case, found: Found) -> bool:
    """Whether its disposition moves it. What moves nothing is never asked for, and would lose its room to what is."""
    try:
        disposition = case.profile.disposition(found.disposition)
    except Unmapped:
        return False
    return disposition.hold is None and disposition.to != "nothing"


def _trouble(found: Found, sentence: str) -> Trouble:
    return Trouble(found, Held(ErrorKind.MISMATCH, sentence, Owner.WAREHOUSE))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def by_group(founds: list[Found]) -> Mapping[tuple[str, str, str], list[Found]]:
    groups: dict[tuple[str, str, str], list[Found]] = {}
    for found in founds:
        groups.setdefault(found.group, []).append(found)
    return groups
