"""The return authorisation: at once, before the parcel arrives, line by line against what was bought (R01, R02)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.bundles import NotDivisible, explode
from streams.case import Case
from streams.clearing import chain
from streams.commands import Body
from streams.documents import outgrown
from streams.documents.books import bundle_of
from streams.documents.order import CLOSED_RETURN, Matched, expect_currency, in_scope, match, snapshot
from streams.documents.outgrown import is_closed
from streams.documents.room import asked_before, room_for
from streams.money import to_text
from streams.profile import Unmapped
from streams.registers import line_news
from streams.returns import Return
from streams.verdicts import Held, Ready, Stop, Waits, skip
from streams.vocabulary import DocumentKind, ErrorKind, Owner

if TYPE_CHECKING:
    from streams.playbook import About, Position

RMA = DocumentKind.RETURN_AUTHORISATION


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
        cid = case.command_id(RMA, ret.return_id)
        return cid not in case.row.issued, ret.return_id

    for ret in sorted(case.returns.values(), key=decided_first):
        covered: set[str] = set()
        wanted = {line.line_id for line in ret.lines if line.line_id}
        waits = False
        for subject in chain(ret.return_id):
            body = case.done_body(RMA, subject)
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
    differs = outgrown.difference(case, ret, body)
    return Authorised(ret, covered, body, differs, outgrown.is_replaced(case, subject, differs))


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
        flagged = None if piece.replaced else _unreadable(piece) or _beside(case, about.subject, piece)
        return Ready(piece.posted, flagged=flagged)
    ret = piece.ret
    order = snapshot(case, ret.return_id)
    expect_currency(case, order, ret.currency, f"Return {ret.return_id}")
    standalone = order["status"] == "closed"
    room = room_for(case, ret, order)
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
        matched = match(case, order, line, ret.currency)
        if isinstance(matched, Held):
            held.append(matched)
            continue
        if matched.is_service:
            continue  # never sent: it is credited, nothing of it comes back
        if line.quantity > room.of(matched):
            held.append(_over_returned(matched, room.of(matched)))
            continue
        try:
            entry = _line(case, ret, matched, standalone=standalone)
        except Unmapped as missing:
            held.append(
                Held(ErrorKind.UNMAPPED, missing.sentence, missing.owner, mapping_key=missing.key, part=line.line_id)
            )
            continue
        except NotDivisible as reason:
            sentence = f"Line {line.line_id}: {reason.sentence}"
            held.append(Held(reason.kind, sentence, reason.owner, part=line.line_id))
            continue
        rows = room.allot(matched, asked_before(case, RMA, about.subject, line.line_id))
        if standalone:  # it names no order line
            lines.append({**entry, "order_line": rows[0][0].number})
        else:
            lines += [{**entry, "order_line": place.number, "quantity": units} for place, units in rows]
    if piece.replaced:
        why = "an authorisation that no longer says what comes back is being closed"
        raise Stop(Waits(DocumentKind.RETURN_CLOSING.value, why, "return_authorisation", held=tuple(held)))
    if not lines:
        why = "every line waits for a person" if held else "every line has its authorisation, or was never sent"
        raise Stop(Waits("decision", why, held=tuple(held))) if held else skip(why)
    told = {line.line_id: line.quantity for line in ret.lines}
    body: dict[str, Any] = {
        "order_id": case.row.order_key,
        "return_id": ret.return_id,
        "currency": ret.currency,
        "form": "standalone" if standalone else "from_order",
        "customer": {"number": order["customer"]["number"]},
        "lines": lines,
        "date": case.heard(ret.return_id, *(line_news(line["line_id"], told[line["line_id"]]) for line in lines)),
    }
    if not standalone:
        body["source"] = {"kind": "sales_order", "number": order["number"]}
    return Ready(body, held=tuple(held))


def _unreadable(piece: Authorised) -> Held | None:
    """Lines of an authorisation that is made, of which a newer message makes no sense: it stands as it is."""
    faults = [line.fault for line in piece.ret.lines if line.fault and line.line_id in piece.covered]
    if not faults or piece.ret.state in CLOSED_RETURN:
        return None
    return Held(ErrorKind.INVALID, " ".join(faults), Owner.ENGINEERING)


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
    for position in case.placed_for(RMA, about.return_id):
        piece = position.about.piece
        if piece.posted is not None and piece.replaced:
            why = "the return authorisation is being replaced"
            raise Stop(Waits(RMA.value, why))


def _line(case: Case, ret: Return, matched: Matched, *, standalone: bool) -> dict[str, Any]:
    line = matched.line
    sku = matched.part or matched.sku
    entry: dict[str, Any] = {
        "line_id": line.line_id,
        "order_line_id": line.order_line_id,
        "sku": sku,
        "item": case.profile.sku_code(sku, case.account),
        "quantity": line.quantity,
    }
    if line.reason:
        entry["reason"] = case.profile.reason_code(line.reason, case.account)
    if standalone:
        value, tax = line.value, line.tax_amount
        if line.component_sku is not None:
            (part,) = explode(line, bundle_of(case, matched.order_line, line, ret.currency))
            value, tax = part.amount, part.tax
        code = case.profile.tax_code(line.tax_code, case.account).code
        entry |= {"amount": to_text(value, ret.currency), "tax": to_text(tax, ret.currency), "tax_code": code}
    return entry


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

    for position in list(case.all_placed(RMA)):
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
