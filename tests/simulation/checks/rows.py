"""Rows as the changelog carries them, read no further than a check needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

_RANK = {"withheld": 0, "refused": 1, "answered": 2, "done": 3}


class RowRecord:
    """One changelog record of an order. Most questions are answered by looking for a text in its bytes."""

    def __init__(self, at: int, value: bytes) -> None:
        self.at, self.value = at, value  # `at`: the how-manieth record of the whole log

    @cached_property
    def body(self) -> Mapping[str, Any]:
        try:
            body: Mapping[str, Any] = orjson.loads(self.value)["row"]
        except (ValueError, KeyError, TypeError):
            return {}
        return body

    @property
    def quarantined(self) -> str:
        if b'"quarantined":""' in self.value:
            return ""
        return str(self.body.get("quarantined", "unreadable"))

    def owes_nothing(self) -> bool:
        return b'"outbox":0,' in self.value[:200]

    @cached_property
    def owed_commands(self) -> list[tuple[str, int]]:
        """Commands that this record froze, or does not know to be published: (id, revision)."""
        return [
            (cid, encoded[0]["revision"])
            for cid, encoded in self.body.get("issued", {}).items()
            if not encoded[1] and not self._settled(cid, encoded[0])
        ]

    def _settled(self, cid: str, command: Mapping[str, Any]) -> bool:
        known = self.body["outcomes"].get(cid)
        if known is None:
            return False
        asks = command["kind"] in ("order_snapshot", "invoice", "availability")
        return bool(known["done"] and not asks) or bool(
            known["last"] and known["last"]["revision"] >= command["revision"]
        )

    @cached_property
    def owed_letters(self) -> list[tuple[str, int, bool]]:
        """Letters that it opened or closed and does not know to be published: (id, replays, open)."""
        return [
            (letter_id, encoded[1], encoded[2])
            for letter_id, encoded in self.body.get("letters", {}).items()
            if not encoded[3]
        ]

    @cached_property
    def owed_alarms(self) -> list[str]:
        return [key for key, encoded in self.body.get("alarms", {}).items() if not encoded[3]]

    def open_letters(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for letter_id, encoded in self.body.get("letters", {}).items():
            if encoded[2]:
                yield letter_id, encoded[0]


@dataclass(slots=True)
class Fact:
    """What one record of the lane's topics adds to its order's row, and how the row shows that it has it."""

    needle: bytes
    kind: str
    about: str = ""  # inspection or command id
    weight: tuple[Any, ...] = ()
    number: str = ""

    def within(self, row: RowRecord) -> bool:
        if self.needle in row.value:
            return True
        match self.kind:
            case "inspection":  # a newer version stands in its place
                held = row.body.get("inspections", {}).get(self.about)
                if held is None:
                    return False
                standing = row.body["versions"][held[0]]
                return tuple(standing[:2]) >= self.weight
            case "outcome":
                known = row.body.get("outcomes", {}).get(self.about)
                if known is None:
                    return False
                if self.number:
                    return self.number in known["done"]
                last = known["last"]
                return last is not None and (last["revision"], _RANK[last["status"]], last["at"]) >= self.weight
        return False
