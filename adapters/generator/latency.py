"""How long a return waits for its first document: from the 200 of its first event to the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.generator.books import moment
from adapters.generator.deliveries import Delivery
from adapters.generator.expected import Expected
from adapters.generator.files import Answer


def first_documents(
    expected: Expected,
    ledger_entries: Iterable[Mapping[str, Any]],
    sent: Sequence[Delivery],
    answers: Iterable[Answer],
    outages: Sequence[tuple[datetime, datetime]] = (),
) -> list[float]:
    """Milliseconds, rising: of orders with one return that nothing is odd about, so that the documents are its own.

    Left out are waits that an outage (from, until) reaches into. A document may be there before the 200 is: 0.
    """
    names = {one.seq: (one.order_id, one.return_id) for one in sent if one.sort == "reveni"}
    taken: dict[tuple[str, str], datetime] = {}
    for answer in answers:
        name = names.get(answer.seq)
        if name is not None and answer.status == 200:
            at = moment(answer.at)
            taken[name] = min(taken.get(name, at), at)
    returns = Counter(order_id for order_id, _ in set(names.values()))
    documents: dict[str, datetime] = {}
    for entry in ledger_entries:
        if entry["op"] == "create" and entry["order_id"]:
            at = moment(entry["at"])
            documents[entry["order_id"]] = min(documents.get(entry["order_id"], at), at)
    waits = []
    for (order_id, return_id), begin in taken.items():
        end = documents.get(order_id)
        if end is None or returns[order_id] > 1 or return_id in expected.tags:
            continue
        if not any(start <= end and begin <= until for start, until in outages):
            waits.append(max(0.0, (end - begin).total_seconds() * 1000))
    return sorted(waits)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of all is not above; 0 of nothing."""
    if not values:
        return 0.0
    return sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]
