"""What really happened in the simulated systems: one append-only list, the truth that outside checks count in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from adapters.simulators.clock import MACHINE, Clock, stamp

KINDS = frozenset(
    {
        "return_authorisation",
        "credit_note",
        "journal_entry",
        "credit_application",
        "item_receipt",
        "stock_movement",
        "exchange_order",
        "sales_order",
        "customer",
        "fulfilment",
        "stock_level",
        "reversal",
    }
)
OPS = frozenset({"create", "update", "close", "reverse"})
STATUSES = frozenset({"open", "closed", "applied", "posted", "draft", "void"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing a system booked. `amount` is gross decimal text; `number` is the vendor's own key for the document."""

    account: str
    kind: str
    number: str
    external_ref: str
    order_id: str
    op: str = "create"
    lines: Sequence[dict[str, Any]] = ()
    amount: str | None = None
    currency: str | None = None
    location: str | None = None
    from_location: str | None = None
    sellable: bool = False
    disposition: str | None = None
    method: str | None = None
    of: str | None = None
    status: str = "posted"
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.op not in OPS or self.status not in STATUSES:
            raise ValueError(f"not a ledger entry: kind={self.kind} op={self.op} status={self.status}")


class Ledger:
    """Entries in order of creation; each is encoded once, so that reading tens of thousands stays quick.

    `shown` are the entries as CONTRACTS shows them; `watch` is told of each as it is booked.
    """

    def __init__(self, clock: Clock = MACHINE) -> None:
        self.entries: list[Entry] = []
        self.shown: list[Mapping[str, Any]] = []
        self.watch: Callable[[Mapping[str, Any]], None] | None = None
        self._now = clock.now
        self._encoded: list[bytes] = []

    def append(self, entry: Entry) -> int:
        """Book an entry; returns its sequence number, from 1."""
        seq = len(self.entries) + 1
        self.entries.append(entry)
        shown = {
            **entry.extra,
            "seq": seq,
            "at": stamp(self._now()),
            "account": entry.account,
            "kind": entry.kind,
            "number": entry.number,
            "external_ref": entry.external_ref,
            "order_id": entry.order_id,
            "op": entry.op,
            "lines": list(entry.lines),
            "amount": entry.amount,
            "currency": entry.currency,
            "location": entry.location,
            "from": entry.from_location,
            "sellable": entry.sellable,
            "disposition": entry.disposition,
            "method": entry.method,
            "of": entry.of,
            "status": entry.status,
        }
        self.shown.append(shown)
        if self.watch is not None:
            self.watch(shown)
        return seq

    def _encode(self) -> None:
        self._encoded.extend(orjson.dumps(shown) for shown in self.shown[len(self._encoded) :])

    def read(self, account: str = "", kind: str = "", order_id: str = "", since_seq: int = 0) -> bytes:
        """A JSON list of the entries after `since_seq` that match; an empty filter matches all."""
        self._encode()
        start = max(0, since_seq)
        if not (account or kind or order_id):
            return b"[" + b",".join(self._encoded[start:]) + b"]"
        chosen = [
            self._encoded[index]
            for index in range(start, len(self.entries))
            if (not account or self.entries[index].account == account)
            and (not kind or self.entries[index].kind == kind)
            and (not order_id or self.entries[index].order_id == order_id)
        ]
        return b"[" + b",".join(chosen) + b"]"

    def clear(self) -> None:
        self.entries.clear()
        self.shown.clear()
        self._encoded.clear()
