"""What an operator does when their turn comes: the product's own records, about what is open then, and the slips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from adapters.acts.audit import Actor, audit_record
from adapters.acts.deciding import ABOUT_THE_ORDER, TOPIC, Decision, decision
from adapters.acts.replaying import NotReplayable, replay_of, resolution_of
from adapters.acts.targets import NoTarget, Target, approvals, expect_decidable, of_letter
from adapters.views.deadletters import DeadLetter
from streams.commands import command_id
from streams.row import Row
from streams.topics import Topology
from tests.simulation.plan import Operate

ACTOR = Actor("olga", "the run has me do it", "simulation")
# What a person is likely to say to an exception of a kind; anything may be said to anything.
_FITTING = {
    "unmapped": ("map_sku", "retry", "retry"),
    "not-found": ("name_order", "retry", "reject"),
    "out-of-stock": ("retry", "reject", "map_sku"),
    "mismatch": ("approve", "post_anyway", "reject", "done_by_hand", "retry"),
    "duplicate": ("post_anyway", "reject", "approve"),
    "closed": ("retry", "done_by_hand"),
    "unknown-outcome": ("retry", "done_by_hand"),
    "refused": ("retry", "retry", "done_by_hand", "reject"),
}
_ANY = ("retry", "retry", "approve", "reject", "post_anyway", "done_by_hand")
_STRAY = 0.1  # of decisions: of a kind that does not fit
_NO_ONES = "0" * 24


@dataclass(frozen=True, slots=True)
class Written:
    """A record to be written; `topic` is its name in CONTRACTS, `partition` None: by its key."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


def act(
    operate: Operate,
    exceptions: Sequence[Mapping[str, Any]],
    waiting: Sequence[Mapping[str, Any]],
    letters: Mapping[str, DeadLetter],
    at: str,
    actor_id: str,
    rows: Mapping[str, Row] | None = None,
) -> list[Written]:
    """The records of one act, the audit first; nothing where nothing is open or the product refuses the act.

    `exceptions` and `waiting` are the command line's lists; `rows` by order key let the operator say yes to approvals
    and decide about exceptions of parts, as the command line does.
    """
    dice = Random(f"{operate.draw}/{actor_id}")
    if operate.verb == "replay":
        return _replayed(operate, letters, at, actor_id, dice)
    return _decided(operate, exceptions, waiting, letters, at, actor_id, rows or {}, dice)


def _decided(
    operate: Operate,
    exceptions: Sequence[Mapping[str, Any]],
    waiting: Sequence[Mapping[str, Any]],
    letters: Mapping[str, DeadLetter],
    at: str,
    actor_id: str,
    rows: Mapping[str, Row],
    dice: Random,
) -> list[Written]:
    found = _decidable(exceptions, waiting, letters, rows)
    if not found:
        return []
    target, about = found[int(operate.draw * len(found))]
    kinds = _ANY if dice.random() < _STRAY else _FITTING.get(about, _ANY)
    kind = "approve" if about == "approval" and dice.random() < 0.7 else dice.choice(kinds)
    try:
        expect_decidable(target, kind)
    except NoTarget:
        kind = "retry"
    seen = _mistaken(target, operate.slip)
    fields = _fields(kind, seen, dice)
    named = None if kind in ABOUT_THE_ORDER else seen
    made = decision(kind, seen.order_key, ACTOR, named, fields, decision_id=f"decision-{actor_id}", at=at)
    written = _records(made, at, actor_id)
    if operate.slip == "twice":
        again = decision(kind, seen.order_key, ACTOR, named, fields, decision_id=f"decision-{actor_id}-again", at=at)
        # The same record once more, and the same words under another id: both are what a second click may send.
        written += [written[-1], *_records(again, at, f"{actor_id}-again")]
    return written


def _decidable(
    exceptions: Sequence[Mapping[str, Any]],
    waiting: Sequence[Mapping[str, Any]],
    letters: Mapping[str, DeadLetter],
    rows: Mapping[str, Row],
) -> list[tuple[Target, str]]:
    """What a decision can be about, with what is wrong with it: open exceptions of commands, and approvals."""
    found = []
    for entry in exceptions:
        if not entry.get("command_id"):
            continue  # a record that is dead, or an order that stands still: no decision is about those
        row = rows.get(str(entry["order_id"]))
        known = row.letters.get(str(entry["dlq_id"])) if row is not None else None
        target = of_letter(row, known) if row is not None and known is not None else _as_listed(entry, letters)
        found.append((target, str(entry["kind"])))
    for order_id in sorted({str(entry["order_id"]) for entry in waiting if entry.get("for") == "approval"}):
        if order_id in rows:
            found += [(target, "approval") for target in approvals(rows[order_id])]
    return found


