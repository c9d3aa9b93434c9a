"""Credit notes: one for each paid refund, for exactly its amount (R03-R12, R21), and what follows from them.

The amounts are worked out by `streams.clearing`; here they become documents: which form, which codes, what holds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from streams.case import Case
from streams.clearing import AMOUNT_ONLY, NoteLine, NotePlan
from streams.commands import body_hash
from streams.components import expected
from streams.documents.authorisation import not_being_replaced
from streams.documents.books import Books, books
from streams.documents.caps import stay_within
from streams.documents.disputes import difference, hold_twins
from streams.documents.order import CLOSED_RETURN, expect_currency, match, services, snapshot
from streams.documents.outgrown import is_closed
from streams.documents.receiving import among_equals
from streams.documents.refunds import NOTE, Credited, Unrefunded
from streams.documents.room import asked_before, taken_by_others
from streams.documents.siblings import wait_for_siblings
from streams.documents.unknown import wait_for_unknown
from streams.money import largest_remainder, spoken, to_minor, to_text
from streams.order_lines import allot
from streams.registers import paid_news
from streams.returns import Return
from streams.verdicts import Held, NotNeeded, Ready, Stop, Waits, hold
from streams.vocabulary import DocumentKind, ErrorKind, Owner

if TYPE_CHECKING:
    from streams.playbook import About, Position

# -- the note


def credit_note(case: Case, about: About) -> Ready:
    """The note for one refund; held where money does not add up, waiting where a line it covers is held."""
    if isinstance(about.piece, Unrefunded):
        raise Stop(_owed(case, about.piece.ret))
    credited: Credited = about.piece
    ret, refund = credited.ret, credited.refund
    order = snapshot(case, ret.return_id)
    account = books(case, ret, order)
    posted = case.done_body(NOTE, about.subject)
    if posted is not None:
        left = to_text(min(credited.amount, to_minor(posted["amount"], posted["currency"])), refund.currency)
        said_yes = case.allowed(case.command_id(NOTE, about.subject), body_hash(posted))
        flagged = None if said_yes else difference(case, about, account, order, posted)
        return Ready({**posted, "amount": left, "currency": refund.currency}, flagged=flagged)
    expect_currency(case, order, refund.currency, f"Refund {refund.refund_id}")
    if account.uncountable is not None and refund.kind not in AMOUNT_ONLY:
        raise Stop(account.uncountable)
    disagreement = account.disagreement
    if disagreement is not None and disagreement.reason == "negative" and refund.kind not in AMOUNT_ONLY:
        raise hold(disagreement.kind, disagreement.owner, disagreement.sentence)
    plan = account.plans.get(about.subject)
    if plan is None:
        raise Stop(_no_plan(account, credited))
    body = _body(case, about, plan, order)
    hold_twins(case, about, body)
    held = difference(case, about, account, order, body)
    if held is not None and case.profile.policies.on_mismatch == "hold":
        raise Stop(held)
    wait_for_unknown(case, {NOTE}, body)
    stay_within(case, about, plan, body, order)
    _wait_for_held_lines(case, about, plan, body)
    _lines_stand_alone(case, about, order, body)
    wait_for_siblings(case, about, account)
    return Ready(body, flagged=held)


def _owed(case: Case, ret: Return) -> Held | NotNeeded:
    """A return that comes to less than nothing, and no refund that would say so: the shopper owes the difference."""
    order = case.answered(DocumentKind.ORDER_SNAPSHOT, f"order/{ret.return_id}")
    if order is None or order.get("found") != 1:
        return NotNeeded("the order is not known")  # its authorisation and its exchange say so
    account = books(case, ret, order)
    found = account.disagreement
    if found is None or found.reason != "negative":
        return NotNeeded("nothing is owed by the shopper")
    worth = (to_text(-expected(account.pieces), found.currency), found.currency)
    return Held(found.kind, found.sentence, found.owner, worth=worth)


def _no_plan(account: Books, credited: Credited) -> Held | NotNeeded:
    refund = credited.refund
    if account.disagreement is not None:
        found = account.disagreement
        return Held(found.kind, found.sentence, found.owner)
    if refund.kind not in ("goods", *AMOUNT_ONLY):
        sentence = f"Refund {refund.refund_id} is of kind {refund.kind or '(none)'}, which is not known here."
        return Held(ErrorKind.INVALID, sentence, Owner.ENGINEERING)
    return NotNeeded("nothing is left to credit")


def _wait_for_held_lines(case: Case, about: About, plan: NotePlan, body: Mapping[str, Any]) -> None:
    """R16: a note that covers a held line waits for it, unless an operator says post."""
    noted = {line.line_id for line in plan.lines if line.line_id}
    for position in case.placed_for(DocumentKind.RETURN_AUTHORISATION, about.return_id):
        for held in position.notes:
            if held.part in noted:
                letter = case.command_id(position.kind, position.letter_subject(held))
                why = f"it covers line {held.part}, which is held: {held.sentence}"
                raise Stop(Waits(f"letter:{letter}", why, "credit_note", body=body))


def _lines_stand_alone(case: Case, about: About, order: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    """R16 where no authorisation says it: the return is off, and a line of the note is archived, or was not bought."""
    if body["form"] != "standalone":
        return
    ret: Return = about.piece.ret
    noted = {entry.get("line_id") for entry in body["lines"]}
    for line in ret.lines:
        if line.line_id and line.line_id in noted:
            found = match(case, order, line, ret.currency)
            if isinstance(found, Held):
                raise hold(found.kind, found.owner, found.sentence, body=body, key=found.mapping_key)


# -- how a plan becomes a document


def _body(case: Case, about: About, plan: NotePlan, order: Mapping[str, Any]) -> dict[str, Any]:
    credited: Credited = about.piece
    refund = credited.refund
    sold_as = services(case, credited.ret, order)
    authorised = _authorisation_for(case, about, plan, sold_as)
    lines = [entry for line in plan.lines for entry in _line(case, about, line, authorised, sold_as)]
    body: dict[str, Any] = {
        "order_id": case.row.order_key,
        "return_id": credited.ret.return_id,
        "refund_id": refund.refund_id,
        "currency": refund.currency,
        "amount": to_text(plan.amount, refund.currency),
        "form": "from_return" if authorised is not None else "standalone",
        "customer": {"number": order["customer"]["number"]},
        "lines": lines,
        "method": case.profile.refund_method(refund.method, case.account) if refund.method else "",
        "date": refund.executed_at or case.heard(credited.ret.return_id, paid_news(refund.refund_id)),
        "on_closed_period": case.profile.policies.closed_period,
        "plan": plan.to_json(),
    }
    if authorised is not None:
        body["source"] = {"kind": "return_authorisation", "number": authorised.number}
    return body


def _authorisation_for(case: Case, about: About, plan: NotePlan, sold_as: Mapping[str, str]) -> Position | None:
    """The open authorisation that holds every line of the note; without one the note stands alone.

    Services were never sent, so no authorisation holds them: they go as lines of the note's own.
    """
    from streams.playbook import State

    credited: Credited = about.piece
    noted = {line.line_id for line in plan.lines if line.line_id} - sold_as.keys()
    if not noted or (credited.ret.state in CLOSED_RETURN and _is_closed(case, about.return_id)):
        return None
    not_being_replaced(case, about)
    for position in case.placed_for(DocumentKind.RETURN_AUTHORISATION, about.return_id):
        if position.state not in (State.DONE, State.SHADOWED) or position.body is None:
            continue
        if is_closed(case, position.about.subject):
            continue
        if noted <= {str(line["line_id"]) for line in position.body["lines"]}:
            return position
    return None


def _is_closed(case: Case, return_id: str) -> bool:
    return any(
        case.command_id(DocumentKind.RETURN_CLOSING, position.about.subject) in case.row.issued
        for position in case.placed_for(DocumentKind.RETURN_AUTHORISATION, return_id)
    )


def _line(
    case: Case, about: About, line: NoteLine, authorised: Position | None, sold_as: Mapping[str, str]
) -> list[dict[str, Any]]:
    """What a note says of one component; a line that stands on several rows of its authorisation names each."""
    credited: Credited = about.piece
    ret, currency = credited.ret, credited.refund.currency
    entry: dict[str, Any] = {
        "component": line.kind,
        "key": line.component_key,
        # A further note on units that an earlier one counted carries an amount only; a document's line has a unit all
        # the same (the simulated NetSuite refuses 0), so it is named once more.
        "quantity": max(1, line.quantity),
        "amount": to_text(line.amount, currency),
    }
    if not line.line_id:
        item = case.profile.item_for(line.kind, case.account)
        tax = case.profile.tax_code(item.tax_code, case.account)
        entry |= {"item": item.code, "tax": to_text(line.tax, currency), "tax_code": tax.code, "tax_rate": tax.rate}
        return [entry]
    returned = next(item for item in ret.lines if item.line_id == line.line_id)
    tax = case.profile.tax_code(returned.tax_code, case.account)
    sku = case.sku_name(returned.component_sku or returned.sku)
    entry |= {
        "line_id": line.line_id,
        "sku": sku,
        "item": case.profile.sku_code(sku, case.account),
        "order_line_id": returned.order_line_id,
        "tax": to_text(line.tax, currency),
        "tax_code": tax.code,
        "tax_rate": tax.rate,
    }
    if line.line_id in sold_as:
        entry["sold_as"] = sold_as[line.line_id]
    body = authorised.body if authorised is not None else None
    if authorised is None or body is None:
        return [entry]
    rows = {str(row["order_line"]): row for row in body["lines"] if row["line_id"] == line.line_id}
    if not rows:
        return [entry]  # a service: it was never sent, so that no authorisation holds it
    units = _over_rows(case, about, authorised, line, rows)
    amounts, taxes = (largest_remainder(total, list(units.items())) for total in (line.amount, line.tax))
    return [
        entry
        | {
            "order_line": number,
            "item": rows[number]["item"],
            **among_equals(body, rows[number]),
            "quantity": count,
            "amount": to_text(amounts[number], currency),
            "tax": to_text(taxes[number], currency),
        }
        for number, count in units.items()
    ]


def _over_rows(
    case: Case, about: About, authorised: Position, line: NoteLine, rows: Mapping[str, Mapping[str, Any]]
) -> dict[str, int]:
    """By row of the authorisation, how many of the line's units a note credits there."""
    units = max(1, line.quantity)
    if len(rows) < 2:
        return dict.fromkeys(rows, units)
    taken = taken_by_others(case, NOTE, about.subject, authorised.number, line.line_id)
    before = asked_before(case, NOTE, about.subject, line.line_id)
    return allot([(number, int(row["quantity"]) - taken[number]) for number, row in rows.items()], units, before)


