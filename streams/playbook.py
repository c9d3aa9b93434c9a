"""A playbook is data: the steps one system needs, what each is about, what each waits for.

`evaluate` reads a row through it and says, for every step and subject, where it stands. Nothing is decided here that
the row does not hold: `streams.decide` turns positions into commands, letters and alarms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from streams.case import Case
from streams.commands import Body, Failure, body_hash
from streams.facts import Decision
from streams.owners import owner_of
from streams.profile import Unmapped
from streams.row import CommandFacts, Issued
from streams.verdicts import Held, NotNeeded, Ready, Stop, Verdict, Waits, intent
from streams.vocabulary import LEFT_BEHIND, MAY_STAND, DocumentKind, ErrorKind, OutcomeStatus, Owner


@dataclass(frozen=True, slots=True)
class About:
    """One subject of a step, and the piece of the order that it is about."""

    subject: str
    return_id: str = ""
    refund_id: str = ""
    piece: Any = None
    worth: tuple[str, str] = ("", "")  # amount and currency, where it is about money
    apart: bool = False  # an exception of its own: no other step waits for it


Gate = Callable[[Case, About], None]
"""A named, pure predicate over the case: passes, or raises `Stop` with what stands in the way."""

Builder = Callable[[Case, About], Ready]
Changed = Callable[[Body, Body], str]
"""Compares what was posted with what is wanted now; a sentence when an operator must see the difference, else empty."""


def frozen(_posted: Body, _wanted: Body) -> str:
    """What is done stays as it is; growth is a supplement with a subject of its own."""
    return ""


@dataclass(frozen=True, slots=True)
class Step:
    """One document that a system needs about an order, and what it waits for."""

    kind: DocumentKind
    about: Callable[[Case], Iterable[About]]
    body: Builder
    when: tuple[Gate, ...] = ()
    after: tuple[DocumentKind, ...] = ()
    deadline: str = ""
    changed: Changed = frozen
    role: str = "finance_ledger"  # whose account this step belongs to, in the profile's roles
    approval: bool = False  # always waits for a person's yes, whatever the profile says


@dataclass(frozen=True, slots=True)
class Playbook:
    """The steps of one system, in the order in which they depend on each other."""

    system: str
    version: int
    steps: tuple[Step, ...]


class State(Enum):
    """Where one step about one subject stands."""

    DONE = "done"
    IN_FLIGHT = "in flight"
    READY = "ready"
    WAITS = "waits"
    HELD = "held"
    DEAD = "dead"  # the other system refused it
    NOT_NEEDED = "not needed"
    VOIDING = "voiding"  # no longer wanted, but its end is not known yet
    SHADOWED = "shadowed"


SETTLED = frozenset({State.DONE, State.NOT_NEEDED, State.DEAD, State.SHADOWED})


@dataclass(slots=True)
class Position:
    """One step about one subject, as the row has it."""

    step: Step
    about: About
    command_id: str
    state: State
    verdict: Verdict
    number: str = ""
    body: Body | None = None  # as posted when done, as wanted otherwise
    revise: bool = False  # a new revision has to be issued
    void: bool = False
    notes: list[Held] = field(default_factory=list)  # further exceptions beside the state

    @property
    def kind(self) -> DocumentKind:
        return self.step.kind

    def letter_subject(self, held: Held) -> str:
        """What an exception of this position is filed under; its own has its command's subject.

        A part's is named by its return: the document that will carry the part changes as others of the chain are made,
        and the letter that a person has before him stays the same one.
        """
        if held.part:
            return f"{self.about.return_id}/{held.part}"
        return self.about.subject if held is self.verdict else f"{self.about.subject}#{held.kind.value}"


def evaluate(case: Case, steps: Iterable[Step]) -> list[Position]:
    """Every one of these steps about every subject, in their order."""
    for step in steps:
        for about in step.about(case):
            position = _place(case, step, about)
            case.placed(position.kind, about.return_id, about.refund_id, position)
    return list(case.positions)


def _place(case: Case, step: Step, about: About) -> Position:
    cid = case.command_id(step.kind, about.subject)
    known, issued = case.row.outcome_of(cid), case.row.issued.get(cid)
    hand = case.ruling("done_by_hand", cid)
    if known.done or hand:
        return _done(case, step, about, cid, known, hand)
    in_flight = issued is not None and not issued.command.void and not case.row.is_settled(issued)
    verdict = _verdict(case, step, about, cid, in_flight=in_flight)
    position = Position(step, about, cid, State.READY, verdict)
    if issued is not None and not case.row.is_settled(issued):
        return _in_flight(position, issued, verdict)
    if isinstance(verdict, Held):
        verdict = position.verdict = _unless_said(case, position, verdict)
    match verdict:
        case NotNeeded():
            position.state = State.NOT_NEEDED
            return _called_off(case, position, known, issued)
        case Waits():
            position.state = State.WAITS
            if verdict.withdraw:
                _called_off(case, position, known, issued)
            position.notes.extend(verdict.held)
            return position
        case Held():
            position.state = State.HELD
            return position
    position.body = verdict.body
    return _ready(case, position, known, issued, verdict)


def _unless_said(case: Case, position: Position, held: Held) -> Held | Waits:
    """R15: where what a step comes after says already that the order is not found, it waits for that letter.

    Without a return of its own (goods that cannot be counted before the order is known) it is about any of them.
    """
    if held.kind is not ErrorKind.NOT_FOUND or held.body is not None:
        return held
    for kind in position.step.after:
        for other in case.all_placed(kind):
            about_it = position.about.return_id in ("", other.about.return_id)
            if other.state is State.HELD and other.verdict == held and about_it:
                return Waits(f"letter:{other.command_id}", held.sentence, position.step.deadline)
    return held


def _done(case: Case, step: Step, about: About, cid: str, known: CommandFacts, hand: Decision | None) -> Position:
    number = known.number or (str(hand.data.get("number", "")) if hand else "")
    body = case.done_body(step.kind, about.subject)
    position = Position(step, about, cid, State.DONE, NotNeeded("done"), number=number, body=body)
    if len(known.done) > 1:
        numbers = ", ".join(sorted(known.done))
        position.notes.append(
            Held(
                ErrorKind.DUPLICATE,
                f"{step.kind.value} {about.subject} stands under more than one number: {numbers}.",
                Owner.WAREHOUSE if step.kind is DocumentKind.ITEM_RECEIPT else Owner.FINANCE,
                body=body,
            )
        )
    if body is not None and step.changed is not frozen:
        wanted = _verdict(case, step, about, cid, in_flight=True)
        if isinstance(wanted, Ready):
            sentence = step.changed(body, wanted.body)
            if sentence:
                position.notes.append(Held(ErrorKind.MISMATCH, sentence, Owner.FINANCE, body=wanted.body))
            elif wanted.flagged is not None:
                position.notes.append(wanted.flagged)
        elif isinstance(wanted, Held) and wanted.kind is ErrorKind.INVALID:
            position.notes.append(wanted)  # what is said of it now makes no sense; what is made stands
    return position


def _verdict(case: Case, step: Step, about: About, cid: str, *, in_flight: bool) -> Verdict:
    """What the gates and the body builder say. While a command is in flight, mere waiting does not hold it back."""
    rejected = case.ruling("reject", cid)
    if rejected:
        return NotNeeded(f"rejected by {rejected.by}: {rejected.reason}")
    case.asking(lenient=in_flight)
    held: Held | Waits | None = None
    try:
        for gate in step.when:
            gate(case, about)
        if not in_flight:
            _predecessors(case, step, about)
        ready = step.body(case, about)
    except Unmapped as missing:
        return Held(ErrorKind.UNMAPPED, missing.sentence, missing.owner, mapping_key=missing.key)
    except Stop as stop:
        verdict = stop.verdict
        if isinstance(verdict, NotNeeded):
            return verdict
        held = verdict
        said_yes = case.approval(cid, body_hash(verdict.body)) if verdict.body is not None else None
        if verdict.body is None or said_yes is None:
            return verdict
        # What is made because somebody decided so has the day of the decision.
        ready = Ready({**verdict.body, "date": said_yes.at} if verdict.body.get("date") == "" else verdict.body)
    wants_approval = step.approval or step.kind.value in case.profile.policies.approval
    asks = held is None and wants_approval and not in_flight and not _is_refused(case, cid, ready.body)
    if asks and not case.allowed(cid, body_hash(ready.body)):
        why = f"Finance approves each {step.kind.value.replace('_', ' ')}"
        return Waits("approval", why, step.deadline, body=ready.body)
    return ready


def _is_refused(case: Case, cid: str, body: Body) -> bool:
    """Whether just this was sent and refused: its exception stands, and it is sent again only when a person says so.

    A yes is asked for what is to be sent. A profile that began to ask for it closed the exception about a note that
    stands in the books with a wrong amount (found by simulation, seed 5679).
    """
    issued, last = case.row.issued.get(cid), case.row.outcome_of(cid).last
    return (
        issued is not None
        and case.row.is_settled(issued)
        and last is not None
        and last["status"] == OutcomeStatus.REFUSED.value
        and _is_same(body, issued.command.body, Failure.from_json(last["failure"]).kind)
        and not case.retried(cid, issued.command.revision)
    )


def _is_same(body: Body, refused: Body, kind: ErrorKind) -> bool:
    """Whether it would be refused again. Another date alone makes another document only where a period was closed: what
    a refusal left in the books would be made a second time."""
    if kind is not ErrorKind.CLOSED and "date" in refused:
        body = {**body, "date": refused["date"]}
    return body_hash(body) == body_hash(refused)


def _predecessors(case: Case, step: Step, about: About) -> None:
    """`after` binds only to what is required for this subject: done, dead and not needed all let it pass.

    So does a step of which only some parts wait for a person: what needs one of those parts waits for its letter.
    """
    for kind in step.after:
        for position in case.placed_for(kind, about.return_id, about.refund_id):
            verdict = position.verdict
            if position.about.apart:
                continue
            if position.state is State.WAITS and isinstance(verdict, Waits) and verdict.held:
                continue
            if position.state in SETTLED:
                continue
            waits_for = kind.value
            if position.state is State.HELD:
                waits_for = f"letter:{position.command_id}"
            elif position.state is State.WAITS and position.notes:
                waits_for = f"letter:{case.command_id(kind, position.letter_subject(position.notes[0]))}"
            raise Stop(Waits(waits_for, f"the {kind.value.replace('_', ' ')} is not there yet", step.deadline))


def _in_flight(position: Position, issued: Issued, verdict: Verdict) -> Position:
    command = issued.command
    position.body = command.body
    match verdict:
        case NotNeeded() | Held():
            position.state = State.VOIDING
            position.void = not command.void
            if isinstance(verdict, Held):
                position.notes.append(verdict)
        case Waits():
            position.void = verdict.withdraw and not command.void
            position.state = State.VOIDING if command.void or position.void else State.IN_FLIGHT
        case Ready():
            position.state = State.IN_FLIGHT
            changed = intent(verdict.body) != intent(command.body)
            if command.void or changed:
                position.revise, position.body = True, verdict.body
            position.notes.extend(verdict.held)
            if verdict.flagged:
                position.notes.append(verdict.flagged)
    return position


def _called_off(case: Case, position: Position, known: CommandFacts, issued: Issued | None) -> Position:
    """Nothing is to be made, or not now; what may have been made all the same is not forgotten.

    A command that ended with its effect unknown is called off, so that its account is asked whether it stands. Where
    that is refused as well a person has to look.
    """
    last = known.last
    if issued is None or last is None or last["status"] != OutcomeStatus.REFUSED.value:
        return position
    command, failure = issued.command, Failure.from_json(last["failure"])
    if not command.void:
        # Whoever said no to what stands otherwise than asked for has looked at it.
        position.void = failure.kind in (MAY_STAND if case.ruling("reject", position.command_id) else LEFT_BEHIND)
    elif case.retried(position.command_id, command.revision):
        position.void = True
    elif not case.closed(position.command_id, command.revision):
        position.body = command.body
        death = _death(position, failure, last)
        why = "It has to wait" if position.state is State.WAITS else "It is no longer wanted"
        sentence = f"{why}, and could not be called off: {death.sentence}"
        position.state, position.verdict = State.DEAD, replace(death, sentence=sentence)
    if position.void:
        position.state = State.VOIDING
    return position


def _ready(case: Case, position: Position, known: CommandFacts, issued: Issued | None, verdict: Ready) -> Position:
    position.notes.extend(verdict.held)
    if verdict.flagged:
        position.notes.append(verdict.flagged)
    if issued is None or known.last is None:
        position.revise = True
        return position
    match OutcomeStatus(known.last["status"]):
        case OutcomeStatus.WITHHELD if known.last["reason"] == "shadow":
            if case.profile.merchant.mode == "shadow":
                found: Mapping[str, Any] = known.last.get("document") or {}
                position.state, position.number = State.SHADOWED, str(found.get("number", "")) or "(shadow)"
            else:
                position.revise = True
        case OutcomeStatus.REFUSED:
            if _is_refused(case, position.command_id, verdict.body):
                position.state = State.DEAD
                position.verdict = _death(position, Failure.from_json(known.last["failure"]), known.last)
            else:
                position.revise = True
        case _:
            position.revise = True
    return position


def _death(position: Position, failure: Failure, last: Mapping[str, Any]) -> Held:
    return Held(
        failure.kind,
        failure.message,
        failure.owner or owner_of(failure.kind, position.kind),
        body=position.body,
        code=failure.code,
        type=failure.type,
        disposition=failure.disposition,
        attempts=int(last.get("attempts", 0)),
        stack=failure.stack,
    )
