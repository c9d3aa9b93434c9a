"""Rows as bytes: the changelog's record value, format 1.

Versions repeat within a row (each snapshot sets many registers), so they are kept once in a table and registers point
into it. The stamp stands outside the row's body and is the same in every later format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from streams.commands import Command, Stamp
from streams.facts import Decision, Version
from streams.registers import RefundRegister, Register, ReturnRegister
from streams.row import ROW_FORMAT, CommandFacts, Issued, Letter, Row, Waiting


class UnreadableRow(Exception):
    """A changelog record that is not a row of a format this program knows."""


class _Versions:
    """The table of versions while encoding."""

    def __init__(self) -> None:
        self.index: dict[Version, int] = {}

    def __call__(self, version: Version | None) -> int | None:
        if version is None:
            return None
        return self.index.setdefault(version, len(self.index))

    def registers(self, registers: Mapping[str, Register]) -> dict[str, list[Any]]:
        return {name: [self(register[0]), register[1]] for name, register in registers.items()}


def encode(row: Row) -> bytes:
    """The record value of a row."""
    versions = _Versions()
    body: dict[str, Any] = {
        "returns": {return_id: _return(register, versions) for return_id, register in row.returns.items()},
        "inspections": versions.registers(row.inspections),
        "outcomes": {key: {"done": known.done, "last": known.last} for key, known in row.outcomes.items()},
        "decisions": {key: _decision(decision) for key, decision in row.decisions.items()},
        "rulings": row.rulings,
        "first_seen": row.first_seen,
        "issued": {key: _issued(issued) for key, issued in row.issued.items()},
        "letters": {key: _letter(letter) for key, letter in row.letters.items()},
        "alarms": {key: _letter(alarm) for key, alarm in row.alarms.items()},
        "waiting": [_waiting(item) for item in row.waiting.values()],
        "playbooks": row.playbooks,
        "quarantined": row.quarantined,
        "source": row.source,
    }
    body["versions"] = list(versions.index)
    return orjson.dumps(
        {
            "format": ROW_FORMAT,
            "stamp": row.stamp,
            "previous": row.previous,
            "joined": list(row.joined.items()),
            "outbox": sum(1 for _ in row.unpublished()),
            "due": row.due(),
            "blocked": any(letter.open and letter.content["mapping_key"] for letter in row.letters.values()),
            "key": row.order_key,
            "row": body,
        }
    )


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before a row's body: read without decoding it, so that a million resting rows cost little."""

    stamp: Stamp
    previous: Stamp
    joined: Mapping[int, int]  # generation -> newest sequence of others' records that it holds as well
    outbox: int  # decided, not known to be in its topic
    due: str  # when something owed becomes late; empty: nothing is
    blocked: bool  # waits for a mapping of the profile


def head_of(value: bytes) -> Head:
    """The head of a record; raises `UnreadableRow`."""
    try:
        raw = orjson.loads(value[: value.index(b',"key":')] + b"}")
        if raw["format"] != ROW_FORMAT:
            raise UnreadableRow(
                f"row format {raw['format']} is not {ROW_FORMAT}: written by another version of this program"
            )
        return Head(
            stamp=(raw["stamp"][0], raw["stamp"][1]),
            previous=(raw["previous"][0], raw["previous"][1]),
            joined=dict(raw.get("joined", ())),
            outbox=raw["outbox"],
            due=raw["due"],
            blocked=raw["blocked"],
        )
    except UnreadableRow:
        raise
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise UnreadableRow(f"not a row: {error!r}") from error


def merge(old: bytes | None, new: bytes) -> bytes:
    """Join a changelog record into what stands: I11.

    A record whose `previous` is the stamp that stands was written by someone who had read it, so it simply follows,
    if it also holds what was joined in (`joined`). Any other record met what stands out of turn (a zombie's late write,
    or one written without seeing that write): they are joined.
    """
    after = head_of(new)
    if old is None or old == new:
        return new
    before = head_of(old)
    if after.previous == before.stamp and all(
        after.joined.get(generation, -1) >= sequence for generation, sequence in before.joined.items()
    ):
        return new
    mine, theirs = decode(old), decode(new)
    mine.join(theirs)
    mine.stamp, mine.previous = max(before.stamp, after.stamp), min(before.stamp, after.stamp)
    return encode(mine)


