"""What a message says, once read: facts that a row can join.

A message is read once, here. What cannot be read raises `Undecodable`, which becomes a dead letter at stage decode or
validate; what is merely unknown (fields, enum values) is kept and carried.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import orjson

from streams import times
from streams.commands import Outcome
from streams.json_text import MAX_ID, Unreadable, id_text, read_object
from streams.shapes import Misshapen, expect
from streams.vocabulary import ErrorKind

Version = tuple[int, str, str]
"""How newer is told from older: (version, updated_at as canonical UTC text, content hash)."""

MAX_VERSION = 2**53


class Undecodable(Exception):
    """A message that no fact can be read from."""

    def __init__(self, message: str, *, stage: str = "validate", kind: ErrorKind = ErrorKind.INVALID) -> None:
        super().__init__(message)
        self.message, self.stage, self.kind = message, stage, kind


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A return as Reveni described it at one version."""

    return_id: str
    order_id: str
    version: Version
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a warehouse found when it looked at some goods."""

    inspection_id: str
    order_id: str
    version: Version
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """What an operator decided about one order."""

    decision_id: str
    order_id: str
    at: str
    by: str
    reason: str
    kind: str
    data: Mapping[str, Any]  # command_id, revision, hash, and what the kind needs


Fact = Snapshot | Inspection | Decision | Outcome


class DecisionRecord(TypedDict):
    """What a decision says; which of these it needs, its kind says."""

    kind: str
    command_id: NotRequired[str | None]
    revision: NotRequired[int | None]
    hash: NotRequired[str | None]
    to: NotRequired[str | None]
    sku: NotRequired[str | None]
    number: NotRequired[str | None]


DECISION_KINDS = frozenset(
    {"approve", "reject", "name_order", "map_sku", "retry", "done_by_hand", "post_anyway"},
)


def content_hash(data: Any) -> str:
    """Sixteen hex digits over the canonical JSON of a value."""
    return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def canonical_time(text: Any, where: str) -> str:
    """An RFC 3339 time as fixed-width UTC text, so that text order is time order; raises `Undecodable`."""
    try:
        return times.fixed(times.read(text))
    except times.InvalidTime as fault:
        raise Undecodable(f"{where} {fault}") from None


def text_id(value: Any, where: str) -> str:
    """An id as text: text as it is, a whole JSON number as its digits; raises `Undecodable`."""
    text = id_text(value)
    if text is not None:
        return text
    if isinstance(value, str) and len(value) > MAX_ID:
        raise Undecodable(f"{where} is longer than {MAX_ID} characters: {_show(value)}")
    raise Undecodable(f"{where} is missing or not an id: {_show(value)}")


def read_snapshot(value: bytes) -> Snapshot:
    """A Reveni event (CONTRACTS section 2)."""
    event = _object(value)
    _expect_type(event, "return.updated")
    data = _data(event)
    return Snapshot(
        return_id=text_id(data.get("return_id"), "data.return_id"),
        order_id=text_id(data.get("order_id"), "data.order_id"),
        version=_version(data, data.get("updated_at"), "data.updated_at"),
        data=data,
    )


def read_inspection(value: bytes) -> Inspection:
    """A warehouse inspection (CONTRACTS section 3)."""
    event = _object(value)
    _expect_type(event, "inspection.recorded")
    data = _data(event)
    lines = data.get("lines")
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise Undecodable("data.lines is not a list of objects")
    recorded = event["recorded_at"] if event.get("recorded_at") is not None else data.get("recorded_at")
    return Inspection(
        inspection_id=text_id(data.get("inspection_id"), "data.inspection_id"),
        order_id=text_id(data.get("order_id"), "data.order_id"),
        version=_version(data, recorded, "recorded_at"),
        data=data,
    )


def read_decision(value: bytes) -> Decision:
    """An operator's decision (CONTRACTS section 4)."""
    event = _object(value)
    _expect_type(event, "decision")
    decision = event.get("decision")
    if not isinstance(decision, dict):
        raise Undecodable("decision is not an object")
    kind = str(decision.get("kind", "")).replace("-", "_")
    if kind not in DECISION_KINDS:
        raise Undecodable(f"decision.kind {_show(decision.get('kind'))} is none of {', '.join(sorted(DECISION_KINDS))}")
    try:
        expect(decision, DecisionRecord, "decision")
    except Misshapen as error:
        raise Undecodable(str(error)) from None
    by, reason = event.get("by"), event.get("reason")
    if not isinstance(by, str) or not by or not isinstance(reason, str) or not reason:
        raise Undecodable("a decision names who took it (by) and why (reason)")
    return Decision(
        decision_id=text_id(event.get("id"), "id"),
        order_id=text_id(event.get("order_id"), "order_id"),
        at=canonical_time(event.get("at"), "at"),
        by=by,
        reason=reason,
        kind=kind,
        data={name: field for name, field in decision.items() if name != "kind"},
    )


def read_outcome(value: bytes) -> Outcome:
    """A dispatcher's outcome; what is not one is a fault of ours."""
    try:
        outcome = Outcome.decode(value)
        for where, moment in (("at", outcome.at), ("answer.at", outcome.answer.get("at"))):
            if moment:
                canonical_time(moment, where)
        if not id_text(outcome.command_id):
            raise ValueError("command_id is empty or too long")
    except KeyError as error:
        raise Undecodable(f"not an outcome: it has no {error.args[0]}", stage="decode", kind=ErrorKind.BUG) from error
    except (ValueError, Undecodable) as error:
        raise Undecodable(f"not an outcome: {error}", stage="decode", kind=ErrorKind.BUG) from error
    return outcome


def _object(value: bytes) -> dict[str, Any]:
    try:
        return read_object(value)
    except Unreadable as error:
        raise Undecodable(f"the body is {error}", stage="decode") from None


def _expect_type(event: Mapping[str, Any], expected: str) -> None:
    if event.get("type") != expected:
        raise Undecodable(f"type is {_show(event.get('type'))}, expected {expected}")


def _data(event: Mapping[str, Any]) -> dict[str, Any]:
    data = event.get("data")
    if not isinstance(data, dict):
        raise Undecodable("data is missing or not an object")
    return data


def _version(data: Mapping[str, Any], moment: Any, where: str) -> Version:
    version = data.get("version")
    if isinstance(version, str) and version.isascii() and version.isdigit() and len(version) < 16:
        version = int(version)
    if not isinstance(version, int) or isinstance(version, bool) or not 0 <= version <= MAX_VERSION:
        raise Undecodable(f"data.version is not a whole number: {_show(version)}")
    return version, canonical_time(moment, where), content_hash(data)


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
