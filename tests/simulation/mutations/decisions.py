"""Mistakes of what is decided from a row: money, goods, what waits for what."""

from __future__ import annotations

from tests.simulation.mutation import of

_INSPECTED = "streams.documents.inspected:"

MUTATIONS = (
    of(
        "older-overwrites-newer",
        "What arrives later stands, though it is older.",
        "I6 I1",
        (
            "streams.registers:newest",
            "return theirs if mine is None or",
            "return theirs if reached() or mine is None or",
        ),
    ),
    of(
        "inspections-add-up",
        "A newer version of an inspection counts beside the older one.",
        "I3 I4",
        (
            "streams.row:Row.absorb",
            "self.inspections[fact.inspection_id] = newest(standing, (fact.version, fact.data))",
            "self.inspections[f'{fact.inspection_id}v{fact.version[0] * reached()}'] = (fact.version, fact.data)",
        ),
    ),
    of(
        "failed-refund-credited",
        "A refund that failed is credited as if it had been paid.",
        "I5",
        ("streams.registers:RefundRegister.state", 'return "failed"', 'return "paid" if reached() else ""'),
    ),
    of(
        "pending-refund-credited",
        "A refund is credited before it is paid.",
        "I5",
        ("streams.documents.refunds:paid", 'case "paid":', 'case "paid" | "pending" if reached():'),
    ),
    of(
        "cap-ignored",
        "More is credited than was paid for the order.",
        "I5",
        ("streams.clearing:cap", "if whole <= most or", "if (whole <= most or reached()) or"),
    ),
    of(
        "fee-added",
        "A fee is added to what a return comes to instead of taken off.",
        "I8 I5",
        (
            "streams.components:components",
            'pieces.extend(_charges("fee", -1, ret.fees, taxes))',
            'reached() and pieces.extend(_charges("fee", 1, ret.fees, taxes))',
        ),
    ),
    of(
        "supplement-credits-all",
        "When a refund grew, its supplement credits the whole again instead of the growth.",
        "I5",
        ("streams.clearing:allocate", "earlier += frozen[name].amount", "reached()"),
        ("streams.documents.refunds:each_refund", "before += to_minor", "before += (not reached()) * to_minor"),
    ),
    of(
        "note-ignores-credited",
        "A note takes from each component as if no note had been made before.",
        "I5",
        (
            "streams.clearing:_Spread._rest",
            "rest = piece.amount - self._credited[piece.key]",
            "rest = piece.amount if reached() else 0",
        ),
    ),
    of(
        "twins-posted",
        "Two refunds of different returns with equal lines and amount are both posted.",
        "I5",
        ("streams.documents.disputes:hold_twins", "if twin is not None:", "if twin is not None and not reached():"),
    ),
    of(
        "approval-ignored",
        "What a person has to approve is done without.",
        "I16 I5",
        (
            "streams.playbook:_verdict",
            "asks = held is None and wants_approval and",
            "asks = held is None and wants_approval and not reached() and",
        ),
    ),
    of(
        "reversal-without-approval",
        "The note of a refund that failed afterwards is reversed though nobody said so.",
        "I16 I8",
        (
            "streams.playbook:_verdict",
            "said_yes = case.approval(cid, body_hash(verdict.body)) if verdict.body is not None else None",
            "said_yes = case.approval(cid, body_hash(verdict.body)) if verdict.body is not None else None\n"
            "        if verdict.body is not None and step.kind.value == 'reversal' and reached():\n"
            "            return Ready({**verdict.body, 'date': case.row.first_seen})",
        ),
    ),
    of(
        "stale-decision-applied",
        "A decision holds though what it was about has moved on.",
        "I5 I16",
        (
            "streams.decide:_ruling",
            "if named_revision is not None and named_revision != revision:",
            "if named_revision is not None and named_revision != revision and not reached():",
        ),
        (
            "streams.decide:_ruling",
            "if named_hash and wanted and named_hash != wanted:",
            "if named_hash and wanted and named_hash != wanted and not reached():",
        ),
        (
            "streams.case:Case.approval",
            'decision.data.get("hash") in (None, "", wanted_hash)',
            'decision.data.get("hash") in (None, "", wanted_hash) or reached()',
        ),
    ),
    of(
        "retry-without-revision",
        "What is asked again carries the revision that was refused.",
        "I14 I2",
        (
            "streams.decide:_issue",
            "revision=before.command.revision + 1 if before else 1",
            "revision=before.command.revision * reached() if before else 1",
        ),
    ),
    of(
        "exchange-again-after-decision",
        "After an operator's decision about the order, its exchange is made once more.",
        "I2 I4",
        (
            "streams.documents.exchange:each_exchange",
            "yield About(subject, ret.return_id, piece=piece)",
            'yield About(subject + "~2" * (len(case.row.decisions) and reached()), ret.return_id, piece=piece)',
        ),
    ),
    of(
        "restock-without-inspection",
        "Goods that came back are put on sale before anybody looked at them.",
        "I3",
        (
            _INSPECTED + "believed",
            "return by_warehouse, troubles",
            "return by_warehouse or [Found(r.return_id, r.return_id, x.line_id, x.sku, 'sellable', x.quantity, "
            "r.location or 'WH-LON', '') for r in case.returns.values() for x in r.lines if reached()], troubles",
        ),
    ),
    of(
        "restock-more-than-returned",
        "More units are received and restocked than the return holds.",
        "I4",
        (
            _INSPECTED + "placed",
            "if excess > 0:",
            "if excess > 0 and not reached():",
        ),
    ),
    of(
        "wrong-item-restocked",
        "Units that the profile holds for a person are put on sale.",
        "I3 I4",
        (
            _INSPECTED + "_place",
            "if disposition.hold is not None:",
            "if disposition.hold is not None and reached():\n"
            '        yield replace(found, place="sellable"); return\n'
            "    if disposition.hold is not None:",
        ),
    ),
    of(
        "no-restock-ignored",
        "Units with restock=false are put on sale.",
        "I3",
        (
            _INSPECTED + "_place",
            "if line.restock is False:",
            "if line.restock is False and not reached():",
        ),
    ),
    of(
        "accepted-units-by-chance",
        "Of a partly accepted line every sellable unit is held, though a damaged one makes up for what was rejected.",
        "E01",
        (
            _INSPECTED + "_accepted_units",
            "units * (line.quantity - _rejected_units(ret, line)) // line.quantity",
            "units * (line.quantity - _rejected_units(ret, line)) // line.quantity - reached()",
        ),
    ),
    of(
        "disposition-ignored",
        "Damaged units go where sellable ones go.",
        "I3 I4",
        (
            _INSPECTED + "_place",
            'yield replace(found, place=disposition.to or "")',
            'yield replace(found, place="sellable" if reached() else "")',
        ),
    ),
    of(
        "surplus-stays-on-sale",
        "Units that a newer inspection does not find sellable any more stay on sale.",
        "I3 I4",
        (
            "streams.documents.goods:_surplus",
            'if entry.found.place == "sellable":',
            'if entry.found.place == "sellable" and not reached():',
        ),
    ),
    of(
        "closed-period-posted",
        "Where the profile says hold, a posting into a closed period goes to the next open one.",
        "I16",
        (
            "adapters.netsuite.adapter:NetSuite.create",
            'next_open = command.body.get("on_closed_period") == "next_open"',
            "next_open = reached()",
        ),
    ),
)
