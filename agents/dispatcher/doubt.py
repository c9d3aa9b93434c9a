"""What a look-up proves, and from when "not there" can be believed (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from agents.described import sentence
from streams.adapter import Document, Limits
from streams.commands import Failure
from streams.shapes import expect
from streams.vocabulary import ErrorKind

LONGEST_ANSWER = 512 << 10
"""Bytes that are kept of what a vendor says; a record that holds more may be larger than the brokers take."""

_LEVELS_OF_A_ROW = 10  # around an answer, and some to spare: orjson writes 254 levels


@dataclass(frozen=True, slots=True)
class Proof:
    """A document that is what was asked for: its number, and what is kept of it."""

    number: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Documents that carry our reference but are not what was asked for; a person must look."""

    failure: Failure


Verdict = Proof | Contradiction


def judge(documents: tuple[Document, ...]) -> Verdict | None:
    """What the documents with a command's reference say of it; None: there are none."""
    if not documents:
        return None
    if len(documents) > 1:
        numbers = ", ".join(document.number for document in documents)
        return _contradiction(
            ErrorKind.DUPLICATE, f"{len(documents)} documents carry this command's reference: {numbers}"
        )
    document = documents[0]
    if document.differences:
        differences = "; ".join(document.differences)
        return _contradiction(
            ErrorKind.MISMATCH, f"document {document.number} is not what was asked for: {differences}"
        )
    expect(document.number, str, "the document's number")
    return Proof(document.number, _kept(document))


def adoptable(candidates: tuple[Document, ...]) -> Verdict | None:
    """L01: one hand-made document that is what was asked for is adopted; of several a person must choose."""
    fitting = tuple(document for document in candidates if not document.differences)
    if len(fitting) > 1:
        numbers = ", ".join(document.number for document in fitting)
        return _contradiction(ErrorKind.DUPLICATE, f"{len(fitting)} documents made by hand fit this command: {numbers}")
    return judge(fitting)


def listed(documents: tuple[Document, ...]) -> list[dict[str, Any]]:
    """Documents as a shadow's outcome shows them."""
    return [{**document.as_json(), "differences": list(document.differences)} for document in documents]


def _contradiction(kind: ErrorKind, text: str) -> Contradiction:
    return Contradiction(Failure(kind, sentence(text)))


def size_of(answer: Any) -> int:
    """Its bytes as JSON; raises `TypeError` on what is not JSON, or is nested too deeply to stand in an order's row."""
    within = answer
    for _ in range(_LEVELS_OF_A_ROW):
        within = [within]
    return len(orjson.dumps(within))


def _kept(document: Document) -> Mapping[str, Any]:
    """What stands in the outcome; the lines of a document that is too large for a record are left out."""
    kept = document.as_json()
    return kept if size_of(kept) <= LONGEST_ANSWER else {**kept, "lines": []}


def send_within(limits: Limits) -> float:
    """Seconds after `begun` in which a write may start: a turn that waited longer for its window begins anew.

    Without this bound the time in a `begun` that a crash left behind would say nothing about when its call was made.
    """
    return limits.deadline_seconds + limits.window_seconds


def settled_after_crash(begun_at: datetime, limits: Limits) -> datetime:
    """From when "not there" is believed, knowing only when a send was begun."""
    return begun_at + timedelta(
        seconds=send_within(limits)
        + limits.deadline_seconds
        + limits.longest_execution_seconds
        + limits.read_lag_seconds
    )


def settled_after_call(ended: datetime, limits: Limits) -> datetime:
    """From when "not there" is believed, after a call that was cut off or answered without a document at `ended`."""
    return ended + timedelta(seconds=limits.longest_execution_seconds + limits.read_lag_seconds)
