"""What is wrong with the way a plan's messages come, counted like the faults that befall machines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.simulation.plan import Plan, VendorFault, Webhook
from tests.simulation.result import Result

HOT = 15  # deliveries about one order from which on it counts as hot
LONG_SECONDS = 120.0  # an account that is away for so long is down, not flapping


def count(plan: Plan, result: Result) -> Counter[str]:
    """Kinds of faults in the deliveries of a plan that was carried out, and outages that were felt."""
    found: Counter[str] = Counter()
    newest: dict[str, int] = {}
    content: dict[str, str] = {}
    orders: Counter[str] = Counter()
    for act in plan.acts:
        if isinstance(act, VendorFault) and _is_outage(act) and result.faults[act.kind]:
            found["vendor outage"] += 1
        if not isinstance(act, Webhook):
            continue
        sent = act.delivery
        orders[sent.order_id] += bool(sent.order_id)
        if sent.sort in ("poison", "forged"):
            found[f"webhook {sent.sort}"] += 1
        elif sent.note in ("again", "new-id"):
            found[f"webhook {sent.note}"] += 1
        elif sent.sort == "reveni":
            if sent.version < newest.get(sent.return_id, 0):
                found["webhook overtaken"] += 1
            newest[sent.return_id] = max(sent.version, newest.get(sent.return_id, 0))
            told = _content(sent.body)
            if told != content.setdefault(sent.return_id, told):
                found["content changed"] += 1
                content[sent.return_id] = told
        elif sent.return_id not in newest:
            found["webhook too early"] += 1  # an inspection of a return that nobody has heard of
    found["hot order"] = sum(1 for sent in orders.values() if sent >= HOT)
    for note, kind in (("webhook-lost", "webhook lost"), ("webhook-fed-in", "webhook fed in")):
        found[kind] += note in plan.tags.get("notes", ())
    return +found


def _is_outage(act: VendorFault) -> bool:
    rule = act.rule
    return rule.get("probability") == 1.0 and rule.get("on") == "any" and float(rule.get("until", 0)) >= LONG_SECONDS


def _content(body: bytes) -> str:
    """What documents are made from: lines without what becomes known late, and what is refunded."""
    try:
        data = json.loads(body)["data"]
        return json.dumps([list(_lines(data)), [refund.get("amount") for refund in data.get("refunds", ())]])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""


def _lines(data: dict[str, Any]) -> Iterator[list[Any]]:
    for line in data.get("lines", ()):
        yield [line.get(name) for name in ("line_id", "sku", "quantity", "unit_price", "request")]
