"""Goods after inspection: receipts by location and disposition, and moves when a disposition changes (S01-S05, R23)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams import times
from streams.case import Case
from streams.clearing import chain
from streams.commands import Body
from streams.documents.inspected import Found, believed, by_group, placed, uninspected, units_in
from streams.documents.order import in_scope
from streams.documents.receiving import received_on
from streams.documents.unknown import wait_for_unknown
from streams.verdicts import Held, Ready, Stop, Waits, skip
from streams.vocabulary import DocumentKind

if TYPE_CHECKING:
    from streams.playbook import About

RECEIPT, MOVEMENT = DocumentKind.ITEM_RECEIPT, DocumentKind.STOCK_MOVEMENT
HELD_NOTE = "/held"
"""Marks units that were taken out of the sellable stock until somebody says what they are."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Units that one receipt brings in; quantity 0: asked for once, not wanted any more."""

    found: Found
    quantity: int


@dataclass(frozen=True, slots=True)
class Move:
    """Units already received that have to lie somewhere else."""

    posted: Mapping[str, Any]  # the receipt's (or last move's) body: where they lie
    found: Found
    target_place: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Goods:
    """What has to happen to the goods of an order."""

    receipts: tuple[tuple[str, Lot], ...]
    moves: tuple[tuple[str, Move], ...]
    troubles: tuple[tuple[str, str, Held], ...]  # subject, return id, why
    missing: tuple[tuple[str, str], ...]  # (return id, line id) of arrived lines that nobody has looked at


def goods(case: Case) -> Goods:
    """Worked out once for each evaluation; may raise `Stop` while the order's stored bundles are being asked for."""
    if case.goods is None:
        case.goods = _work_out(case)
    result: Goods = case.goods
    return result


def _work_out(case: Case) -> Goods:
    founds, troubles = believed(case)
    missing = [
        (ret.return_id, line.line_id) for ret in case.returns.values() for line in uninspected(case, ret, founds)
    ]
    wanted = placed(case, founds, troubles)
    groups = by_group(wanted)
    posted = _posted(case)
    receipts: list[tuple[str, Lot]] = []
    moves: list[tuple[str, Move]] = []
    for group in sorted({*groups, *posted}):
        _settle(case, groups.get(group, []), posted.get(group, []), receipts, moves)
    disputed = tuple((trouble.found.subject, trouble.found.return_id, trouble.held) for trouble in troubles)
    return Goods(tuple(receipts), tuple(moves), disputed, tuple(missing))


@dataclass(slots=True)
class _Posted:
    """A receipt or move that was asked for: where its units lie once it is done."""

    subject: str
    kind: DocumentKind
    body: Body
    done: bool
    void: bool  # called off; not done: whether it had begun is not known yet
    ended: bool  # it ended so that nobody knows whether it is there
    found: Found


def _posted(case: Case) -> dict[tuple[str, str, str], list[_Posted]]:
    groups: dict[tuple[str, str, str], list[_Posted]] = {}
    for issued in case.row.issued.values():
        command = issued.command
        if command.account != case.account or command.kind not in (RECEIPT, MOVEMENT):
            continue
        done = case.done_body(command.kind, command.subject)
        if done is None and not case.row.may_turn_up(issued):
            continue
        body = done if done is not None else command.body
        origin = body["origin"]
        found = Found(
            origin=origin["id"],
            return_id=body["return_id"],
            line_id=origin["line_id"],
            sku=origin["sku"],
            disposition=origin["disposition"],
            quantity=_units(command.kind, [body] if done is not None else [b for _, b in issued.bodies.values()]),
            warehouse=origin["warehouse"],
            at="",
            place=origin["place"],
            note=origin["note"],
        )
        ended = done is None and case.row.is_settled(issued)
        entry = _Posted(command.subject, command.kind, body, done is not None, command.void, ended, found)
        groups.setdefault(found.group, []).append(entry)
    return groups


