"""I13: a dead letter has its full header set, and the bytes that it is about are as they were."""

from __future__ import annotations

from typing import Any

import orjson

from tests.simulation.checks.conservation import LogRecord
from tests.simulation.checks.findings import Findings
from tests.simulation.plan import THE_FAULT

_TEXTS = ("dlq.source.group", "dlq.error.type", "dlq.error.code", "dlq.error.stack", "dlq.blocked-by")  # may be empty
_WHOLE = (
    "dlq.source.partition",
    "dlq.source.offset",
    "dlq.source.timestamp",
    "dlq.attempts",
    "dlq.replays",
)
_NEEDED = (
    "dlq.version",
    "dlq.id",
    "dlq.source.topic",
    "dlq.stage",
    "dlq.error.message",
    "dlq.fingerprint",
    "dlq.first-failed-at",
    "dlq.failed-at",
    "dlq.app",
)
_WORDS = {
    "dlq.disposition": frozenset(
        {"attempts-exhausted", "rejected", "poison", "blocked-by-predecessor", "parked-overflow", "manual"}
    ),
    "dlq.error.kind": frozenset(
        {
            "unmapped",
            "invalid",
            "mismatch",
            "out-of-stock",
            "not-found",
            "closed",
            "duplicate",
            "refused",
            "auth",
            "too-large",
            "unknown-outcome",
            "bug",
        }
    ),
    "dlq.owner": frozenset({"finance", "operations", "cx", "warehouse", "ecommerce", "engineering"}),
}
_STAGES = frozenset({"decode", "validate", "sequence", "produce"})

Place = tuple[str, int, int]


class DeadLetters:
    """Compares each letter with the record that it names."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._records: dict[Place, LogRecord] = {}

    def record(self, topic: str, partition: int, record: LogRecord) -> None:
        """One that a letter may be about."""
        self._records[topic, partition, record.offset] = record

    def letter(self, record: LogRecord) -> tuple[dict[str, str], Place | None]:
        """Its headers, and the record that it buries; None for an effect's letter."""
        self._findings.check("I13")
        order_id = (record.key or b"").decode(errors="replace")
        names = {name: value.decode(errors="replace") for name, value in record.headers if name.startswith("dlq.")}
        wrong = self._headers(names)
        stage, place = names.get("dlq.stage", ""), None
        if not wrong and stage.startswith("effect:"):
            wrong = self._effect(record, names)
        elif not wrong:
            place = (
                names["dlq.source.topic"],
                int(names["dlq.source.partition"]),
                int(names["dlq.source.offset"]),
            )
            wrong = self._bytes(record, place) or self._again(names, place)
        if wrong:
            what = (
                f"letter {names.get('dlq.id', '?')} of order {order_id or '(none)'} at offset {record.offset}: {wrong}"
            )
            self._findings.add("I13", "letter-spoilt", order_id, what)
        if names.get("dlq.error.kind") == "bug" and THE_FAULT not in names.get("dlq.error.message", ""):
            what = f"no message may fail by our own fault; this one did: {names.get('dlq.error.message', '')}"
            self._findings.add("E01", "bug", order_id, what)
        return names, place

    @staticmethod
    def _headers(names: dict[str, str]) -> str:
        for name in (*_NEEDED, *_WHOLE, *_WORDS, *_TEXTS):
            if name not in names:
                return f"the header {name} is missing"
            if not names[name] and name not in _TEXTS:
                return f"the header {name} is empty"
        for name in _WHOLE:
            if not names[name].removeprefix("-").isdigit():
                return f"{name} is to be a number, it is {names[name]!r}"
        for name, words in _WORDS.items():
            if names[name] not in words:
                return f"{name} is {names[name]!r}, which is none of the contract's words"
        stage = names["dlq.stage"]
        if stage not in _STAGES and not (stage.startswith("effect:") and stage[7:]):
            return f"dlq.stage is {stage!r}"
        return ""

    @staticmethod
    def _effect(record: LogRecord, names: dict[str, str]) -> str:
        try:
            command: Any = orjson.loads(record.value or b"")
            about = (str(command["id"]), str(command["kind"]), str(command["order_key"]).encode())
        except (ValueError, KeyError, TypeError):
            return "an effect's letter is to carry the wanted command as JSON, it does not"
        if about != (names["dlq.id"], names["dlq.stage"].partition(":")[2], record.key):
            return f"its command says {about}, its headers and key say otherwise"
        return ""

    def _again(self, names: dict[str, str], place: Place) -> str:
        """A record that was sent in again and fails again is the same letter, opened again (CONTRACTS section 5)."""
        sent = {name: value.decode(errors="replace") for name, value in self._records[place].headers}
        first = sent.get("replay.of", names["dlq.id"])
        if names["dlq.id"] != first:
            return f"it is letter {first} sent in again; it calls itself another"
        if "replay.count" in sent and names["dlq.replays"] != sent["replay.count"]:
            return f"its record was sent in again for the {sent['replay.count']}. time, it says {names['dlq.replays']}"
        return ""

    def _bytes(self, record: LogRecord, place: Place) -> str:
        source = self._records.get(place)
        name = f"{place[0]}-{place[1]}@{place[2]}"
        if source is None:
            return f"it names {name}, where no record is"
        if record.key != source.key:
            return f"the key of {name} was {source.key!r}, the letter's is {record.key!r}"
        if record.value != source.value:
            return f"the {len(source.value or b'')} bytes of {name} are not the letter's {len(record.value or b'')}"
        if record.timestamp != source.timestamp:
            return f"the timestamp of {name} was {source.timestamp}, the letter's is {record.timestamp}"
        kept = [(name, bytes(value)) for name, value in record.headers if not name.startswith("dlq.")]
        were = [(name, bytes(value)) for name, value in source.headers if not name.startswith("dlq.")]
        if kept != were:
            return f"the headers of {name} were {were}, the letter keeps {kept}"
        return ""
