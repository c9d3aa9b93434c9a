"""Which order a raw body is about: the one rule per source that makes the partition key.

The key is text and never a float: `data.order_id` exactly as it was sent. Text is taken as it is (nothing is trimmed or
folded: two spellings are two orders until an operator names them one); a JSON number is its own digits, so 5001 is
"5001", 5001.0 is "5001.0" and 1e3 is "1e3". Blank, longer than 200 characters, or anything else: no key. What is JSON,
`streams.json_text` says; of a body that is nested too deeply to be kept the key is read all the same, so that its dead
letter is found with its order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.json_text import TooDeep, Unreadable, id_text, read_json


@dataclass(frozen=True, slots=True)
class Envelope:
    """What intake needs to know of a body; None where the body does not say."""

    order_key: str | None
    event_id: str | None


UNREADABLE = Envelope(None, None)


def read_envelope(body: bytes) -> Envelope:
    """The order (`data.order_id`) and the event's own id (`id`) of a Reveni or warehouse event; never raises."""
    try:
        event: Any = read_json(body)
    except TooDeep as deep:
        event = deep.found
    except Unreadable:
        return UNREADABLE
    if not isinstance(event, dict):
        return UNREADABLE
    data = event.get("data")
    order_id = data.get("order_id") if isinstance(data, dict) else None
    return Envelope(id_text(order_id), id_text(event.get("id")))


def reveni_order_key(body: bytes) -> str | None:
    """The order key of a Reveni event, or None."""
    return read_envelope(body).order_key


def warehouse_order_key(body: bytes) -> str | None:
    """The order key of a warehouse event, or None."""
    return read_envelope(body).order_key