def _settle(
    case: Case,
    wanted: list[Found],
    posted: list[_Posted],
    receipts: list[tuple[str, Lot]],
    moves: list[tuple[str, Move]],
) -> None:
    """One group: what was found now, against what was posted for it before."""
    lying: dict[tuple[str, str], int] = {}
    sample: dict[tuple[str, str], _Posted] = {}
    for entry in posted:
        if not entry.done:
            continue
        lying[entry.found.key] = lying.get(entry.found.key, 0) + entry.found.quantity
        sample[entry.found.key] = entry
        if entry.kind is MOVEMENT:
            came_from = tuple(entry.body["origin"]["from"])
            lying[came_from] = lying.get(came_from, 0) - entry.found.quantity
    needs = {found.key: found for found in wanted}
    lack = {key: found.quantity - lying.get(key, 0) for key, found in needs.items()}
    surplus = {key: units - (needs[key].quantity if key in needs else 0) for key, units in lying.items() if units > 0}
    surplus = {key: units for key, units in surplus.items() if units > 0}
    # Units that a receipt on its way brings are not also moved there; one that is called off is not counted on.
    coming: dict[tuple[str, str], int] = {}
    may_come: dict[tuple[str, str], int] = {}
    for entry in posted:
        if entry.kind is RECEIPT and not entry.done:
            may_come[entry.found.key] = may_come.get(entry.found.key, 0) + entry.found.quantity
            if not entry.void:
                coming[entry.found.key] = coming.get(entry.found.key, 0) + entry.found.quantity
    leaving = _Leaving(posted, lying)
    for key in sorted(surplus):
        for other in sorted(k for k in lack if lack[k] > 0):
            units = min(surplus[key], lack[other] - coming.get(other, 0))
            if units > 0:
                _move(case, sample[key], needs[other], needs[other].place, units, leaving, moves)
                surplus[key] -= units
                lack[other] -= units
        if surplus[key]:
            _surplus(case, sample[key], surplus[key], leaving, moves)
    # A receipt on its way for more units than are wanted now may have begun: its end decides what the others are.
    shrinking = {key for key, units in may_come.items() if units > max(lack.get(key, 0), 0)}
    for key, found in sorted(needs.items()):
        if lack[key] > 0 and not shrinking - {key}:
            receipts.append((_next_link(case, RECEIPT, found.subject), Lot(found, lack[key])))
    revised = {subject for subject, _ in receipts}
    for entry in posted:
        if entry.done and entry.kind is RECEIPT:
            receipts.append((entry.subject, Lot(entry.found, entry.found.quantity)))
        elif entry.done:
            moves.append((entry.subject, Move(entry.body, entry.found, entry.found.place, entry.found.quantity)))
        elif entry.kind is RECEIPT and entry.found.key not in needs and entry.subject not in revised:
            receipts.append((entry.subject, Lot(entry.found, 0)))
        elif entry.kind is MOVEMENT and entry.ended and all(subject != entry.subject for subject, _ in moves):
            moves.append((entry.subject, Move(entry.body, entry.found, entry.found.place, 0)))


class _Leaving:
    """Units of one group that may be moved: those on their way elsewhere are not moved a second time."""

    def __init__(self, posted: list[_Posted], lying: Mapping[tuple[str, str], int]) -> None:
        self._moves: dict[tuple[str, str], dict[str, int]] = {}  # where they lie: by move, how many it may take
        for entry in (entry for entry in posted if entry.kind is MOVEMENT and not entry.done):
            self._moves.setdefault(tuple(entry.body["origin"]["from"]), {})[entry.subject] = entry.found.quantity
        self._free = {key: units - sum(self._moves.get(key, {}).values()) for key, units in lying.items()}

    def take(self, subject: str, key: tuple[str, str], units: int) -> int:
        """How many of `units` the move may take from there; the others wait for the end of those on their way."""
        own = self._moves.get(key, {}).get(subject, 0)
        more = max(min(units - own, self._free[key]), 0)
        self._free[key] -= more
        return min(units, own) + more


def _surplus(case: Case, entry: _Posted, units: int, leaving: _Leaving, moves: list[tuple[str, Move]]) -> None:
    """Posted units that no inspection wants where they lie leave the sellable stock: that is the posting's reversal.

    Whoever disputes them has an exception of its own; units that are not for sale stay where they are.
    """
    if entry.found.place == "sellable":
        held = Found(**{**_fields(entry.found), "note": HELD_NOTE, "at": _withdrawn(case, entry.found)})
        _move(case, entry, held, "quarantine", units, leaving, moves)


def _withdrawn(case: Case, found: Found) -> str:
    """When somebody last said something about units that nobody wants where they lie any more."""
    inspection, ret = case.row.inspections.get(found.origin), case.row.returns.get(found.return_id)
    said = [inspection[0][1]] if inspection is not None else []
    said += [times.fixed(case.latest_news(found.return_id))] if ret is not None else []
    return max(said, default="")


def _fields(found: Found) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Found.__slots__}


def _move(
    case: Case, entry: _Posted, found: Found, place: str, units: int, leaving: _Leaving, moves: list[tuple[str, Move]]
) -> None:
    start, end = entry.found, found
    subject = f"{start.origin}/{start.line_id}/{start.sku}/{'@'.join(start.key)}>{'@'.join(end.key)}"
    link = _next_link(case, MOVEMENT, subject)
    units = leaving.take(link, start.key, units)
    if units > 0:
        moves.append((link, Move(entry.body, found, place, units)))


