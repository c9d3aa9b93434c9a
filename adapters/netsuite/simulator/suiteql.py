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
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from adapters.netsuite.simulator.account import Account
from adapters.netsuite.simulator.tables import Row, bad_statement, read_table
from adapters.simulators import money

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


@dataclass(frozen=True, slots=True)
class _Tables:
    """What stands after FROM: names with their aliases, and what a join is on."""

    left: tuple[str, str]
    right: tuple[str, str] | None = None
    on: tuple[str, str] = ("", "")


_UNNAMED: Mapping[str, tuple[str, ...]] = {}


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
        self._words = [token.lower() for token in self._tokens]
        self._at = 0

    def rows(self) -> list[dict[str, str]]:
        self._want("select")
        outputs = self._outputs()
        self._want("from")
        tables = self._tables()
        tests = self._tests() if self._take("where") else []
        found = [row for row in self._read(tables, tests) if all(_passes(row, test) for test in tests)]
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

    def _tables(self) -> _Tables:
        left = self._table()
        if not (self._take("inner", "join") or self._take("join")):
            return _Tables(left)
        right = self._table()
        self._want("on")
        a = self._next().lower()
        self._want("=")
        return _Tables(left, right, (a, self._next().lower()))

    def _table(self) -> tuple[str, str]:
        name = self._next().lower()
        alias = name
        self._take("as")
        if self._peek().isidentifier() and self._peek().lower() not in _STOPS:
            alias = self._next().lower()
        return name, alias

    def _read(self, tables: _Tables, tests: list[Test]) -> list[Row]:
        """The rows before the conditions; of one table, only such as may meet those on its keys."""
        if tables.right is None:
            named = {
                test.column.rpartition(".")[2]: test.values
                for test in tests
                if test.operator in ("=", "in") and not test.negated
            }
            return self._rows_of(tables.left, named)
        left, right, (a, b) = self._rows_of(tables.left), self._rows_of(tables.right), tables.on
        if left and not _has(left[0], a):
            a, b = b, a
        by_key: dict[str | None, list[Row]] = {}
        for row in right:
            by_key.setdefault(_value(row, b), []).append(row)
        return [one | other for one in left for other in by_key.get(_value(one, a), ())]

    def _rows_of(self, table: tuple[str, str], named: Mapping[str, tuple[str, ...]] = _UNNAMED) -> list[Row]:
        name, alias = table
        return [
            {f"{alias}.{key}": value for key, value in row.items()}
            for row in read_table(self._account, name, self._moment, named)
        ]

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
        if self._words[self._at : self._at + len(words)] != list(words):
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
    if left == right:
        return 0
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
