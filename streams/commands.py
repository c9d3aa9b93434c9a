"""Commands to an account, and the outcomes that come back: what travels on `erp.commands.*` and `erp.outcomes`.

Bodies are plain JSON objects in the project's own terms, with the account's codes already mapped in (their shapes:
`streams.bodies`). They are frozen when the command is decided; an adapter translates them, it never looks up a mapping.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NotRequired, TypedDict

import orjson

from streams.bodies import ANSWERS, FoundOrder
from streams.json_text import read_object
from streams.shapes import expect
from streams.vocabulary import CommandClass, DocumentKind, ErrorKind, OutcomeStatus, Owner, command_class

Body = Mapping[str, Any]
Stamp = tuple[int, int]


@lru_cache(maxsize=16384)  # a decision asks for each of its ids several times: 29 calls, 8 ids
def command_id(account: str, order_key: str, kind: str, subject: str) -> str:
    """The deterministic id of a command, 32 characters of `[a-z2-7]`; it is the document's external reference.

    Each part is length-prefixed, so no two different tuples read the same.
    """
    digest = hashlib.sha256()
    for part in (account, order_key, kind, subject):
        raw = part.encode()
        digest.update(str(len(raw)).encode() + b":" + raw)
    return base64.b32encode(digest.digest()[:20]).decode().lower()


def body_hash(body: Body) -> str:
    """Sixteen hex digits over the canonical (key-sorted) JSON of a body."""
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Command:
    """One thing asked of one account about one order."""

    id: str
    revision: int
    account: str
    order_key: str
    kind: DocumentKind
    subject: str
    body: Body
    hash: str
    profile_version: int
    row_stamp: Stamp = (0, 0)
    look_first: bool = False  # look up by external reference before the first send (old orders, cut-over)
    adopt_since: str | None = None  # L01: a hand-made document dated at or after this (RFC 3339) may be adopted
    void: bool = False  # no longer wanted: withheld if not begun, else it runs to its end and is reversed
    shadow: bool = False  # L02: look, compare, send nothing
    asked_at: str = ""  # a question: when it was decided (RFC 3339 UTC), by the clock that judges its answer's age

    @property
    def klass(self) -> CommandClass:
        return command_class(self.kind)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "revision": self.revision,
            "account": self.account,
            "order_key": self.order_key,
            "kind": self.kind.value,
            "subject": self.subject,
            "body": self.body,
            "hash": self.hash,
            "profile_version": self.profile_version,
            "row_stamp": list(self.row_stamp),
            "look_first": self.look_first,
            "adopt_since": self.adopt_since,
            "void": self.void,
            "shadow": self.shadow,
            **({"asked_at": self.asked_at} if self.asked_at else {}),
        }

    def encode(self) -> bytes:
        """The JSON record value."""
        return orjson.dumps(self.as_json())

    @classmethod
    def decode(cls, value: bytes) -> Command:
        """Read a record value; raises `ValueError` or `KeyError` on what is not a command."""
        return cls.decode_json(orjson.loads(value))

    @classmethod
    def decode_json(cls, raw: Mapping[str, Any]) -> Command:
        return cls(
            id=raw["id"],
            revision=raw["revision"],
            account=raw["account"],
            order_key=raw["order_key"],
            kind=DocumentKind(raw["kind"]),
            subject=raw["subject"],
            body=raw["body"],
            hash=raw["hash"],
            profile_version=raw["profile_version"],
            row_stamp=(raw["row_stamp"][0], raw["row_stamp"][1]),
            look_first=raw.get("look_first", False),
            adopt_since=raw.get("adopt_since"),
            void=raw.get("void", False),
            shadow=raw.get("shadow", False),
            asked_at=raw.get("asked_at", ""),
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a command: when (RFC 3339 UTC), what was called, how it ended."""

    at: str
    call: str
    result: str

    def as_json(self) -> dict[str, str]:
        return {"at": self.at, "call": self.call, "result": self.result}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a command was refused: its kind, a sentence for people, the vendor's code; an owner unless the kind's."""

    kind: ErrorKind
    message: str
    code: str = ""
    type: str = ""
    owner: Owner | None = None
    disposition: str = "rejected"  # or attempts-exhausted
    stack: str = ""  # a fault of ours: the end of its stack

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "message": self.message,
            "code": self.code,
            "type": self.type,
            "owner": self.owner.value if self.owner else None,
            "disposition": self.disposition,
            **({"stack": self.stack} if self.stack else {}),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Failure:
        return cls(
            kind=ErrorKind(raw["kind"]),
            message=raw["message"],
            code=raw.get("code", ""),
            type=raw.get("type", ""),
            owner=Owner(raw["owner"]) if raw.get("owner") else None,
            disposition=raw.get("disposition", "rejected"),
            stack=raw.get("stack", ""),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended; a fact about its order."""

    command_id: str
    revision: int
    hash: str
    account: str
    order_key: str
    kind: DocumentKind
    subject: str
    status: OutcomeStatus
    at: str  # RFC 3339 UTC, the dispatcher's clock
    number: str = ""  # done: the document's number in the other system
    document: Mapping[str, Any] = field(default_factory=dict)  # done: what was read back as proof
    answer: Mapping[str, Any] = field(default_factory=dict)  # answered
    failure: Failure | None = None  # refused
    reason: str = ""  # withheld: shadow, void, superseded; done: created, found, adopted, by-hand
    attempts: tuple[Attempt, ...] = ()

    def encode(self) -> bytes:
        """The JSON record value."""
        return orjson.dumps(
            {
                "command_id": self.command_id,
                "revision": self.revision,
                "hash": self.hash,
                "account": self.account,
                "order_key": self.order_key,
                "kind": self.kind.value,
                "subject": self.subject,
                "status": self.status.value,
                "at": self.at,
                "number": self.number,
                "document": self.document,
                "answer": self.answer,
                "failure": self.failure.as_json() if self.failure else None,
                "reason": self.reason,
                "attempts": [attempt.as_json() for attempt in self.attempts],
            }
        )

    @classmethod
    def decode(cls, value: bytes) -> Outcome:
        """Read a record value; raises `ValueError` or `KeyError` on what is not an outcome."""
        raw = read_object(value)
        expect(raw, OutcomeRecord)
        outcome = cls.decode_json(raw)
        if outcome.status is OutcomeStatus.ANSWERED:
            expect_answer(outcome.kind, outcome.answer)
        if outcome.status is OutcomeStatus.REFUSED and outcome.failure is None:
            raise ValueError("it is refused and has no failure")
        if outcome.status is OutcomeStatus.DONE and not outcome.number:
            raise ValueError("it is done and has no number")
        return outcome

    @classmethod
    def decode_json(cls, raw: Mapping[str, Any]) -> Outcome:
        return cls(
            command_id=raw["command_id"],
            revision=raw["revision"],
            hash=raw["hash"],
            account=raw["account"],
            order_key=raw["order_key"],
            kind=DocumentKind(raw["kind"]),
            subject=raw["subject"],
            status=OutcomeStatus(raw["status"]),
            at=raw["at"],
            number=raw.get("number", ""),
            document=raw.get("document") or {},
            answer=raw.get("answer") or {},
            failure=Failure.from_json(raw["failure"]) if raw.get("failure") else None,
            reason=raw.get("reason", ""),
            attempts=tuple(Attempt(a["at"], a["call"], a["result"]) for a in raw.get("attempts", ())),
        )


class AttemptRecord(TypedDict):
    at: str
    call: str
    result: str


class FailureRecord(TypedDict):
    kind: str
    message: str
    code: NotRequired[str]
    type: NotRequired[str]
    owner: NotRequired[str | None]
    disposition: NotRequired[str]


def expect_answer(kind: DocumentKind, answer: Mapping[str, Any]) -> None:
    """Raises `ValueError` on what is no answer to a question of this kind."""
    if kind not in ANSWERS:
        raise ValueError(f"it is answered, and {kind.value} is no question")
    expect(answer, ANSWERS[kind], "answer")
    if answer.get("found") == 1:
        expect(answer, FoundOrder, "answer")


class OutcomeRecord(TypedDict):
    """An outcome's record value."""

    command_id: str
    revision: int
    hash: str
    account: str
    order_key: str
    kind: str
    subject: str
    status: str
    at: str
    number: NotRequired[str]
    document: NotRequired[dict[str, Any] | None]
    answer: NotRequired[dict[str, Any] | None]
    failure: NotRequired[FailureRecord | None]
    reason: NotRequired[str]
    attempts: NotRequired[list[AttemptRecord]]
