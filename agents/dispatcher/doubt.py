"""What a look-up proves, and from when "not there" can be believed (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from streams.adapter import Document, Limits
from streams.commands import Failure
from streams.vocabulary import ErrorKind


@dataclass(frozen=True, slots=True)
class Proof:
    """A document that is what was asked for."""

    document: Document


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Documents that carry our reference but are not what was asked for; a person must look."""

    failure: Failure


def judge(documents: tuple[Document, ...]) -> Proof | Contradiction | None:
    """What the documents with a command's reference say of it; None: there are none."""
    if not documents:
        return None
    if len(documents) > 1:
        numbers = ", ".join(document.number for document in documents)
        return Contradiction(
            Failure(ErrorKind.DUPLICATE, f"{len(documents)} documents carry this command's reference: {numbers}")
        )
    document = documents[0]
    if document.differences:
        listed = "; ".join(document.differences)
        return Contradiction(
            Failure(ErrorKind.MISMATCH, f"document {document.number} is not what was asked for: {listed}")
        )
    return Proof(document)


def adoptable(candidates: tuple[Document, ...]) -> Proof | Contradiction | None:
    """L01: one hand-made document that is what was asked for is adopted; of several a person must choose."""
    fitting = tuple(document for document in candidates if not document.differences)
    if len(fitting) > 1:
        numbers = ", ".join(document.number for document in fitting)
        return Contradiction(
            Failure(ErrorKind.DUPLICATE, f"{len(fitting)} documents made by hand fit this command: {numbers}")
        )
    return judge(fitting)


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
