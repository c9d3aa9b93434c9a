"""The return authorisation: at once, before the parcel arrives, line by line against what was bought (R01, R02)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.case import Case
from streams.clearing import chain
from streams.commands import Body
from streams.documents import outgrown
from streams.documents.order import CLOSED_RETURN, Matched, expect_currency, in_scope, match, snapshot
from streams.money import to_text
from streams.profile import Unmapped
from streams.returns import Return
from streams.verdicts import Held, Ready, Stop, Waits, skip
from streams.vocabulary import DocumentKind, ErrorKind, Owner

if TYPE_CHECKING:
    from streams.playbook import About, Position


@dataclass(frozen=True, slots=True)
class Authorised:
    """A return, and the lines that authorisations already made for it hold."""

    ret: Return
    covered: frozenset[str]
    posted: Body | None = None
    differs: str = ""  # what the authorisation, which is made, says otherwise than the return
    replaced: bool = False  # it is being closed, for another one to take its place


def each_return(case: Case) -> Iterator[About]:
    """Each return with lines; once an authorisation is made, a further one for lines that were held back."""
    from streams.playbook import About

    def decided_first(ret: Return) -> tuple[bool, str]:
        cid = case.command_id(DocumentKind.RETURN_AUTHORISATION, ret.return_id)
        return cid not in case.row.issued, ret.return_id

    for ret in sorted(case.returns.values(), key=decided_first):
        covered: set[str] = set()
        wanted = {line.line_id for line in ret.lines if line.line_id}
        waits = False
        for subject in chain(ret.return_id):
            body = case.done_body(DocumentKind.RETURN_AUTHORISATION, subject)
            if body is None:
                if ret.nameless_lines or (wanted and (waits or not covered >= wanted)):
                    yield About(subject, ret.return_id, piece=Authorised(ret, frozenset(covered), replaced=waits))
                break
            standing = _standing(case, ret, subject, body)
            yield About(subject, ret.return_id, piece=standing)
            waits = waits or standing.replaced
            if not is_closed(case, subject):
                covered |= standing.covered


def _standing(case: Case, ret: Return, subject: str, body: Body) -> Authorised:
    """An authorisation that is made, held against what the return says now."""
    covered = frozenset(str(line["line_id"]) for line in body["lines"])
    if is_closed(case, subject) or ret.state in CLOSED_RETURN:
        return Authorised(ret, covered, body)
    differs = outgrown.difference(ret, body)
    return Authorised(ret, covered, body, differs, outgrown.is_replaced(case, subject, differs))


def is_closed(case: Case, subject: str) -> bool:
    """Whether an authorisation was closed; should Reveni reopen its return, a further one is made."""
    return case.done_body(DocumentKind.RETURN_CLOSING, subject) is not None


def authorised(case: Case, about: About) -> None:
    """The return is ours, and Reveni still stands by it."""
    ret: Return = about.piece.ret
    in_scope(case, ret)
    if ret.state in CLOSED_RETURN:
        raise skip(f"the return is {ret.state}")


def authorisation(case: Case, about: About) -> Ready:
    """The good lines of the return; each other line stays behind with a person, by itself."""
    piece: Authorised = about.piece
    if piece.posted is not None:
        return Ready(piece.posted, flagged=None if piece.replaced else _beside(case, about.subject, piece))
    ret = piece.ret
    order = snapshot(case, ret.return_id)
    expect_currency(case, order, ret.currency, f"Return {ret.return_id}")
    standalone = order["status"] == "closed"
    used = _used(case, ret, order)
    lines: list[dict[str, Any]] = []
    held: list[Held] = []
    if ret.nameless_lines:
        held.append(Held(ErrorKind.INVALID, " ".join(ret.nameless_lines), Owner.ENGINEERING))
    for line in ret.lines:
        if line.line_id in piece.covered or not line.line_id:
            continue
        if line.fault:
            held.append(Held(ErrorKind.INVALID, line.fault, Owner.ENGINEERING, part=line.line_id))
            continue
        matched = match(case, order, line)
        if isinstance(matched, Held):
            held.append(matched)
            continue
        if matched.is_service:
            continue  # never sent: it is credited, nothing of it comes back
        room = matched.sold - used.get(matched.number, 0)
        if line.quantity > room:
            held.append(_over_returned(matched, room))
            continue
        try:
            lines.append(_line(case, ret, matched, standalone=standalone))
        except Unmapped as missing:
            held.append(
                Held(ErrorKind.UNMAPPED, missing.sentence, missing.owner, mapping_key=missing.key, part=line.line_id)
            )
            continue
        used[matched.number] = used.get(matched.number, 0) + line.quantity
    if piece.replaced:
        why = "an authorisation that no longer says what comes back is being closed"
        raise Stop(Waits(DocumentKind.RETURN_CLOSING.value, why, "return_authorisation", held=tuple(held)))
    if not lines:
        why = "every line waits for a person" if held else "every line has its authorisation, or was never sent"
        raise Stop(Waits("decision", why, held=tuple(held))) if held else skip(why)
    body: dict[str, Any] = {
        "order_id": case.row.order_key,
        "return_id": ret.return_id,
        "currency": ret.currency,
        "form": "standalone" if standalone else "from_order",
        "customer": {"number": order["customer"]["number"]},
        "lines": lines,
        "date": case.row.first_seen,
    }
    if not standalone:
        body["source"] = {"kind": "sales_order", "number": order["number"]}
    return Ready(body, held=tuple(held))


def _beside(case: Case, subject: str, piece: Authorised) -> Held | None:
    """What a person has to see about an authorisation that is made; one that was to be closed says so by itself."""
    if piece.posted is None or case.command_id(DocumentKind.RETURN_CLOSING, subject) in case.row.issued:
        return None
    return outgrown.shown(case, subject, piece.differs, piece.posted)


def authorisation_changed(_posted: Body, _wanted: Body) -> str:
    """What is different is shown by `authorisation`, which knows whether another one takes its place."""
    return ""


def not_being_replaced(case: Case, about: About) -> None:
    """While an authorisation is being replaced, nothing more is made from it."""
    for position in case.placed_for(DocumentKind.RETURN_AUTHORISATION, about.return_id):
        piece = position.about.piece
        if piece.posted is not None and piece.replaced:
            why = "the return authorisation is being replaced"
            raise Stop(Waits(DocumentKind.RETURN_AUTHORISATION.value, why))


def _line(case: Case, ret: Return, matched: Matched, *, standalone: bool) -> dict[str, Any]:
    line = matched.line
    sku = line.component_sku or matched.sku
    entry: dict[str, Any] = {
        "line_id": line.line_id,
        "order_line": matched.number,
        "order_line_id": line.order_line_id,
        "sku": sku,
        "item": case.profile.sku_code(sku, case.account),
        "quantity": line.quantity,
    }
    if line.reason:
        entry["reason"] = case.profile.reason_code(line.reason, case.account)
    if standalone:
        entry["amount"] = to_text(line.unit_price * line.quantity, ret.currency)
        tax = case.profile.tax_code(line.tax_code, case.account)
        entry["tax"], entry["tax_code"] = to_text(line.tax_amount, ret.currency), tax.code
    return entry


def _used(case: Case, ret: Return, order: Any) -> dict[str, int]:
    """Units of each order line that other authorisations hold: people's in the account, and ours of other returns.

    One that a person may have made for this very return (L01) is not another: the dispatcher adopts it, or asks.
    """
    used: dict[str, int] = {}
    return_id = ret.return_id
    own = _units(case, ret, order) if case.adopt_since(return_id) is not None else None
    ours = {position.command_id for position in case.all_placed(DocumentKind.RETURN_AUTHORISATION)}
    ours |= set(case.row.issued)
    for earlier in order.get("returns", ()):
        if earlier["external_ref"] in ours or earlier["status"] in ("closed", "cancelled", "rejected"):
            continue
        units: Counter[str] = Counter()
        for line in earlier["lines"]:
            units[str(line["order_line"])] += int(line["quantity"])
        if earlier["external_ref"] or units != own:
            for number, quantity in units.items():
                used[number] = used.get(number, 0) + quantity
    for position in case.all_placed(DocumentKind.RETURN_AUTHORISATION):
        other = case.returns.get(position.about.return_id)
        if position.about.return_id == return_id and position.body is None:
            continue
        if position.body is None or other is None or other.state in CLOSED_RETURN or position.void:
            continue
        if is_closed(case, position.about.subject):
            continue
        if position.about.return_id == return_id:
            continue  # covered lines of this return are left out by their line id
        for line in position.body["lines"]:
            used[str(line["order_line"])] = used.get(str(line["order_line"]), 0) + int(line["quantity"])
    return used


def _units(case: Case, ret: Return, order: Any) -> Counter[str]:
    """What the return sends back of each order line."""
    units: Counter[str] = Counter()
    for line in ret.lines:
        matched = match(case, order, line)
        if isinstance(matched, Matched) and not line.fault and not matched.is_service:
            units[matched.number] += line.quantity
    return units


def _over_returned(matched: Matched, room: int) -> Held:
    line = matched.line
    sentence = (
        f"Line {line.line_id} ({line.sku}) returns {line.quantity}; of {matched.bought} bought, "
        f"{matched.sold} were sent and {max(room, 0)} can still come back."
    )
    return Held(ErrorKind.MISMATCH, sentence, Owner.WAREHOUSE, part=line.line_id)


# -- closing


def each_closed_return(case: Case) -> Iterator[About]:
    """Each authorisation of a return that Reveni rejected or that was cancelled (R13), or that another one replaces."""
    from streams.playbook import About, State

    for position in list(case.all_placed(DocumentKind.RETURN_AUTHORISATION)):
        ret = case.returns.get(position.about.return_id)
        if ret is None or position.state not in (State.DONE, State.SHADOWED):
            continue
        piece: Authorised = position.about.piece
        was_sent = case.command_id(DocumentKind.RETURN_CLOSING, position.about.subject) in case.row.issued
        if ret.state in CLOSED_RETURN or piece.replaced or (piece.differs and was_sent):
            yield About(position.about.subject, ret.return_id, piece=position)


def notes_are_made(case: Case, about: About) -> None:
    """A credit note on its way is made from the authorisation, so that stays open until the note has ended."""
    from streams.playbook import State

    for kind in (DocumentKind.CREDIT_NOTE, DocumentKind.ITEM_RECEIPT):
        for position in case.placed_for(kind, about.return_id):
            if position.state in (State.IN_FLIGHT, State.READY, State.VOIDING):
                raise Stop(Waits(kind.value, f"the {kind.value.replace('_', ' ')} is on its way"))


def closing(case: Case, about: About) -> Ready:
    position: Position = about.piece
    return Ready(
        {
            "order_id": case.row.order_key,
            "return_id": about.return_id,
            "source": {"kind": "return_authorisation", "number": position.number},
        }
    )
