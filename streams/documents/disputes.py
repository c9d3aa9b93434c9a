"""Why a person has to look before a credit note is posted: amounts, prices and twins (R06, R11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streams.case import Case
from streams.clearing import AMOUNT_ONLY
from streams.documents.books import Books
from streams.documents.order import sold_on
from streams.documents.refunds import NOTE, Credited, is_reversed
from streams.documents.sold import prices
from streams.money import spoken
from streams.refund import Refund
from streams.returns import Return
from streams.verdicts import Held, hold
from streams.vocabulary import ErrorKind, OutcomeStatus, Owner

if TYPE_CHECKING:
    from streams.playbook import About


def difference(
    case: Case, about: About, account: Books, order: Mapping[str, Any], body: Mapping[str, Any]
) -> Held | None:
    """R06: the refunds against what the return comes to, and its prices against the order's; until said yes to.

    Both are told of the return, not of the note's own lines, so that it is the same whether the note is posted or not.
    """
    credited: Credited = about.piece
    if credited.refund.kind in AMOUNT_ONLY:
        return None
    flag = case.command_id(NOTE, f"{about.subject}#{ErrorKind.MISMATCH.value}")
    if case.rulings("approve", flag) or case.rulings("post_anyway", flag):
        return None
    found = account.disagreement
    if found is not None:
        return Held(found.kind, found.sentence, found.owner, body=body)
    return _price_drift(case, credited.ret, account, order, body)


def other_notes(case: Case, about: About) -> list[Mapping[str, Any]]:
    """The bodies of the order's other notes, over all its returns, that stand or are on their way.

    Whether this evaluation has come to them or not.
    """
    bodies: dict[str, Mapping[str, Any]] = {}
    for issued in case.row.issued.values():
        command = issued.command
        if command.kind is not NOTE or command.account != case.account:
            continue
        posted = case.done_body(NOTE, command.subject)
        if posted is not None:
            bodies[command.subject] = posted
        elif case.row.may_turn_up(issued):
            bodies[command.subject] = command.body
    for position in case.all_placed(NOTE):
        if position.body is not None:
            bodies[position.about.subject] = position.body
    return [body for subject, body in bodies.items() if subject != about.subject and not is_reversed(case, subject)]


def hold_twins(case: Case, about: About, body: Mapping[str, Any]) -> None:
    twin = _twin(case, about)
    if twin is not None:
        refund: Refund = about.piece.refund
        raise hold(
            ErrorKind.DUPLICATE,
            Owner.FINANCE,
            f"Refunds {twin} and {refund.refund_id} have the same lines and amount "
            f"({spoken(refund.amount, refund.currency)}). {refund.refund_id} waits.",
            body=body,
        )


def _twin(case: Case, about: About) -> str | None:
    """R11: another return's paid refund with equal lines and amount, decided before this one."""
    credited: Credited = about.piece
    mine = _fingerprint(credited.ret, credited.refund)
    if credited.before or mine is None:
        return None
    for ret in case.returns.values():
        if ret.return_id == credited.ret.return_id:
            continue
        for refund in ret.refunds:
            if refund.state != "paid" or _fingerprint(ret, refund) != mine:
                continue
            if _was_decided_first(case, (ret.return_id, refund.refund_id), (credited.ret.return_id, about.subject)):
                return refund.refund_id
    return None


def _was_decided_first(case: Case, other: tuple[str, str], mine: tuple[str, str]) -> bool:
    """Whether another refund's note, named by return and subject, comes before this one's.

    What is posted comes before what was asked for, and that before what was not, or was called off; of equals the
    lower return. A note on its way was called off for the sake of one that came later, and neither was posted.
    """
    cid = case.command_id(NOTE, other[1])
    if case.ruling("reject", cid):
        return False
    theirs, ours = _progress(case, other[1]), _progress(case, mine[1])
    if theirs == ours == _ASKED_FOR and (case.ruling("approve", cid) or case.ruling("post_anyway", cid)):
        return False  # somebody looked at both
    return (-theirs, other[0]) < (-ours, mine[0])


_NOTHING, _ASKED_FOR, _POSTED = range(3)


def _progress(case: Case, subject: str) -> int:
    """How far a note is; one that was refused is still asked for, until somebody says otherwise."""
    if case.done_body(NOTE, subject) is not None:
        return _POSTED
    issued = case.row.issued.get(case.command_id(NOTE, subject))
    if issued is None:
        return _NOTHING
    last = case.row.outcome_of(issued.command.id).last
    was_refused = last is not None and last["status"] == OutcomeStatus.REFUSED.value
    return _ASKED_FOR if was_refused or not case.row.is_settled(issued) else _NOTHING


def _fingerprint(ret: Return, refund: Refund) -> tuple[Any, ...] | None:
    if not ret.lines or refund.kind in AMOUNT_ONLY or refund.fault:
        return None
    # The returns' own words for their lines: two lines of one SKU and price are two lines here, also where the account
    # cannot tell them apart.
    lines = sorted((line.order_line_id or line.sku, line.quantity) for line in ret.lines if line.request != "exchange")
    return (refund.kind, refund.amount, refund.currency, tuple(lines)) if lines else None


def _price_drift(
    case: Case, ret: Return, account: Books, order: Mapping[str, Any], body: Mapping[str, Any]
) -> Held | None:
    """R06: the prices and tax of the lines that count, against the ERP order's less its discounts."""
    worth = prices(order, ret.currency)
    counted = {piece.line_id for piece in account.pieces if piece.line_id}
    tolerance = case.profile.tolerances.minor_units_per_line
    for line in ret.lines:
        if line.line_id not in counted or line.component_sku:
            continue
        entry = next(iter(sold_on(case, order, line, ret.currency).rows), None)
        price = worth.get(str(entry["order_line"])) if entry is not None else None
        if entry is None or price is None or not int(entry["quantity"]):
            continue
        bought = int(entry["quantity"])
        for what, mine, least, most in (
            ("price", line.value, price.amount, price.amount),
            ("tax", line.tax_amount, price.least_tax, price.most_tax),
        ):
            # compared for the units of the whole order line, so that no division rounds
            off = mine * bought - min(max(mine * bought, least * line.quantity), most * line.quantity)
            minor = off // bought if off > 0 else -(-off // bought)  # less than one is the rounding of a share
            if abs(minor) > tolerance * line.quantity:
                sentence = (
                    f"Line {line.line_id}: the {what} in the return differs from the order in {case.title} "
                    f"by {spoken(minor, ret.currency)} ({minor} minor units)."
                )
                return Held(ErrorKind.MISMATCH, sentence, Owner.FINANCE, body=body)
    return None
