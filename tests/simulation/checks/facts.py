"""What a record of the lane's topics says, read a second time: hashes and ids by the words of the contracts."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import orjson

from adapters.generator import reading
from tests.simulation.checks.rows import _RANK, Fact

LANE = ("events.reveni", "events.warehouse", "events.channels", "events.decisions", "erp.outcomes")


def content_hash(data: Any) -> str:
    """Sixteen hex digits over the key-sorted JSON of a value."""
    return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


_NAMES = ("id", "sku", "number", "location", "tax_code", "order_number", "order_ref", "to")


def ids_as_text(value: Any) -> Any:
    """The same with each number that names something as its text: 5001 and "5001" are one id."""
    if isinstance(value, list):
        return [ids_as_text(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {
        name: str(entry)
        if isinstance(entry, int) and not isinstance(entry, bool) and (name.endswith(("_id", "_sku")) or name in _NAMES)
        else ids_as_text(entry)
        for name, entry in value.items()
    }


def canonical(text: str) -> str:
    """A time as fixed-width UTC text."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read(topic: str, value: bytes) -> tuple[str, dict[str, Any], Fact] | None:
    """(order, event, fact); None for what no fact can be read from, which has to be buried."""
    try:
        event = ids_as_text(reading.loads(value))
        match topic:
            case "events.reveni":
                data = event["data"]
                return str(data["order_id"]), event, Fact(f'"{content_hash(data)}"'.encode(), "snapshot")
            case "events.warehouse":
                data = event["data"]
                recorded = canonical(str(event.get("recorded_at", data.get("recorded_at"))))
                weight = (int(data["version"]), recorded)
                needle = f'"{content_hash(data)}"'.encode()
                return str(data["order_id"]), event, Fact(needle, "inspection", str(data["inspection_id"]), weight)
            case "events.decisions":
                return str(event["order_id"]), event, Fact(f'"{event["id"]}"'.encode(), "decision")
            case "erp.outcomes":
                return str(event["order_key"]), event, _outcome(event)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return None


def _outcome(event: dict[str, Any]) -> Fact:
    shown = {name: event[name] for name in ("revision", "hash", "kind", "subject", "status", "at", "number")}
    done = event["status"] == "done"
    weight = (event["revision"], _RANK[event["status"]], event["at"])
    needle = orjson.dumps(shown)[1:-1]
    return Fact(needle, "outcome", event["command_id"], weight, event["number"] if done else "")
