"""A simulator's ledger (CONTRACTS section 7), read into documents and movements of goods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

CREDITS = frozenset({"credit_note", "journal_entry"})  # R03: where an ERP has both, the profile chooses
# An application has its parent's reference, a customer and a stock level none of an order's.
REFERENCED = frozenset(
    {"return_authorisation", "credit_note", "journal_entry", "item_receipt", "stock_movement", "reversal"}
)


@dataclass(slots=True)
class Document:
    """One document, as the last entry about it left it."""

    account: str
    kind: str
    number: str
    external_ref: str
    order_id: str
    currency: str
    amount: Decimal
    lines: list[dict[str, Any]]
    status: str
    date: str = ""  # the day it bears; empty where the ledger shows none
    void: bool = False
    reversed: Decimal = Decimal(0)

    @property
    def net(self) -> Decimal:
        """What is left of it after reversals."""
        return Decimal(0) if self.void else self.amount - self.reversed


@dataclass(frozen=True, slots=True)
class Movement:
    """Units of a SKU that left one location (empty: came from outside) for another (empty: left for good)."""

    seq: int
    at: datetime
    kind: str
    order_id: str
    sku: str
    quantity: Decimal
    origin: str
    target: str
    to_sellable: bool
    from_sellable: bool

    @property
    def raises_sellable(self) -> bool:
        """Whether more units can be sold than before; from one location that sells to another there are as many."""
        return self.to_sellable and not self.from_sellable

    @property
    def lowers_sellable(self) -> bool:
        return self.from_sellable and not self.to_sellable


@dataclass(slots=True)
class Books:
    documents: list[Document] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    applied: dict[str, dict[str, Decimal]] = field(default_factory=dict)  # order: invoice: credited to it
    _known: dict[tuple[str, str, str], Document] = field(default_factory=dict)

    def of_kind(self, *kinds: str) -> list[Document]:
        return [document for document in self.documents if document.kind in kinds]

    def add(self, entry: Mapping[str, Any], sellable: frozenset[str]) -> tuple[list[Document], list[Movement]]:
        """The next entry; the documents that it is about (its own first) and the goods that it moves."""
        moved = _movements(entry, sellable) if entry["kind"] in ("item_receipt", "stock_movement") else []
        self.movements += moved
        if entry["kind"] == "credit_application" and entry.get("invoice_tran_id"):
            amount = Decimal(str(entry["amount"]))
            applied = self.applied.setdefault(entry["order_id"] or "", {})
            before = applied.get(entry["invoice_tran_id"], Decimal(0))
            applied[entry["invoice_tran_id"]] = before - amount if entry["op"] == "reverse" else before + amount
        key = (entry["account"], entry["kind"], entry["number"])
        document = self._known.get(key)
        if document is None:
            document = self._known[key] = Document(
                entry["account"],
                entry["kind"],
                entry["number"],
                entry["external_ref"] or "",
                entry["order_id"] or "",
                entry["currency"] or "",
                Decimal(0),
                [],
                entry["status"],
                str(entry.get("date") or ""),
            )
            self.documents.append(document)
        if entry["op"] in ("create", "update"):
            if entry["amount"] is not None:
                document.amount = Decimal(str(entry["amount"]))
            if entry["lines"]:
                document.lines = list(entry["lines"])
        document.status = entry["status"]
        document.void = document.void or entry["status"] == "void" or entry["op"] == "reverse"
        about = [document]
        if entry["kind"] == "reversal" and entry["of"]:
            for kind in CREDITS:
                of = self._known.get((entry["account"], kind, entry["of"]))
                if of is not None:
                    of.reversed += document.amount
                    about.append(of)
        return about, moved


def moment(text: str) -> datetime:
    """An RFC 3339 time."""
    return datetime.fromisoformat(text)


def read(entries: Iterable[Mapping[str, Any]], sellable: frozenset[str]) -> Books:
    """All entries, in their order; `sellable` are the numbers of the locations that sell."""
    books = Books()
    for entry in sorted(entries, key=lambda one: one["seq"]):
        books.add(entry, sellable)
    return books


def _movements(entry: Mapping[str, Any], sellable: frozenset[str]) -> list[Movement]:
    found = []
    for line in entry["lines"]:
        target = str(line.get("location") or entry["location"] or "")
        origin = str(entry.get("from") or "")
        if entry["kind"] == "stock_movement":
            target = str(entry["location"] or "")
        # Believed when it says that it restocks; and found out when it does and does not say so.
        raises = target in sellable or (bool(entry["sellable"]) and not target)
        lowers = origin in sellable
        quantity = Decimal(str(line["quantity"]))
        if entry["op"] == "reverse" or entry["status"] == "void":
            origin, target, raises, lowers = target, origin, lowers, raises
        found.append(
            Movement(
                seq=entry["seq"],
                at=moment(entry["at"]),
                kind=entry["kind"],
                order_id=entry["order_id"] or "",
                sku=line["sku"],
                quantity=quantity,
                origin=origin,
                target=target,
                to_sellable=raises,
                from_sellable=lowers,
            )
        )
    return found
