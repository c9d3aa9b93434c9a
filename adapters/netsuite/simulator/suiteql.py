"""A small, honest SuiteQL: one table, at most one inner join, conditions joined by AND, sums and counts, an order.

    SELECT <* | column | SUM(column) | COUNT(*)> [AS name], ...
    FROM <table> [alias] [[INNER] JOIN <table> [alias] ON a.x = b.y]
    [WHERE column <= | != | <> | < | <= | > | >=> literal | [NOT] IN (...) | [NOT] LIKE '..' | IS [NOT] NULL [AND ...]]
    [GROUP BY column, ...] [ORDER BY column [ASC|DESC], ...]

Tables: item, inventoryItemLocations, aggregateItemLocation, location, customer, accountingPeriod, transaction. Anything
else is refused, in NetSuite's error shape. Values come back as text, nulls are left out, names in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adapters.netsuite.simulator.account import Account
from adapters.netsuite.simulator.errors import NetSuiteError
from adapters.netsuite.simulator.records import key_text
from adapters.simulators import money

Row = dict[str, str | None]
_TYPES = {
    "salesOrder": "SalesOrd",
    "invoice": "CustInvc",
    "returnAuthorization": "RtnAuth",
    "creditMemo": "CustCred",
    "cashRefund": "CashRfnd",
    "itemReceipt": "ItemRcpt",
    "itemFulfillment": "ItemShip",
    "inventoryTransfer": "InvTrnfr",
    "inventoryAdjustment": "InvAdjst",
    "journalEntry": "Journal",
}
_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|\d+(?:\.\d+)?|[A-Za-z_][\w]*(?:\.[A-Za-z_*][\w]*)?|<>|!=|<=|>=|[=<>(),*])")
_STOPS = frozenset(
    [
        "from",
        "where",
        "group",
        "order",
        "join",
        "inner",
        "on",
        "and",
        "as",
        "asc",
        "desc",
        "by",
        "not",
        "in",
        "like",
        "is",
        "null",
        "limit",
        "having",
        "or",
    ]
)


def bad_statement(detail: str) -> NetSuiteError:
    return NetSuiteError(400, "INVALID_PARAMETER", f"Invalid search query. {detail}", at="q")


@dataclass(frozen=True, slots=True)
class Output:
    name: str
    column: str
    function: str = ""


@dataclass(frozen=True, slots=True)
class Test:
    column: str
    operator: str
    values: tuple[str, ...]
    negated: bool = False


def table_of(statement: str) -> str:
    """The first table that a statement names, in lower case."""
    match = re.search(r"\bfrom\s+(\w+)", statement, re.IGNORECASE)
    return match[1].lower() if match else ""


def run(account: Account, statement: str, moment: float | None = None) -> list[dict[str, str]]:
    """The rows of a statement; raises a 400 for what is not understood."""
    return _Statement(account, statement, moment).rows()


class _Statement:
    def __init__(self, account: Account, text: str, moment: float | None) -> None:
        self._account, self._moment = account, moment
        self._tokens = _tokens(text)
        self._at = 0

    def rows(self) -> list[dict[str, str]]:
        self._want("select")
        outputs = self._outputs()
        self._want("from")
        found = self._tables()
        tests = self._tests() if self._take("where") else []
        found = [row for row in found if all(_passes(row, test) for test in tests)]
        groups = self._list_of_columns() if self._take("group", "by") else []
        orders = self._orders() if self._take("order", "by") else []
        if self._at < len(self._tokens):
            raise bad_statement(f"Not understood: {' '.join(self._tokens[self._at :])}")
        if any(output.function for output in outputs) or groups:
            found = _grouped(found, outputs, groups)
        for column, down in reversed(orders):
            found.sort(key=lambda row: _sortable(_value(row, column)), reverse=down)
        return [_shown(row, outputs) for row in found]

    def _outputs(self) -> list[Output]:
        outputs: list[Output] = []
        while True:
            word = self._next()
            if word.lower() in ("sum", "count", "max", "min") and self._peek() == "(":
                self._next()
                column = self._next().lower()
                self._want(")")
                output = Output(f"expr{len(outputs) + 1}", column, word.lower())
            else:
                output = Output(word.lower().rpartition(".")[2], word.lower())
            if self._take("as") or (self._peek().isidentifier() and self._peek().lower() not in _STOPS):
                output = Output(self._next().lower(), output.column, output.function)
            outputs.append(output)
            if not self._take(","):
                return outputs

    def _tables(self) -> list[Row]:
        left = self._table()
        if not (self._take("inner", "join") or self._take("join")):
            return left
        right = self._table()
        self._want("on")
        a = self._next().lower()
        self._want("=")
        b = self._next().lower()
        if left and not _has(left[0], a):
            a, b = b, a
        by_key: dict[str | None, list[Row]] = {}
        for row in right:
            by_key.setdefault(_value(row, b), []).append(row)
        return [one | other for one in left for other in by_key.get(_value(one, a), ())]

    def _table(self) -> list[Row]:
        name = self._next().lower()
        alias = name
        self._take("as")
        if self._peek().isidentifier() and self._peek().lower() not in _STOPS:
            alias = self._next().lower()
        rows: list[Row] = []
        for row in _read_table(self._account, name, self._moment):
            keyed: Row = {f"{alias}.{key}": value for key, value in row.items()}
            rows.append(keyed)
        return rows

    def _tests(self) -> list[Test]:
        tests: list[Test] = []
        while True:
            column = self._next().lower()
            negated = self._take("not")
            operator = self._next().lower()
            if operator == "is":
                negated = self._take("not")
                self._want("null")
                tests.append(Test(column, "null", (), negated))
            elif operator == "in":
                self._want("(")
                values = [_literal(self._next())]
                while self._take(","):
                    values.append(_literal(self._next()))
                self._want(")")
                tests.append(Test(column, "in", tuple(values), negated))
            elif operator in ("like", "=", "!=", "<>", "<", "<=", ">", ">="):
                tests.append(Test(column, operator, (_literal(self._next()),), negated))
            else:
                raise bad_statement(f"Not understood: {operator}")
            if not self._take("and"):
                return tests

    def _list_of_columns(self) -> list[str]:
        columns = [self._next().lower()]
        while self._take(","):
            columns.append(self._next().lower())
        return columns

    def _orders(self) -> list[tuple[str, bool]]:
        orders: list[tuple[str, bool]] = []
        while True:
            column = self._next().lower()
            down = self._take("desc")
            if not down:
                self._take("asc")
            orders.append((column, down))
            if not self._take(","):
                return orders

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise bad_statement("The statement ends too early.")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, *words: str) -> bool:
        if [token.lower() for token in self._tokens[self._at : self._at + len(words)]] != list(words):
            return False
        self._at += len(words)
        return True

    def _want(self, word: str) -> None:
        if not self._take(word):
            raise bad_statement(f"{word.upper()} is wanted at: {self._peek() or 'the end'}")


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position, text = 0, text.strip().rstrip(";")
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise bad_statement(f"Not understood: {text[position:]}")
        tokens.append(match[1])
        position = match.end()
    return tokens


def _literal(token: str) -> str:
    if token.startswith("'"):
        return token[1:-1].replace("''", "'")
    if not token[0].isdigit():
        raise bad_statement(f"A literal is wanted, not {token}.")
    return token


def _read_table(account: Account, name: str, moment: float | None) -> Iterator[Row]:
    match name:
        case "item":
            for item in account.chart.skus.values():
                yield {
                    "id": item.id,
                    "itemid": item.sku,
                    "externalid": item.sku,
                    "displayname": item.sku,
                    "isinactive": _flag(not item.active),
                    "itemtype": "Kit" if item.components else "Service" if item.service else "InvtPart",
                }
        case "inventoryitemlocations" | "aggregateitemlocation":
            for sku, place in account.stock.places():
                yield {
                    "item": account.chart.skus[sku].id,
                    "location": place,
                    "quantityavailable": str(account.stock.available(sku, place)),
                    "quantityonhand": str(account.stock.on_hand(sku, place)),
                    "quantitycommitted": str(account.stock.committed(sku, place)),
                }
        case "location":
            for location in account.chart.locations.values():
                yield {"id": location.id, "name": location.name, "isinactive": _flag(not location.active)}
        case "customer":
            yield from _records(account, "customer", moment, ("entityId", "externalId", "email", "isInactive"))
        case "accountingperiod":
            yield from _records(account, "accountingPeriod", None, ("periodName", "startDate", "endDate", "closed"))
        case "transaction":
            for type_, code in _TYPES.items():
                names = (
                    "tranId", "externalId", "otherRefNum", "entity", "status", "tranDate", "currency", "createdFrom",
                    "total", "memo",
                )  # fmt: skip
                for row in _records(account, type_, moment, names):
                    yield row | {"type": code, "recordtype": type_.lower(), "foreigntotal": row.get("total")}
        case _:
            raise bad_statement(f"Record '{name}' was not found.")


def _records(account: Account, type_: str, moment: float | None, names: tuple[str, ...]) -> Iterator[Row]:
    for record in account.books.all(type_):
        shown: dict[str, Any] | None = record.versions[-1][1] if moment is None else record.as_of(moment)
        if shown is not None:
            row: Row = {"id": record.id}
            for name in names:
                value = shown.get(name)
                row[name.lower()] = _flag(value) if isinstance(value, bool) else key_text(value) or None
            yield row


def _flag(value: bool) -> str:
    return "T" if value else "F"


def _has(row: Row, column: str) -> bool:
    return column in row or any(key.endswith(f".{column}") for key in row)


def _value(row: Row, column: str) -> str | None:
    if column in row:
        return row[column]
    keys = [key for key in row if key.rpartition(".")[2] == column]
    if len(keys) != 1:
        raise bad_statement(f"Field '{column}' was not found." if not keys else f"Field '{column}' is ambiguous.")
    return row[keys[0]]


def _passes(row: Row, test: Test) -> bool:
    has = _value(row, test.column)
    if test.operator == "null":
        return (has is None) != test.negated
    if has is None:
        return False
    if test.operator == "in":
        return any(_compare(has, value) == 0 for value in test.values) != test.negated
    wanted = test.values[0]
    if test.operator == "like":
        pattern = ".*".join(re.escape(part) for part in wanted.split("%"))
        return bool(re.fullmatch(pattern, has, re.IGNORECASE)) != test.negated
    order = _compare(has, wanted)
    return {
        "=": order == 0,
        "!=": order != 0,
        "<>": order != 0,
        "<": order < 0,
        "<=": order <= 0,
        ">": order > 0,
        ">=": order >= 0,
    }[test.operator]


def _compare(left: str, right: str) -> int:
    try:
        a, b = money.read(left), money.read(right)
    except ValueError:
        return (left > right) - (left < right)
    return (a > b) - (a < b)


def _sortable(value: str | None) -> tuple[int, Decimal, str]:
    try:
        return (0, money.read(value), "")
    except ValueError:
        return (1, Decimal(0), value or "")


def _grouped(rows: list[Row], outputs: list[Output], groups: list[str]) -> list[Row]:
    for output in outputs:
        if not output.function and output.column.rpartition(".")[2] not in {g.rpartition(".")[2] for g in groups}:
            raise bad_statement(f"Field '{output.column}' is not in GROUP BY.")
    buckets: dict[tuple[str | None, ...], list[Row]] = {} if groups else {(): []}
    for row in rows:
        buckets.setdefault(tuple(_value(row, column) for column in groups), []).append(row)
    made: list[Row] = []
    for key, bucket in buckets.items():
        one: Row = dict(zip(groups, key, strict=True))
        for output in outputs:
            if output.function:
                one[output.name] = _aggregate(bucket, output)
        made.append(one)
    return made


def _aggregate(rows: list[Row], output: Output) -> str | None:
    if output.function == "count":
        return str(len(rows) if output.column == "*" else sum(_value(row, output.column) is not None for row in rows))
    numbers = [Decimal(value) for row in rows if (value := _value(row, output.column)) is not None]
    if not numbers:
        return None
    return str({"sum": sum(numbers), "max": max(numbers), "min": min(numbers)}[output.function])


def _shown(row: Row, outputs: list[Output]) -> dict[str, str]:
    shown: dict[str, str | None] = {}
    for output in outputs:
        if output.column == "*" and not output.function:
            shown |= {key.rpartition(".")[2]: value for key, value in row.items()}
        else:
            shown[output.name] = row[output.name] if output.function else _value(row, output.column)
    return {key: value for key, value in shown.items() if value is not None}
