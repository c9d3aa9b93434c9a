"""Finding things: the `q` of a record collection, and SuiteQL, which answers what was asked for and nothing else."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from tests.doubles.bare.records import CURRENCIES, NAMES, Problem, Record, Store

_TOKEN = re.compile(
    r"""\s*(?:(?P<mark>[()\[\],])|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<word>[^\s()\[\],]+))"""
)
_BARE = frozenset({"EMPTY", "EMPTY_NOT"})
Test = Callable[[Record], bool]


def _bad(detail: str) -> Problem:
    return Problem(400, "INVALID_PARAMETER", f"Invalid search query. {detail}", "q")


def matching(store: Store, record_type: str, query: str) -> list[Record]:
    """Records of a type that a filter finds, by internal id."""
    test = _Filter(query).whole() if query.strip() else (lambda record: True)
    return [record for record in store.of_type(record_type) if test(record)]


class _Filter:
    def __init__(self, query: str) -> None:
        self._tokens = list(_tokens(query))
        self._at = 0

    def whole(self) -> Test:
        found = self._any()
        if self._at < len(self._tokens):
            raise _bad(f"Unexpected '{self._tokens[self._at]}'.")
        return found

    def _any(self) -> Test:
        tests = [self._all()]
        while self._take("OR"):
            tests.append(self._all())
        return lambda record: any(test(record) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._take("AND"):
            tests.append(self._one())
        return lambda record: all(test(record) for test in tests)

    def _one(self) -> Test:
        if self._take("("):
            inner = self._any()
            if not self._take(")"):
                raise _bad("Expected ')'.")
            return inner
        name, operator = self._next(), self._next()
        values: list[str] = []
        if operator not in _BARE:
            if self._take("["):
                while not self._take("]"):
                    values.append(_plain(self._next()))
                    self._take(",")
            else:
                values.append(_plain(self._next()))
        return _condition(name, operator, values)

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise _bad("The condition is not complete.")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, token: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == token:
            self._at += 1
            return True
        return False


def _tokens(query: str) -> Iterator[str]:
    at = 0
    while at < len(query.rstrip()):
        match = _TOKEN.match(query, at)
        if match is None:
            raise _bad(f"Unexpected text at {at}.")
        at = match.end()
        yield match.group("mark") or match.group("text") or match.group("word")


def _plain(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token[0] in "\"'" else token


def _condition(name: str, operator: str, values: list[str]) -> Test:
    negated = operator.endswith("_NOT") and operator != "EMPTY_NOT"
    plain = operator.removesuffix("_NOT") if negated else operator
    checks: dict[str, Callable[[str], bool]] = {
        "IS": lambda held: held.casefold() == values[0].casefold(),
        "EQUAL": lambda held: _number(held) == _number(values[0]) if held else False,
        "CONTAIN": lambda held: values[0].casefold() in held.casefold(),
        "START_WITH": lambda held: held.casefold().startswith(values[0].casefold()),
        "ANY_OF": lambda held: held in values,
        "ON_OR_AFTER": lambda held: bool(held) and held >= _day(values[0]),
        "AFTER": lambda held: bool(held) and held > _day(values[0]),
        "ON": lambda held: held == _day(values[0]),
        "ON_OR_BEFORE": lambda held: bool(held) and held <= _day(values[0]),
        "BEFORE": lambda held: bool(held) and held < _day(values[0]),
        "EMPTY": lambda held: not held,
        "EMPTY_NOT": bool,
    }
    if plain not in checks:
        raise _bad(f"The operator {operator} is not known.")
    check = checks[plain]
    return lambda record: check(_held(record, name)) != negated


def _number(text: str) -> Any:
    try:
        return Decimal(text)
    except ArithmeticError:
        return text


def _day(text: str) -> str:
    """Filters take dates as the account writes them, day first here, or as ISO."""
    match = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text)
    return f"{match[3]}-{int(match[2]):02d}-{int(match[1]):02d}" if match else text[:10]


def _held(record: Record, name: str) -> str:
    """A body field as a filter sees it; sublists cannot be searched."""
    if name.startswith("cust"):
        raise _bad(f"Field '{name}' for record '{record.type}' was not found.")
    held = {
        "id": str(record.id),
        "externalId": record.external_id,
        "tranDate": record.day,
        "tranId": record.number,
        "entity": record.entity,
        "currency": record.currency,
        "status": record.status,
        "orderStatus": record.status,
        "createdFrom": str(record.source.id) if record.source else "",
        "createdDate": "2026-11-28",
        "lastModifiedDate": "2026-11-28",
    }
    by_name = {key.casefold(): value for key, value in {**record.fields, **held}.items()}
    return str(by_name.get(name.casefold(), ""))


# -- SuiteQL

_SCHEMA = """
CREATE TABLE item (id, itemid, fullname, displayname, itemtype, isinactive, externalid, upccode);
CREATE TABLE itemmember (parentitem, item, quantity);
CREATE TABLE location (id, name, fullname, isinactive, makeinventoryavailable);
CREATE TABLE currency (id, name, symbol);
CREATE TABLE customer (id, entityid, email, externalid, isinactive, datecreated);
CREATE TABLE aggregateitemlocation (item, location, quantityavailable, quantityonhand);
CREATE VIEW inventoryitemlocations AS SELECT * FROM aggregateitemlocation;
CREATE TABLE "transaction" (id, recordtype, type, tranid, trandate, entity, externalid, otherrefnum, currency, status,
    foreigntotal, createddate);