def note_changed(posted: Any, wanted: Any) -> str:
    """What Finance has to see when a refund shrank after its note was posted; growth becomes a supplement."""
    currency = posted["currency"]
    if wanted["currency"] != currency:
        return f"The note was posted in {currency}; the refund is now in {wanted['currency']}."
    before, after = to_minor(posted["amount"], currency), to_minor(wanted["amount"], currency)
    if after >= before:
        return ""
    return (
        f"The note was posted for {spoken(before, currency)}; the refund is now {spoken(after, currency)}: "
        f"{spoken(before - after, currency)} too much is credited."
    )


# -- after the note


def each_posted_note(case: Case) -> Iterator[About]:
    """Each credit note that stands, for its application to the invoice (R05)."""
    from streams.playbook import About, State

    for position in list(case.all_placed(NOTE)):
        if position.state in (State.DONE, State.SHADOWED) and position.body is not None:
            about = position.about
            yield About(about.subject, about.return_id, about.refund_id, position, about.worth)


def each_failed_note(case: Case) -> Iterator[About]:
    """Each posted note whose refund failed afterwards (R10)."""
    for about in each_posted_note(case):
        credited: Credited = about.piece.about.piece
        if credited.refund.state == "failed":
            yield about


def reversal(case: Case, about: About) -> Ready:
    """A document of its own, made after approval."""
    position: Position = about.piece
    note = position.body or {}
    body = {
        "order_id": case.row.order_key,
        "return_id": about.return_id,
        "refund_id": about.refund_id,
        "currency": note["currency"],
        "amount": note["amount"],
        "source": {"kind": NOTE.value, "number": position.number},
        "date": "",  # of the decision
        "on_closed_period": case.profile.policies.closed_period,
    }
    raise hold(
        ErrorKind.MISMATCH,
        Owner.FINANCE,
        f"Refund {about.refund_id} failed after credit note {position.number} was posted; "
        "approve the reversal, or say that it was paid another way.",
        body=body,
    )
