"""What one return comes to and how its notes share it: worked out once for each evaluation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from streams.bundles import Bundle, NotDivisible, read_parts
from streams.case import Case
from streams.clearing import Mismatch, NotePlan, allocate, chain, check, tolerance_of
from streams.components import Component, Uncountable, components, counted_quantity
from streams.documents.order import sold_on
from streams.returns import Return, ReturnLine
from streams.verdicts import Held
from streams.vocabulary import DocumentKind

NOTE = DocumentKind.CREDIT_NOTE


@dataclass(frozen=True, slots=True)
class Books:
    """A return's components, the plans of its notes, and whether its refunds agree with what it comes to."""

    pieces: tuple[Component, ...]
    plans: Mapping[str, NotePlan]  # by subject
    frozen: Mapping[str, NotePlan]  # those that are posted and stand
    disagreement: Mismatch | None
    uncountable: Held | None  # it cannot be said what the return comes to


def books(case: Case, ret: Return, order: Mapping[str, Any]) -> Books:
    """The return's books against the stored order."""
    found: Books | None = case.books.get(ret.return_id)
    if found is None:
        found = case.books[ret.return_id] = _work_out(case, ret, order)
    return found


def _work_out(case: Case, ret: Return, order: Mapping[str, Any]) -> Books:
    frozen, reversed_subjects = _posted(case, ret)
    taxes = case.profile.item_taxes(case.account)
    uncountable: Held | None = None
    try:
        pieces = components(ret, _bundles(case, ret, order), taxes)
    except (Uncountable, NotDivisible) as error:
        pieces = ()
        part = getattr(error, "line_id", "")
        uncountable = Held(error.kind, error.sentence, error.owner, code=f"line {part}" if part else "")
    per_line = case.profile.tolerances.minor_units_per_line
    plans = allocate(
        pieces,
        ret.refunds,
        frozen,
        currency=ret.currency,
        tolerance=tolerance_of(ret, per_line),
        taxes=taxes,
        reversed_subjects=reversed_subjects,
    )
    verdict = None if uncountable else check(ret, pieces, per_line=per_line, overdue=_overdue(case, ret))
    return Books(pieces, plans, frozen, verdict if isinstance(verdict, Mismatch) else None, uncountable)


def _posted(case: Case, ret: Return) -> tuple[dict[str, NotePlan], set[str]]:
    frozen: dict[str, NotePlan] = {}
    taken_back: set[str] = set()
    for refund in (refund for refund in ret.refunds if not refund.mark):
        for subject in chain(refund.refund_id):
            body = case.done_body(NOTE, subject)
            if body is None:
                break
            if case.done_body(DocumentKind.REVERSAL, subject) is not None:
                taken_back.add(subject)
            else:
                frozen[subject] = NotePlan.from_json(body["plan"])
    return frozen, taken_back


def _overdue(case: Case, ret: Return) -> bool:
    """Whether the return's progress deadline has passed, by when it was first heard of."""
    limit, heard = case.profile.deadlines.get("progress"), case.heard(ret.return_id)
    return limit is not None and heard != "" and case.now - datetime.fromisoformat(heard) > limit


def bundle_of(case: Case, row: Mapping[str, Any], line: ReturnLine, currency: str) -> Bundle:
    """The bundle of an order line as the order stored it; the returned part is called what the line calls it."""
    part = line.component_sku or ""
    stored = (
        {**entry, "sku": part} if case.same_sku(str(entry.get("sku")), part) else entry for entry in row["components"]
    )
    return Bundle(read_parts(stored, currency))


def _bundles(case: Case, ret: Return, order: Mapping[str, Any]) -> dict[str, Bundle]:
    """By line id, the stored bundle a part of which comes back, and the units that other returns counted before."""
    found: dict[str, Bundle] = {}
    for line in ret.lines:
        if not line.component_sku or line.line_total is not None or line.fault:
            continue  # a line total is the part's own value
        rows = sold_on(case, order, line, ret.currency)
        if not rows.rows:
            continue
        before: Counter[str] = Counter()
        for other in case.returns.values():
            for one in other.lines if other.return_id < ret.return_id else ():
                same_part = case.same_sku(one.component_sku or "", line.component_sku)
                if same_part and sold_on(case, order, one, other.currency).first == rows.first:
                    before[line.component_sku] += counted_quantity(other, one)
        stored = bundle_of(case, rows.rows[0], line, ret.currency)
        found[line.line_id] = replace(stored, counted_before=before, name=rows.first)
    return found