CREATE TABLE transactionline (transaction_, id, linesequencenumber, item, itemtype, quantity, rate, foreignamount,
    mainline, createdfrom, kitmemberof, isclosed, location);
"""
_TYPES = {"salesOrder": "SalesOrd", "returnAuthorization": "RtnAuth", "creditMemo": "CustCred", "invoice": "CustInvc"}
_TYPES |= {"itemReceipt": "ItemRcpt", "itemFulfillment": "ItemShip", "journalEntry": "Journal"}


class SuiteQL:
    """Statements over a picture of the account, drawn anew where it has changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        self._db.executescript(_SCHEMA)
        self._items = 0

    def rows(self, statement: str) -> list[dict[str, str]]:
        text = self._translated(statement)
        self._draw(text.casefold())
        try:
            cursor = self._db.execute(text)
            names = [column[0].lower().rstrip("_") for column in cursor.description or ()]
            found = [dict(zip(names, row, strict=True)) for row in cursor]
        except sqlite3.Error as error:
            raise self._refused(str(error)) from None
        return [{name: _said(value) for name, value in row.items() if value is not None} for row in found]

    def _translated(self, statement: str) -> str:
        text = re.sub(r"\bfetch\s+(?:first|next)\s+(\d+)\s+rows?\s+only\b", r"LIMIT \1", statement, flags=re.I)
        text = re.sub(r"\bBUILTIN\.DF\(\s*([\w.]+)\s*\)", r"\1", text, flags=re.I)
        text = re.sub(r"\bNVL\(", "COALESCE(", text, flags=re.I)
        text = re.sub(r"\bTO_DATE\(\s*('[^']*')\s*,\s*'[^']*'\s*\)", r"\1", text, flags=re.I)
        if re.search(r"\bcust(?:col|body|item|entity|record)_?\w*", text, flags=re.I):
            raise self._refused(f"no such column: {re.search(r'cust[a-z]+_?[a-z_]*', text, flags=re.I)[0]}")  # type: ignore[index]
        text = re.sub(
            r'(?<!")\btransaction\b(?!")(?=\s*(?:,|where|join|inner|left|order|t\b|tran\b|as\b|$))',
            '"transaction"',
            text,
            flags=re.I,
        )
        return re.sub(r"\.transaction\b", ".transaction_", text, flags=re.I)

    def _refused(self, message: str) -> Problem:
        name = message.rpartition(":")[2].strip()
        kind = "Field" if "column" in message else "Record"
        detail = f"Search error occurred: {kind} '{name}' was not found." if "no such" in message else message
        return Problem(
            400, "INVALID_PARAMETER", f"Invalid search query. Detailed unprocessed description follows. {detail}", "q"
        )

    def _draw(self, text: str) -> None:
        store, db = self._store, self._db
        if len(store.items) != self._items:
            self._items = len(store.items)
            for table in ("item", "itemmember", "location", "currency"):
                db.execute(f"DELETE FROM {table}")
            for item in store.items.values():
                full = f"{item.parent} : {item.sku}" if item.parent else item.sku
                shut = "T" if item.inactive else "F"
                db.execute(
                    "INSERT INTO item VALUES (?,?,?,?,?,?,?,?)",
                    (item.id, item.sku, full, item.sku.title(), item.kind, shut, None, None),
                )
                db.executemany("INSERT INTO itemmember VALUES (?,?,?)", [(item.id, *member) for member in item.members])
            for place in store.places.values():
                db.execute(
                    "INSERT INTO location VALUES (?,?,?,?,?)",
                    (place.id, place.name, place.name, "F", "FT"[place.sellable]),
                )
            db.executemany(
                "INSERT INTO currency VALUES (?,?,?)", [(key, NAMES[key], code) for key, code in CURRENCIES.items()]
            )
        if "itemlocation" in text:
            db.execute("DELETE FROM aggregateitemlocation")
            rows = [(item, place, float(units), float(units)) for (item, place), units in store.stock.items()]
            db.executemany("INSERT INTO aggregateitemlocation VALUES (?,?,?,?)", rows)
        if "customer" in text:
            db.execute("DELETE FROM customer")
            for one in store.of_type("customer"):
                row = (
                    str(one.id),
                    one.fields.get("entityId"),
                    one.fields.get("email"),
                    one.external_id or None,
                    "F",
                    None,
                )
                db.execute("INSERT INTO customer VALUES (?,?,?,?,?,?)", row)
        if "transaction" in text:
            self._draw_transactions()

    def _draw_transactions(self) -> None:
        self._db.execute('DELETE FROM "transaction"')
        self._db.execute("DELETE FROM transactionline")
        for record in list(self._store.records.values()):
            if record.type not in _TYPES:
                continue
            day = "/".join(reversed(record.day.split("-")))
            self._db.execute(
                'INSERT INTO "transaction" VALUES (?,?,?,?,?,?,?,?,?,?,?,?)',
                (str(record.id), record.type.lower(), _TYPES[record.type], record.number, day, record.entity,
                 record.external_id or None, record.fields.get("otherRefNum"), record.currency, record.status or None,
                 float(record.total), day),
            )  # fmt: skip
            source = str(record.source.id) if record.source else None
            for row in record.rows:
                item = self._store.items[row.item]
                self._db.execute(
                    "INSERT INTO transactionline VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                    (str(record.id), row.line, row.line, row.item, item.kind, -float(row.quantity), None,
                     None if row.net is None else -float(row.net), "F", source, row.kit, "FT"[row.closed],
                     row.location or None),
                )  # fmt: skip


def _said(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
