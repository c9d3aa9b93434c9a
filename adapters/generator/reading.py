"""A message as CONTRACTS section 2 means it: ids are text, what is left out has its meaning, what cannot be told apart
stands aside. The outside checks read everything through it, and nothing of the product's own reading.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

import orjson

_LONG_NUMBER = re.compile(rb"[:\[,]\s*-?[0-9]{19}")  # beyond 64 bits a fast reader makes a float of it
_LISTS = ("lines", "replacements", "fees", "bonuses")


def event(body: bytes) -> dict[str, Any]:
    """A genuine event; its refunds are those that can be used, the others stand under `spoilt`."""
    read: dict[str, Any] = loads(body)
    data = read["data"]
    for name in ("order_id", "return_id"):
        if not isinstance(data[name], str):
            read["data"] = data = {**data, name: str(data[name])}
    if read["type"] == "return.updated":
        read["data"] = _snapshot(data)
    return read


def loads(body: bytes) -> Any:
    """JSON, with all the digits of whole numbers; raises `ValueError`."""
    return json.loads(body, parse_constant=_no_number) if _LONG_NUMBER.search(body) else orjson.loads(body)


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _snapshot(data: Mapping[str, Any]) -> dict[str, Any]:
    read = {**data, **{name: data.get(name) or [] for name in _LISTS}}
    read["shipping_refund"] = data.get("shipping_refund") or "0"
    for line in read["lines"]:
        line.setdefault("verdict", "pending")
    told = data.get("refunds") or []
    entries = list(told.values()) if isinstance(told, dict) else told
    names = [_name(entry) for entry in entries]
    times = Counter(names)
    read["refunds"] = []
    for name, entry in zip(names, entries, strict=True):
        usable = name and times[name] == 1 and isinstance(told, list) and _is_a_time(entry.get("executed_at"))
        read.setdefault("refunds" if usable else "spoilt", []).append({**entry, "refund_id": name})
    return read


def _name(refund: Mapping[str, Any]) -> str:
    named = refund.get("refund_id")
    return "" if named is None else str(named)


def _is_a_time(value: Any) -> bool:
    """None is no fault; a time of the years that documents may have is one."""
    if value is None:
        return True
    try:
        return isinstance(value, str) and 1970 <= datetime.fromisoformat(value).year <= 9998
    except ValueError:
        return False
