"""Which order a raw body is about: the one rule per source that makes the partition key.

The key is text and never a float: `data.order_id` exactly as it was sent. Text is taken as it is (nothing is trimmed or
folded: two spellings are two orders until an operator names them one); a JSON number is its own digits, so 5001 is
"5001", 5001.0 is "5001.0" and 1e3 is "1e3". Blank, longer than 200 characters, or anything else: no key. A body is
JSON if orjson, which the sequencer reads with, says so; NaN, a byte order mark, invalid UTF-8, lone surrogates and
nesting deeper than 1,024 are therefore not JSON, and of two equal keys the last one counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import orjson

MAX_ID = 200


@dataclass(frozen=True, slots=True)
class Envelope:
    """What intake needs to know of a body; None where the body does not say."""

    order_key: str | None
    event_id: str | None


UNREADABLE = Envelope(None, None)


def read_envelope(body: bytes) -> Envelope:
    """The order (`data.order_id`) and the event's own id (`id`) of a Reveni or warehouse event; never raises."""
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        return UNREADABLE
    envelope = _ids(event)
    if not any(_is_number(value) for value in envelope):
        return Envelope(*(_text(value) for value in envelope))
    # A number has lost its text (5001.0, 1e3, more than 64 bits): read again, keeping every number as it is written.
    try:
        event = json.loads(body, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return UNREADABLE
    return Envelope(*(_text(value) for value in _ids(event)))


def reveni_order_key(body: bytes) -> str | None:
    """The order key of a Reveni event, or None."""
    return read_envelope(body).order_key


def warehouse_order_key(body: bytes) -> str | None:
    """The order key of a warehouse event, or None."""
    return read_envelope(body).order_key


def _ids(event: Any) -> tuple[Any, Any]:
    if not isinstance(event, dict):
        return None, None
    data = event.get("data")
    return (data.get("order_id") if isinstance(data, dict) else None), event.get("id")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() and len(value) <= MAX_ID else None
