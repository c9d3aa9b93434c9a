"""What an order hears, for tests of decisions: snapshots, inspections and decisions as facts, read from their bytes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import orjson

from streams.facts import Fact, read_decision, read_inspection, read_snapshot
from tests.scenarios.messages import inspection, inspection_event, return_event, return_of
from tests.unit.erp import Erp

ORDER = "5001"
_serial = itertools.count(1)


def snapshot(version: int = 1, return_id: str = "r1", **changes: Any) -> Fact:
    """A snapshot of a return: instant, of one red tee, unless told otherwise."""
    return read_snapshot(orjson.dumps(return_event(return_of(ORDER, return_id, version, **changes), "e")))


def inspected(*found: tuple[str, str, int, str], return_id: str = "r1", **changes: Any) -> Fact:
    """An inspection; each found is (line id, SKU, quantity, disposition)."""
    return read_inspection(orjson.dumps(inspection_event(inspection(ORDER, return_id, found, **changes), "e")))


def decision(kind: str, about: Mapping[str, Any] | None = None, **data: Any) -> Fact:
    """An operator's decision; `about` is the command as an exception shows it."""
    seen = {"command_id": about["id"], "revision": about["revision"], "hash": about["hash"]} if about else {}
    number = next(_serial)
    event = {
        "id": f"d{number}",
        "type": "decision",
        "at": f"2026-11-27T11:{number // 60 % 60:02d}:{number % 60:02d}Z",
        "by": "fin-01",
        "reason": "seen",
        "order_id": ORDER,
        "decision": {"kind": kind, **seen, **data},
    }
    return read_decision(orjson.dumps(event))


def exception(erp: Erp, kind: str, step: str = "") -> dict[str, Any]:
    """The one open exception of a kind."""
    found = [
        letter.content
        for letter in erp.row.open_letters()
        if letter.content["kind"] == kind and step in ("", letter.content["step"])
    ]
    assert len(found) == 1, erp.exceptions()
    return found[0]