def decode(value: bytes) -> Row:
    """A row from a record value; raises `UnreadableRow`."""
    try:
        raw = orjson.loads(value)
        if raw["format"] != ROW_FORMAT:
            raise UnreadableRow(
                f"row format {raw['format']} is not {ROW_FORMAT}: written by another version of this program"
            )
        return _decode(raw)
    except UnreadableRow:
        raise
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise UnreadableRow(f"not a row: {error!r}") from error


def _decode(raw: dict[str, Any]) -> Row:
    body = raw["row"]
    versions: list[Version] = [(v[0], v[1], v[2]) for v in body["versions"]]

    def registers(encoded: Mapping[str, list[Any]]) -> dict[str, Register]:
        return {name: (versions[pair[0]], pair[1]) for name, pair in encoded.items()}

    def version(index: int | None) -> Version | None:
        return None if index is None else versions[index]

    return Row(
        order_key=raw["key"],
        returns={
            return_id: ReturnRegister(
                fields=registers(encoded["fields"]),
                late={line: registers(known) for line, known in encoded["late"].items()},
                refunds={
                    refund_id: RefundRegister(registers(refund[0]), version(refund[1]), version(refund[2]))
                    for refund_id, refund in encoded["refunds"].items()
                },
                hashes={int(number): tuple(hashes) for number, hashes in encoded["hashes"].items()},
                earliest=version(encoded["earliest"]),
                news=encoded.get("news", {}),
            )
            for return_id, encoded in body["returns"].items()
        },
        inspections=registers(body["inspections"]),
        outcomes={key: CommandFacts(known["done"], known["last"]) for key, known in body["outcomes"].items()},
        decisions={key: Decision(*fields) for key, fields in body["decisions"].items()},
        rulings=body["rulings"],
        first_seen=body["first_seen"],
        issued={key: _read_issued(encoded) for key, encoded in body["issued"].items()},
        letters={key: Letter(key, *encoded) for key, encoded in body["letters"].items()},
        alarms={key: Letter(key, *encoded) for key, encoded in body["alarms"].items()},
        waiting={item.key: item for item in (Waiting(*encoded) for encoded in body["waiting"])},
        playbooks=body["playbooks"],
        quarantined=body["quarantined"],
        source=tuple(body["source"]) if body["source"] else None,
        stamp=(raw["stamp"][0], raw["stamp"][1]),
        previous=(raw["previous"][0], raw["previous"][1]),
        joined=dict(raw.get("joined", ())),
    )


def _return(register: ReturnRegister, versions: _Versions) -> dict[str, Any]:
    return {
        "fields": versions.registers(register.fields),
        "late": {line: versions.registers(known) for line, known in register.late.items()},
        "refunds": {
            refund_id: [versions.registers(refund.fields), versions(refund.paid), versions(refund.failed)]
            for refund_id, refund in register.refunds.items()
        },
        "hashes": {str(number): hashes for number, hashes in register.hashes.items()},
        "earliest": versions(register.earliest),
        "news": register.news,
    }


def _decision(decision: Decision) -> list[Any]:
    return [
        decision.decision_id,
        decision.order_id,
        decision.at,
        decision.by,
        decision.reason,
        decision.kind,
        decision.data,
    ]


def _issued(issued: Issued) -> list[Any]:
    """A body that is the command's own, as most are, is not written twice: a fifth of a row."""
    command = issued.command
    bodies = {
        key: [revision, None if key == command.hash and body == command.body else body]
        for key, (revision, body) in issued.bodies.items()
    }
    return [command.as_json(), issued.published, bodies]


def _read_issued(encoded: list[Any]) -> Issued:
    own: dict[str, Any] = encoded[0]["body"]
    bodies = {key: (body[0], own if body[1] is None else body[1]) for key, body in encoded[2].items()}
    return Issued(Command.decode_json(encoded[0]), encoded[1], bodies)


def _letter(letter: Letter) -> list[Any]:
    return [letter.content, letter.replays, letter.open, letter.published, letter.since]


def _waiting(item: Waiting) -> list[Any]:
    return [
        item.step,
        item.subject,
        item.waits_for,
        item.since,
        item.due,
        item.why,
        item.return_id,
        item.refund_id,
        item.deadline,
        item.command_id,
        item.hash,
    ]
