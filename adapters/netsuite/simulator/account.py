"""One NetSuite account: its books, lists and stock, and the rules that every document keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date
from typing import Any

from adapters.netsuite.simulator.chart import Chart, Item, key_of
from adapters.netsuite.simulator.errors import NetSuiteError, invalid_content, invalid_reference, user_error
from adapters.netsuite.simulator.lines import Line, own_lines, read_line
from adapters.netsuite.simulator.records import SUBLISTS, Books, Record
from adapters.netsuite.simulator.settings import Settings
from adapters.netsuite.simulator.stock import Stock
from adapters.simulators.clock import Clock, stamp
from adapters.simulators.ledger import Entry, Ledger

# Documents that post to the general ledger, so that a closed period refuses them; orders and authorisations do not.
POSTING = frozenset(
    {
        "invoice",
        "creditMemo",
        "cashRefund",
        "itemReceipt",
        "itemFulfillment",
        "journalEntry",
        "inventoryTransfer",
        "inventoryAdjustment",
    }
)
_MADE_HERE = frozenset(
    {*SUBLISTS, "id", "links", "tranId", "status", "total", "createdFrom", "createdDate", "orderStatus"}
)


@dataclass(slots=True)
class Draft:
    """A document that passed every rule and is not kept yet: an accepted call that is lost stops here."""

    record: Record
    entries: Callable[[], list[Entry]] = list
    effects: list[Callable[[], None]] = field(default_factory=list)


class Account:
    """The state behind one realm."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        ledger: Ledger,
        clock: Clock,
        render: Callable[[Record], dict[str, Any]],
    ) -> None:
        self.name = name
        self.settings = settings
        self.ledger = ledger
        self.clock = clock
        self.books = Books(clock.monotonic, render)
        self.chart = Chart()
        self.stock = Stock()
        self.load_periods()

    def load_periods(self) -> None:
        """The accounting periods as records, closed where the settings say so."""
        for period in self.chart.periods:
            fields = {
                "periodName": period.name,
                "startDate": period.starts.isoformat(),
                "endDate": period.ends.isoformat(),
                "closed": period.month in self.settings.closed_periods,
                "isQuarter": False,
                "isYear": False,
            }
            known = self.books.find("accountingPeriod", period.id)
            record = known or Record("accountingPeriod", period.id, fields)
            if known is None or known.fields != fields:
                record.fields = fields
                self.books.save(record)

    def commit(self, draft: Draft, *, lose: bool = False) -> str:
        """Keep a document, or (a fault) only say so; returns its internal id."""
        record = draft.record
        record.id = self.books.new_id()
        if lose:
            return record.id
        if "tranId" not in record.fields and record.type != "customer":
            record.fields = {"tranId": self.books.new_number(record.type), **record.fields}
        self.books.save(record)
        for effect in draft.effects:
            effect()
        for entry in draft.entries():
            self.ledger.append(entry)
        return record.id

    # What the header of every document must keep.

    def header(self, type_: str, body: Mapping[str, Any], source: Record | None = None) -> Record:
        """A new record with its header checked; lines come later."""
        self.check_external_id(type_, body)
        entity = self.customer(body, source)
        currency = source.currency if source else "GBP"
        if body.get("currency") is not None:
            named = self.chart.resolve_currency(body["currency"], "currency")
            if source is not None and named != currency:
                raise user_error(f"The currency is {currency} on the source document.", "currency")
            currency = named
        day = self.day(body)
        if type_ in POSTING:
            self.check_period(body, day)
        fields = {key: value for key, value in body.items() if key not in _MADE_HERE and key != "entity"}
        if entity is not None:
            fields["entity"] = {"id": entity.id, "refName": entity.fields.get("entityId", "")}
        fields["currency"] = {"id": self.chart.currency_id(currency), "refName": currency}
        fields["tranDate"] = day.isoformat()
        fields["createdDate"] = stamp(self.clock.now(), "seconds")
        if source is not None:
            fields["createdFrom"] = {"id": source.id, "refName": source.fields.get("tranId", "")}
            if not fields.get("otherRefNum"):
                fields["otherRefNum"] = source.fields.get("otherRefNum", "")
        for name in ("externalId", "otherRefNum", "memo"):
            if name in fields:
                fields[name] = str(fields[name])
        order = ""
        if source is not None:
            order = source.id if source.type == "salesOrder" else source.order
        return Record(type_, "", fields, currency=currency, order=order)

    def check_external_id(self, type_: str, body: Mapping[str, Any]) -> None:
        """Two records of one external id are allowed, unless the account is set to refuse them."""
        ref = str(body.get("externalId") or "")
        if ref and self.settings.duplicates_refused and self.books.by(type_, "externalId", ref):
            raise NetSuiteError(400, "DUP_RCRD", f"A {type_} with externalId {ref} exists already.", at="externalId")

    def customer(self, body: Mapping[str, Any], source: Record | None) -> Record | None:
        """The customer of a document: active, and the source's own."""
        inherited = source.fields.get("entity") if source else None
        named = body.get("entity", inherited)
        if named is None:
            return None
        key = key_of(named, "entity")
        record = self.books.find("customer", key) or self.books.find("customer", f"eid:{key.removeprefix('eid:')}")
        if record is None:
            raise invalid_reference("entity", key, "entity")
        if inherited is not None and record.id != inherited["id"]:
            raise user_error("The customer is another one on the source document.", "entity")
        if record.fields.get("isInactive"):
            raise invalid_reference("entity", f"{key} (inactive)", "entity")
        return record

    def today(self) -> date:
        return self.clock.now().astimezone(UTC).date()

    def day(self, body: Mapping[str, Any]) -> date:
        raw = body.get("tranDate")
        if raw is None:
            return self.today()
        try:
            return date.fromisoformat(str(raw))
        except ValueError:
            raise invalid_content("tranDate is a date as 2026-11-27.", "tranDate") from None

    def check_period(self, body: Mapping[str, Any], day: date) -> None:
        """The posting period named, or the one the date falls in, must be open."""
        period = self.chart.period_of(day)
        if body.get("postingPeriod") is not None:
            key = key_of(body["postingPeriod"], "postingPeriod")
            named = next((one for one in self.chart.periods if key in (one.id, one.name)), None)
            if named is None:
                raise invalid_reference("postingPeriod", key, "postingPeriod")
            period = named
        if period.month in self.settings.closed_periods:
            raise user_error(f"The posting period {period.name} is closed.", "postingPeriod")

    def items_of(self, body: Mapping[str, Any], name: str = "item") -> list[dict[str, Any]] | None:
        """The rows of a sublist, or None where the body does not name it."""
        sublist = body.get(name)
        if sublist is None:
            return None
        rows = sublist.get("items") if isinstance(sublist, Mapping) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise invalid_content(f"{name}.items is a list of objects.", name)
        return rows

    def own_lines(self, body: Mapping[str, Any], currency: str) -> list[Line]:
        """The lines of a body that names no source."""
        return own_lines(self.items_of(body), self.chart, currency, learn=self.settings.learn_item_ids)

    def amended_lines(self, record: Record, body: Mapping[str, Any]) -> list[Line]:
        """The lines of a body for a record there is; a row that names a line (`line`, `orderLine`) starts from it."""
        lines: list[Line] = []
        for position, raw in enumerate(self.items_of(body) or ()):
            named, of_source = str(raw.get("line", "")), str(raw.get("orderLine", ""))
            origin = next((one for one in record.lines if named == str(one.number)), None)
            origin = origin or next((one for one in record.lines if of_source == str(one.order_line)), None)
            at, learn = f"item.items[{position}]", self.settings.learn_item_ids
            line = read_line(raw, at, position + 1, origin, self.chart, record.currency, learn=learn)
            line.order_line = origin.order_line if origin else None
            lines.append(line)
        return lines

    def order_id(self, record: Record) -> str:
        return str(record.fields.get("otherRefNum") or "")

    def entry(self, kind: str, record: Record, **values: Any) -> Entry:
        """A ledger entry about a record."""
        values.setdefault("extra", {})
        values["extra"] = {
            "tran_id": record.fields.get("tranId"),
            "date": record.fields.get("tranDate"),
            "created_from": (record.fields.get("createdFrom") or {}).get("id"),
        } | values["extra"]
        return Entry(
            account=self.name,
            kind=kind,
            number=record.id,
            external_ref=str(record.fields.get("externalId") or ""),
            order_id=self.order_id(record),
            currency=record.currency,
            **values,
        )

    def stock_location(self, item: Item, wanted: str | None) -> str | None:
        """Where an order's units are committed: the location named, else the sellable one that has most."""
        if wanted is not None and wanted in self.chart.locations:
            return wanted
        sellable = [one.id for one in self.chart.locations.values() if one.sellable and one.active]
        return max(sellable, key=lambda place: self.stock.available(item.sku, place), default=None)