def _as_listed(entry: Mapping[str, Any], letters: Mapping[str, DeadLetter]) -> Target:
    """An exception as a target, by the list and its letter's command alone."""
    letter = letters.get(str(entry["dlq_id"]))
    wanted = letter.command() if letter is not None else {}
    base = str(entry["command_id"])
    if wanted:
        base = command_id(wanted["account"], str(entry["order_id"]), str(wanted["kind"]), str(wanted["subject"]))
    return Target(
        order_key=str(entry["order_id"]),
        command_id=str(entry["command_id"]),
        revision=int(entry["revision"]),
        hash=str(entry["hash"] or ""),
        step=str(entry["step"]),
        subject=str(entry["subject"]),
        shown=str(entry["reason"]),
        letter_id=str(entry["dlq_id"]),
        postable=bool(wanted.get("body")),
        beside=base != entry["command_id"],
    )


def _mistaken(target: Target, slip: str) -> Target:
    """What the operator believes to be looking at."""
    if slip == "stale":
        return replace(target, revision=target.revision + 7) if target.revision % 2 else replace(target, hash=_NO_ONES)
    if slip == "wrong_target":
        return replace(target, command_id=_NO_ONES)
    return target


def _fields(kind: str, target: Target, dice: Random) -> dict[str, str]:
    match kind:
        case "done_by_hand":
            return {"number": f"BY-HAND-{dice.randrange(10**6)}"}
        case "name_order":
            # Right is the name that it has; an operator who errs says another.
            right = dice.random() < 0.7
            return {"to": target.order_key.removeprefix("9") if right else f"{target.order_key}-X"}
        case "map_sku":
            named = target.mapping_key.removeprefix("skus.").partition(".")[0]
            return {"sku": named or "OLD-1", "to": dice.choice(("TEE-NAVY-M", "TEE-RED-M", "NO-SUCH-SKU"))}
    return {}


def _records(made: Decision, at: str, record_id: str) -> list[Written]:
    """As `decide` writes them: the audit, then the decision."""
    details = {"decision_id": made.decision_id, **made.details}
    key = made.order_key.encode()
    kept = audit_record(ACTOR, f"decide {made.kind}", made.order_key, details, audit_id=f"audit-{record_id}", at=at)
    return [Written("audit", key, kept), Written(TOPIC, key, made.value, tuple(made.headers))]


def _replayed(
    operate: Operate, letters: Mapping[str, DeadLetter], at: str, actor_id: str, dice: Random
) -> list[Written]:
    """A dead record is sent in again; the product refuses a letter that is closed, a part, or about a command."""
    records = sorted(name for name, letter in letters.items() if not letter.is_effect)
    if operate.slip == "wrong_target":
        records = sorted(letters)
    still_open = [name for name in records if letters[name].open]
    # A stale list shows letters that are closed by now.
    choice = records if operate.slip in ("stale", "wrong_target") or not still_open else still_open
    if not choice:
        return []
    letter = letters[choice[int(operate.draw * len(choice))]]
    written: list[Written] = []
    for attempt in range(2 if operate.slip == "twice" else 1):
        try:
            sent, closed = _replay(letter, at, f"{actor_id}-{attempt}")
        except NotReplayable:
            return written
        written += sent
        if dice.random() < 0.1:
            break  # the operator's machine died before the letter was closed: it stays open, and may be sent again
        written.append(closed)
    return written


def replay_all(letters: Mapping[str, DeadLetter], kind: str, at: str, actor_id: str) -> list[Written]:
    """Every open letter about a record that died of one kind of trouble is sent in again, the oldest first."""
    found = [one for one in letters.values() if one.open and not one.is_effect and one.summary()["kind"] == kind]
    written: list[Written] = []
    for number, letter in enumerate(sorted(found, key=lambda one: (one.summary()["first_failed_at"], one.letter_id))):
        sent, closed = _replay(letter, at, f"{actor_id}-all-{number}")
        written += [*sent, closed]
    return written


def retry_all(
    exceptions: Sequence[Mapping[str, Any]],
    letters: Mapping[str, DeadLetter],
    kind: str,
    at: str,
    actor_id: str,
    rows: Mapping[str, Row],
) -> list[Written]:
    """Every open exception of a command that ended in one kind of trouble is retried."""
    written: list[Written] = []
    for number, (target, about) in enumerate(_decidable(exceptions, (), letters, rows)):
        if about == kind:
            act_id = f"{actor_id}-retry-{number}"
            made = decision("retry", target.order_key, ACTOR, target, {}, decision_id=f"decision-{act_id}", at=at)
            written += _records(made, at, act_id)
    return written


def _replay(letter: DeadLetter, at: str, act_id: str) -> tuple[list[Written], Written]:
    """The audit and the record, and what closes the letter then; raises `NotReplayable`."""
    wanted = replay_of(letter, ACTOR, Topology(), replay_id=f"replay-{act_id}")
    details = {"dlq_id": letter.letter_id, "topic": wanted.topic, "replays": wanted.count}
    kept = audit_record(ACTOR, "dlq replay", wanted.order_id, details, audit_id=f"audit-{act_id}", at=at)
    key = wanted.order_id.encode() if wanted.order_id is not None else None
    sent = [
        Written("audit", key, kept),
        Written(wanted.topic, wanted.key, wanted.value, wanted.headers, wanted.partition),
    ]
    return sent, Written("dead.resolutions", letter.letter_id.encode(), resolution_of(letter, wanted, ACTOR, at))