def _next_link(case: Case, kind: DocumentKind, subject: str) -> str:
    """The first of a subject and its supplements that is not done."""
    return next(link for link in chain(subject) if case.done_body(kind, link) is None)


# -- subjects


def each_lot(case: Case) -> Iterator[About]:
    """Each lot of inspected units; and, so that absence shows, each arrived line that nobody has looked at."""
    from streams.playbook import About

    try:
        plan = goods(case)
    except Stop as stop:
        yield About("inspection", piece=stop)
        return
    for subject, lot in plan.receipts:
        yield About(subject, lot.found.return_id, piece=lot)
    seen: dict[str, int] = {}
    for subject, return_id, held in plan.troubles:
        seen[subject] = seen.get(subject, 0) + 1
        mark = "#held" if seen[subject] == 1 else f"#held{seen[subject]}"
        yield About(subject + mark, return_id, piece=Stop(held))
    for return_id, line_id in plan.missing:
        yield About(
            f"{return_id}/{line_id}",
            return_id,
            piece=Stop(Waits("inspection", f"nobody has inspected line {line_id} yet", "inspection")),
        )


def each_move(case: Case) -> Iterator[About]:
    """Each move of units that were received under a disposition that changed."""
    from streams.playbook import About

    try:
        plan = goods(case)
    except Stop:
        return
    for subject, move in plan.moves:
        yield About(subject, move.found.return_id, piece=move)


# -- gates


def inspected(case: Case, about: About) -> None:
    """S01: goods move after inspection, and only for units that may move."""
    if isinstance(about.piece, Stop):
        raise about.piece
    if about.piece.quantity == 0:
        raise skip("the inspection changed")
    ret = case.returns.get(about.return_id)
    if ret is None:
        raise Stop(Waits("return", f"return {about.return_id or '?'} is not known yet", "inspection"))
    in_scope(case, ret)


def nothing_is_being_taken_back(case: Case, about: About) -> None:
    """While an older receipt of the same units is being voided, its end decides what is left to do."""
    from streams.playbook import State

    for position in case.all_placed(RECEIPT):
        lot = position.about.piece
        same = isinstance(lot, Lot) and lot.found.group == about.piece.found.group
        if same and position.state is State.VOIDING and position.about.subject != about.subject:
            raise Stop(Waits(RECEIPT.value, "an older receipt of these units is being taken back"))


# -- bodies


def receipt(case: Case, about: About) -> Ready:
    """The lot into the location that its disposition maps to."""
    lot: Lot = about.piece
    found = lot.found
    number, lines = received_on(case, about, found, lot.quantity)
    location = case.profile.location_code(found.warehouse, found.place, case.account)
    body = {
        "order_id": case.row.order_key,
        "return_id": about.return_id,
        "source": {"kind": "return_authorisation", "number": number},
        "location": location,
        "disposition": found.disposition,
        "lines": [{**line, "location": location} for line in lines],
        "origin": _origin(found),
        **_posting(case, found),
    }
    wait_for_unknown(case, {RECEIPT, MOVEMENT}, body)
    return Ready(body)


def movement(case: Case, about: About) -> Ready:
    move: Move = about.piece
    found = move.found
    start = move.posted["origin"]
    here = move.posted.get("to_location") or move.posted["location"]
    there = case.profile.location_code(found.warehouse, move.target_place, case.account)
    if here == there:
        raise skip("they lie there already")  # another disposition, the same place
    body = {
        "order_id": case.row.order_key,
        "return_id": about.return_id,
        "item": case.profile.sku_code(found.sku, case.account),
        "sku": found.sku,
        "quantity": move.quantity,
        "from_location": here,
        "to_location": there,
        "origin": {
            **_origin(found),
            "place": move.target_place,
            "from": [start["disposition"] + start["note"], start["warehouse"]],
        },
        **_posting(case, found),
    }
    wait_for_unknown(case, {RECEIPT, MOVEMENT}, body)
    return Ready(body)


def _posting(case: Case, found: Found) -> dict[str, str]:
    """Goods are booked on the day they were looked at, which may be long after the return was first heard of (R22)."""
    return {"date": found.at or case.heard(found.return_id), "on_closed_period": case.profile.policies.closed_period}


def _origin(found: Found) -> dict[str, str]:
    return {
        "id": found.origin,
        "line_id": found.line_id,
        "sku": found.sku,
        "disposition": found.disposition,
        "warehouse": found.warehouse,
        "place": found.place,
        "note": found.note,
    }


def _units(kind: DocumentKind, bodies: list[Any]) -> int:
    """The most units that any body, which may be the one that was begun, would bring."""
    return max(int(body["quantity"]) if kind is MOVEMENT else units_in(body) for body in bodies)
