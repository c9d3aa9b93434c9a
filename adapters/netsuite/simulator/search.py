"""The `q=` filter of collections: `<field> <OPERATOR> <value> [AND ...]`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adapters.netsuite.simulator.errors import NetSuiteError
from adapters.netsuite.simulator.records import Books, Record, key_text
from adapters.simulators import money

_OPERATORS = [
    "ON_OR_AFTER",
    "ON_OR_BEFORE",
    "AFTER",
    "BEFORE",
    "ON",
    "ANY_OF",
    "CONTAIN",
    "START_WITH",
    "IS_NOT",
    "IS",
    "EQUAL_NOT",
    "EQUAL",
    "GREATER_OR_EQUAL",
    "GREATER",
    "LESS_OR_EQUAL",
    "LESS",
    "EMPTY_NOT",
    "EMPTY",
]
_CONDITION = re.compile(
    rf"\s*(?P<field>[A-Za-z_][\w.]*)\s+(?P<operator>{'|'.join(_OPERATORS)})\b\s*"
    r"(?P<value>\[[^\]]*\]|\((?:[^)]*)\)|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s]+)?\s*(?P<next>AND\b|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Condition:
    field: str
    operator: str
    values: tuple[str, ...]


def bad_query(detail: str) -> NetSuiteError:
    return NetSuiteError(400, "INVALID_SEARCH_CRITERIA", detail, at="q")


def parse(text: str) -> list[Condition]:
    """Conditions joined by AND; raises a 400 on anything else (OR and brackets are not understood here)."""
    conditions: list[Condition] = []
    position = 0
    while True:
        match = _CONDITION.match(text, position)
        if match is None:
            raise bad_query(f"Cannot read the filter at: {text[position:]}")
        operator = match["operator"].upper()
        raw = match["value"]
        if raw is None and not operator.startswith("EMPTY"):
            raise bad_query(f"{operator} needs a value.")
        conditions.append(Condition(match["field"], operator, tuple(_values(raw or "", operator))))
        if not match["next"]:
            return conditions
        position = match.end()


def _values(raw: str, operator: str) -> Iterable[str]:
    if operator == "ANY_OF":
        inner = raw[1:-1] if raw[:1] in "[(" else raw
        return [_unquoted(one.strip()) for one in inner.split(",") if one.strip()]
    return [_unquoted(raw)]


def _unquoted(raw: str) -> str:
    if len(raw) >= 2 and raw[0] == raw[-1] and raw[0] in "\"'":
        inner = raw[1:-1]
        return re.sub(r"\\(.)", r"\1", inner) if "\\" in inner else inner
    return raw


def search(books: Books, type_: str, text: str, moment: float | None) -> list[Record]:
    """Records that meet the filter, by id; with `moment`, as they were then."""
    conditions = parse(text) if text.strip() else []
    records = [record for record in _candidates(books, type_, conditions) if _shown(record, moment) is not None]
    for condition in conditions:
        records = [record for record in records if _meets(_shown(record, moment) or {}, condition)]
    return sorted(records, key=lambda record: int(record.id))


def _candidates(books: Books, type_: str, conditions: list[Condition]) -> Iterable[Record]:
    for condition in conditions:
        if condition.operator in ("IS", "EQUAL", "ANY_OF") and books.indexed(condition.field):
            found = {r.id: r for value in condition.values for r in books.by(type_, condition.field, value)}
            return found.values()
    return books.all(type_)


def _shown(record: Record, moment: float | None) -> dict[str, Any] | None:
    return record.versions[-1][1] if moment is None else record.as_of(moment)


def _meets(shown: dict[str, Any], condition: Condition) -> bool:
    has = key_text(shown.get(condition.field)) if "." not in condition.field else _deep(shown, condition.field)
    if isinstance(shown.get(condition.field), bool):
        has = "true" if shown[condition.field] else "false"
    wanted = condition.values[0] if condition.values else ""
    same = has.casefold() == wanted.casefold()
    match condition.operator:
        case "IS" | "EQUAL" | "ON":
            return same or _numbers(has, wanted) == 0
        case "IS_NOT" | "EQUAL_NOT":
            return not same
        case "ANY_OF":
            return has in condition.values
        case "CONTAIN":
            return wanted.casefold() in has.casefold()
        case "START_WITH":
            return has.casefold().startswith(wanted.casefold())
        case "EMPTY":
            return not has
        case "EMPTY_NOT":
            return bool(has)
        case "ON_OR_AFTER":
            return bool(has) and has[:10] >= wanted[:10]
        case "ON_OR_BEFORE":
            return bool(has) and has[:10] <= wanted[:10]
        case "AFTER":
            return bool(has) and has[:10] > wanted[:10]
        case "BEFORE":
            return bool(has) and has[:10] < wanted[:10]
    order = _numbers(has, wanted)
    if order is None:
        return False
    return {
        "GREATER": order > 0,
        "GREATER_OR_EQUAL": order >= 0,
        "LESS": order < 0,
        "LESS_OR_EQUAL": order <= 0,
    }[condition.operator]


def _deep(shown: dict[str, Any], path: str) -> str:
    value: Any = shown
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return key_text(value)


def _numbers(left: str, right: str) -> int | None:
    """-1, 0, 1, or None where one is not a number."""
    try:
        a, b = money.read(left), money.read(right)
    except ValueError:
        return None
    difference: Decimal = a - b
    return (difference > 0) - (difference < 0)
