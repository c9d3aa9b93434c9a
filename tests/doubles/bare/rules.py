"""What the account does on a write, and what it refuses. What the vendor doubles, this doubles."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.doubles.bare.effects import Effects
from tests.doubles.bare.journal import Journal
from tests.doubles.bare.records import CURRENCIES, GOODS, RATES, ZERO, Problem, Record, Row, Store, rounded
from tests.doubles.bare.values import Body, invalid, number, ref, user_error

TRANSFORMS = {
    ("salesOrder", "returnAuthorization"),
    ("invoice", "returnAuthorization"),
    ("invoice", "creditMemo"),
    ("returnAuthorization", "creditMemo"),
    ("returnAuthorization", "itemReceipt"),
}
CREATED = frozenset(
    {"salesOrder", "returnAuthorization", "creditMemo", "invoice", "customer", "journalEntry", "inventoryTransfer"}
    | {"inventoryAdjustment"}
)
_HEAD = ("otherRefNum", "memo", "location", "email", "account", "adjLocation", "transferLocation", "entityId")


class Rules:
    """The writes of one account."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self.store, self.journal = store, journal
        self.effects = Effects(store, journal)
        self.closed_before = ""  # days before this one are in a closed period

    # -- the verbs

    def create(self, record_type: str, body: Body, external_id: str = "") -> Record:
        if record_type not in CREATED:
            raise Problem(404, "NONEXISTENT_RECORD_TYPE", f"Record type '{record_type}' does not exist.", record_type)
        self._known_fields(body)
        record = self._head(record_type, body, None)
        record.external_id = external_id or str(body.get("externalId", ""))
        if record_type == "customer":
            pass
        elif record_type in ("inventoryTransfer", "inventoryAdjustment"):
            self.effects.move(record, body)
        elif record_type == "journalEntry":
            self.effects.balanced(record, body)
        else:
            if record.entity == "":
                raise user_error("Please enter value(s) for: Customer")
            given = body.get("item", {}).get("items", [])
            if not given:
                raise user_error("You must enter at least one line item for this transaction.")
            self._rows(record, [(row, None) for row in given])
        return self.effects.finish(record)

    def upsert(self, record_type: str, external_id: str, body: Body) -> Record:
        try:
            self.store.find(record_type, f"eid:{external_id}")
        except Problem:
            return self.create(record_type, body, external_id)
        return self.change(record_type, f"eid:{external_id}", body, frozenset())

    def transform(self, source_type: str, key: str, target: str, body: Body, replaced: frozenset[str]) -> Record:
        """A document made from another one: every line that is left, unless the caller replaces the sublist."""
        source = self.store.find(source_type, key)
        if (source_type, target) not in TRANSFORMS:
            raise Problem(400, "INVALID_RECORD_TRANSFORMATION", f"{source_type} cannot become {target}.")
        self._known_fields(body)
        closed = source.status == "H" or (source.type == "returnAuthorization" and source.status in "AC")
        if closed:
            raise Problem(400, "INVALID_INITIALIZE_REF", f"You can not initialize {target}: invalid reference {key}.")
        record = self._head(target, body, source)
        record.external_id = str(body.get("externalId", ""))
        offered = self._offered(source, target)
        chosen: list[tuple[Body, Row | None]] = []
        named: set[int] = set()
        for at, row in enumerate(body.get("item", {}).get("items", [])):
            base = None
            if "orderLine" in row:
                line = int(number(row["orderLine"], f"item.items[{at}].orderLine"))
                base = next((one for one in offered if one.line == line), None)
                if base is None:
                    raise invalid(row["orderLine"], f"item.items[{at}].orderLine")
                named.add(line)
            if target == "itemReceipt" and row.get("itemReceive") is False:
                continue
            chosen.append((row, base))
        if "item" not in replaced:
            chosen += [({}, base) for base in offered if base.line not in named and base.kit is None]
        if not chosen:
            raise user_error("You must enter at least one line item for this transaction.")
        self._rows(record, chosen)
        return self.effects.finish(record)

    def change(self, record_type: str, key: str, body: Body, replaced: frozenset[str]) -> Record:
        record = self.store.find(record_type, key)
        self._known_fields(body)
        for name in _HEAD:
            if name in body:
                record.fields[name] = ref(body[name]) if isinstance(body[name], Mapping) else body[name]
        if "externalId" in body:
            record.external_id = str(body["externalId"])
        if record_type == "creditMemo" and "apply" in body:
            self.effects.apply(record, body["apply"].get("items", []))
        if record_type in ("returnAuthorization", "salesOrder") and "item" in body:
            self.effects.close_rows(record, body["item"].get("items", []), "item" in replaced)
        return record

    def delete(self, record_type: str, key: str) -> None:
        record = self.store.find(record_type, key)
        if any(other.source is record for other in self.store.records.values()) or record.applied:
            raise Problem(400, "THIS_RECORD_CANNOT_BE_DELETED_BECAUSE_IT_HAS_DEPENDENT_RECORDS", "It has dependents.")
        del self.store.records[record.id]
        self.journal.write(record, "reverse")

    # -- the parts of a write

    def _known_fields(self, body: Any) -> None:
        """This account has no custom field at all."""
        if isinstance(body, Mapping):
            for name, value in body.items():
                if name.startswith("cust"):
                    raise Problem(400, "INVALID_CONTENT", f"Unknown reference or field {name}.", name)
                self._known_fields(value)
        elif isinstance(body, list):
            for value in body:
                self._known_fields(value)

    def _head(self, record_type: str, body: Body, source: Record | None) -> Record:
        day = str(body.get("tranDate") or datetime.now(UTC).date().isoformat())
        try:
            datetime.strptime(day, "%Y-%m-%d")
        except ValueError:
            raise invalid(day, "tranDate") from None
        if day < self.closed_before:
            raise user_error(
                "The transaction date you specified is not within the date range of your accounting period."
            )
        currency = ref(body.get("currency")) or (source.currency if source else "")
        entity = ref(body.get("entity")) or (source.entity if source else "")
        if source is not None and (currency, entity) != (source.currency, source.entity):
            raise invalid(entity if entity != source.entity else currency, "entity")
        if entity:
            customer = self.store.records.get(int(entity)) if entity.isdecimal() else None
            if customer is None or customer.type != "customer":
                raise invalid(entity, "entity")
            currency = currency or customer.currency
        if record_type not in ("customer", "inventoryTransfer", "inventoryAdjustment"):
            currency = currency or "1"
            if currency not in CURRENCIES:
                raise invalid(currency, "currency")
        fields = {
            name: ref(body[name]) if isinstance(body[name], Mapping) else body[name] for name in _HEAD if name in body
        }
        if source is not None and "otherRefNum" in source.fields and record_type != "itemReceipt":
            fields.setdefault("otherRefNum", source.fields["otherRefNum"])
        return Record(record_type, 0, currency, entity, "", source, "", day, "", fields)

    def _offered(self, source: Record, target: str) -> list[Row]:
        """What is left of the source for such a document."""
        if source.type == "salesOrder":
            return [row for row in source.rows if row.fulfilled > 0]
        if source.type == "invoice":
            return [row for row in source.rows if row.billed > 0]
        if target == "itemReceipt":
            goods = [row for row in source.rows if self.store.items[row.item].kind in GOODS and not row.closed]
            return [row for row in goods if row.quantity > row.received]
        return [row for row in source.rows if row.kit is None and not row.closed]

    def _rows(self, record: Record, chosen: list[tuple[Body, Row | None]]) -> None:
        for at, (given, base) in enumerate(chosen):
            path = f"item.items[{at}]"
            item_id = ref(given.get("item")) or (base.item if base else "")
            item = self.store.items.get(item_id)
            if item is None or (base is not None and item_id != base.item):
                raise invalid(item_id, f"{path}.item")
            if item.inactive:
                raise Problem(400, "INVALID_KEY_OR_REF", f"Invalid item reference key {item_id}.", f"{path}.item")
            left = self._left(record, base) if base is not None else Decimal(1)
            quantity = number(given["quantity"], f"{path}.quantity") if "quantity" in given else left
            if quantity < 0 or (base is not None and quantity > left):
                raise user_error(
                    f"The quantity {quantity} of line {base.line if base else at + 1} is more than {left}."
                )
            row = Row(self._next_line(record), item_id, quantity, location=ref(given.get("location")))
            if base is not None:
                row.origin, row.order_line = base.line, self._order_line(record, base)
            row.description = str(given.get("description", ""))
            if record.type == "itemReceipt":
                self._receive(record, row, base, path)
            else:
                self._price(record, row, given, base, path)
            record.rows.append(row)
            if record.type == "returnAuthorization" and item.members:
                for member, units in item.members:
                    record.rows.append(Row(self._next_line(record), member, quantity * units, kit=row.line))

    def _next_line(self, record: Record) -> int:
        return max((row.line for row in record.rows), default=0) + 1

    def _order_line(self, record: Record, base: Row) -> int | None:
        if record.source is None or record.source.type == "salesOrder":
            return base.line if base.kit is None else base.kit  # a part belongs to its bundle's row
        return base.order_line

    def _left(self, record: Record, base: Row) -> Decimal:
        """Units of a source's row that such a document may still take."""
        source = record.source
        assert source is not None
        if record.type == "itemReceipt":
            return base.quantity - base.received
        if record.type == "creditMemo":
            return base.quantity  # that several memos share a line is allowed: nothing public says it is not
        returned = sum(
            row.quantity
            for other in self.store.of_type("returnAuthorization")
            if other.source is source
            for row in other.rows
            if row.origin == base.line and not row.closed
        )
        return (base.fulfilled if source.type == "salesOrder" else base.billed) - returned

    def _price(self, record: Record, row: Row, given: Body, base: Row | None, path: str) -> None:
        currency = CURRENCIES[record.currency]
        row.tax_code = ref(given.get("taxCode")) or (base.tax_code if base else "")
        if row.tax_code and row.tax_code not in RATES:
            raise invalid(row.tax_code, f"{path}.taxCode")
        rate = RATES.get(row.tax_code, ZERO)
        said = {
            name: number(given[name], f"{path}.{name}")
            for name in ("amount", "grossAmt", "tax1Amt", "rate")
            if name in given
        }
        for name in ("amount", "grossAmt", "tax1Amt"):
            if name in said and said[name] != rounded(said[name], currency):
                raise invalid(given[name], f"{path}.{name}")
        tax = said.get("tax1Amt")
        if "grossAmt" in said:
            tax = rounded(said["grossAmt"] * rate / (100 + rate), currency) if tax is None else tax
            net = said["grossAmt"] - tax
            if "amount" in said and said["amount"] != net:
                raise user_error(f"The amounts of line {row.line} do not add up.")
        elif "amount" in said or "rate" in said or base is None:
            net = said["amount"] if "amount" in said else rounded(said.get("rate", ZERO) * row.quantity, currency)
            tax = rounded(net * rate / 100, currency) if tax is None else tax
        else:
            share = row.quantity / base.quantity if base.quantity else ZERO
            net, tax = rounded((base.net or ZERO) * share, currency), rounded((base.tax or ZERO) * share, currency)
        row.net, row.tax, row.rate = net, tax, said.get("rate")

    def _receive(self, record: Record, row: Row, base: Row | None, path: str) -> None:
        if base is None:
            raise user_error("A receipt takes only lines of its return authorization.")
        if row.location not in self.store.places:
            raise (
                user_error("Please enter value(s) for: Location")
                if not row.location
                else invalid(row.location, f"{path}.location")
            )
        if row.quantity == 0:
            raise user_error(f"Please enter a quantity for line {row.line}.")
        row.kit = base.kit
        assert record.source is not None
        if base.kit is not None and row.order_line is None:
            kit = record.source.row(base.kit)
            row.order_line = kit.order_line if kit else None
