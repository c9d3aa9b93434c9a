"""From a row to what is to be done about it: the sequencer's decision, pure.

`decide` evaluates the playbooks, freezes new commands into the row's outbox, opens and closes its letters and alarms
and notes what it waits for. Deciding twice on an unchanged row changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from streams.case import ABOUT_THE_ORDER, Case, Wanted
from streams.commands import Body, Command, Stamp, body_hash, command_id
from streams.facts import Decision
from streams.letters import exception_content
from streams.playbook import About, Playbook, Position, State, evaluate
from streams.profile import Profile
from streams.returns import InvalidReturn
from streams.row import Issued, Letter, Row, Waiting
from streams.verdicts import Held, Waits
from streams.vocabulary import DocumentKind, ErrorKind, Owner

OWN_EXCEPTION = "decision"
"""What a step waits for that is itself an exception: a person's decision."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a decision rests on besides the row: the profile's record and each system's playbook."""

    profile: Profile
    playbooks: Mapping[str, Playbook]  # by system


def decide(row: Row, rules: Rules, now: datetime, stamp: Stamp) -> None:
    """Bring the row's effects up to date with its facts, at one moment, under the stamp it will be written with."""
    _rule(row)
    letters: dict[str, tuple[dict[str, object], Held]] = {}
    waiting: dict[str, Waiting] = {}
    for account in rules.profile.role_accounts():
        playbook = rules.playbooks[rules.profile.account(account).system]
        _decide_account(row, rules.profile, account, playbook, now, stamp, letters, waiting)
    for held, about in _row_exceptions(row):
        _note(row, letters, held, account="", step="order", about=about)
    _settle_letters(row, {key: content for key, (content, _) in letters.items()}, now)
    _settle_alarms(row, waiting, now)
    row.waiting = waiting
    for issued in row.issued.values():
        _forget_bodies(row, issued)


def note_fault(row: Row, sentence: str, now: datetime, stamp: Stamp) -> bool:
    """Keep with an order that our program could not decide about it: an exception that closes when it can.

    False when that stands there already.
    """
    letters: dict[str, tuple[dict[str, object], Held]] = {}
    held = Held(ErrorKind.BUG, sentence, Owner.ENGINEERING)
    _note(row, letters, held, account="", step="order", about=About("decide"))
    [(letter_id, (content, _))] = letters.items()
    before = row.letters.get(letter_id)
    if before is not None and before.open and before.content == content:
        return False
    _open_letter(row, letter_id, content, _text(now))
    row.previous, row.stamp = row.stamp, stamp
    return True


def _decide_account(
    row: Row,
    profile: Profile,
    account: str,
    playbook: Playbook,
    now: datetime,
    stamp: Stamp,
    letters: dict[str, tuple[dict[str, object], Held]],
    waiting: dict[str, Waiting],
) -> None:
    case = Case(row, profile, account, now)
    mine = tuple(step for step in playbook.steps if profile.role_account(step.role) == account)
    for position in evaluate(case, mine):
        step, about = position.step, position.about
        if position.revise and position.body is not None:
            _issue(row, case, step.kind, about.subject, position.command_id, position.body, about.return_id, stamp)
        elif position.void:
            _void(row, position.command_id, stamp)
        held = [*position.notes]
        if position.state in (State.HELD, State.DEAD) and isinstance(position.verdict, Held):
            held.append(position.verdict)
        for exception in held:
            _note(
                row,
                letters,
                exception,
                account=account,
                step=step.kind.value,
                about=about,
                filed=position.letter_subject(exception),
            )
        _wait(row, profile, account, position, waiting, now)
    for wanted in case.questions.values():
        _issue_question(row, case, wanted, stamp)


# -- commands


def _issue(
    row: Row, case: Case, kind: DocumentKind, subject: str, cid: str, body: Body, return_id: str, stamp: Stamp
) -> None:
    before = row.issued.get(cid)
    adopt_since = case.adopt_since(return_id)
    command = Command(
        id=cid,
        revision=before.command.revision + 1 if before else 1,
        account=case.account,
        order_key=row.order_key,
        kind=kind,
        subject=subject,
        body=body,
        hash=body_hash(body),
        profile_version=case.profile.version,
        row_stamp=stamp,
        look_first=adopt_since is not None,
        adopt_since=adopt_since,
        shadow=case.profile.merchant.mode == "shadow" and not kind.is_question,
        asked_at=_text(case.now) if kind.is_question else "",
    )
    _freeze(row, command)


def _issue_question(row: Row, case: Case, wanted: Wanted, stamp: Stamp) -> None:
    _issue(row, case, wanted.kind, wanted.subject, wanted.command_id, wanted.body, wanted.return_id, stamp)


def _void(row: Row, cid: str, stamp: Stamp) -> None:
    command = row.issued[cid].command
    _freeze(row, replace(command, revision=command.revision + 1, void=True, row_stamp=stamp))


def _freeze(row: Row, command: Command) -> None:
    before = row.issued.get(command.id)
    bodies = dict(before.bodies) if before else {}
    bodies[command.hash] = (command.revision, dict(command.body))
    row.issued[command.id] = Issued(command, published=False, bodies=bodies)


def _forget_bodies(row: Row, issued: Issued) -> None:
    """Keep only the bodies that can still turn out to be the one that was posted.

    After an end that nobody knows, that may be any of them: a second such end had the first one's body forgotten, and
    what was found posted was taken for what is wanted now (found by simulation, seed 2007).
    """
    known = row.outcome_of(issued.command.id)
    if known.done:
        posted = {str(outcome["hash"]) for outcome in known.done.values()}
        issued.bodies = {key: body for key, body in issued.bodies.items() if key in posted}
    elif not row.may_turn_up(issued):
        issued.bodies = {issued.command.hash: (issued.command.revision, dict(issued.command.body))}


# -- exceptions


def _note(
    row: Row,
    letters: dict[str, tuple[dict[str, object], Held]],
    held: Held,
    *,
    account: str,
    step: str,
    about: About,
    filed: str = "",
) -> None:
    letter_id = command_id(account, row.order_key, step, filed or about.subject)
    cid = command_id(account, row.order_key, step, about.subject)
    issued = row.issued.get(cid)
    content = exception_content(
        held,
        step=step,
        subject=about.subject,
        return_id=about.return_id,
        refund_id=about.refund_id,
        command_id=letter_id,
        revision=issued.command.revision if issued else 0,
        wanted_hash=body_hash(held.body) if held.body is not None else body_hash({"held": held.sentence}),
        account=account,
        order_key=row.order_key,
        worth=held.worth if held.worth[0] else about.worth,
    )
    if held.stack:
        content["stack"] = held.stack
    letters[letter_id] = (content, held)


def _row_exceptions(row: Row) -> list[tuple[Held, About]]:
    """Exceptions of the order that belong to no step."""
    found: list[tuple[Held, About]] = []
    for return_id, register in sorted(row.returns.items()):
        try:
            refunds = register.typed().refunds
        except InvalidReturn as fault:
            refunds = fault.refunds
            owner = Owner.FINANCE if any(refund.state != "failed" for refund in refunds) else fault.owner
            found.append((Held(fault.kind, fault.message, owner), About(return_id, return_id)))
        worth = {refund.refund_id: refund.worth for refund in refunds}
        for refund_id in register.withdrawn_refunds():
            sentence = f"Refund {refund_id} was paid, and the newest snapshot of return {return_id} leaves it out."
            about = About(f"{return_id}/{refund_id}", return_id, refund_id, worth=worth.get(refund_id, ("", "")))
            found.append((Held(ErrorKind.MISMATCH, sentence, Owner.FINANCE), about))
    for cid, known in sorted(row.outcomes.items()):
        if known.done and cid not in row.issued:
            numbers = ", ".join(sorted(known.done))
            sentence = f"Document {numbers} came back for a command that this order never asked for ({cid})."
            found.append((Held(ErrorKind.MISMATCH, sentence, Owner.FINANCE), About(cid)))
    return found


def _settle_letters(row: Row, wanted: Mapping[str, dict[str, object]], now: datetime) -> None:
    for letter_id, content in wanted.items():
        _open_letter(row, letter_id, content, _text(now))
    for letter_id, letter in row.letters.items():
        if letter.open and letter_id not in wanted:
            letter.open, letter.published = False, False


def _open_letter(row: Row, letter_id: str, content: dict[str, object], moment: str) -> None:
    letter = row.letters.get(letter_id)
    if letter is None:
        row.letters[letter_id] = Letter(letter_id, content, since=moment)
    elif not letter.open:
        row.letters[letter_id] = Letter(letter_id, content, replays=letter.replays + 1, since=letter.since)
    elif letter.content != content:
        letter.content, letter.published = content, False


# -- absence


def _wait(
    row: Row, profile: Profile, account: str, position: Position, waiting: dict[str, Waiting], now: datetime
) -> None:
    verdict, about, step = position.verdict, position.about, position.step
    deadline = step.deadline
    match position.state:
        case State.WAITS if isinstance(verdict, Waits):
            waits_for, why, deadline = verdict.waits_for, verdict.why, verdict.deadline or step.deadline
        case State.HELD | State.DEAD if isinstance(verdict, Held):
            waits_for, why = OWN_EXCEPTION, verdict.sentence
        case State.IN_FLIGHT | State.READY | State.VOIDING:
            waits_for, why = f"account:{account}", "sent, no outcome yet"
        case _:
            return
    item = Waiting(
        step.kind.value,
        about.subject,
        waits_for,
        "",
        "",
        why,
        about.return_id,
        about.refund_id,
        deadline,
        position.command_id,
        body_hash(verdict.body) if isinstance(verdict, Waits) and verdict.body is not None else "",
    )
    before = row.waiting.get(item.key)
    item.since = before.since if before and before.deadline == deadline else _text(now)
    limit = profile.deadlines.get(deadline)
    if limit is not None:
        item.due = _text(datetime.fromisoformat(item.since) + limit)
    waiting[item.key] = item


def _settle_alarms(row: Row, waiting: Mapping[str, Waiting], now: datetime) -> None:
    """V02: what is owed and late has an alarm; it ends when its condition ends."""
    moment = _text(now)
    for key, item in waiting.items():
        if not item.due or item.due > moment:
            continue
        content: dict[str, object] = {
            "step": item.step,
            "subject": item.subject,
            "return_id": item.return_id,
            "refund_id": item.refund_id,
            "since": item.since,
            "due": item.due,
            "deadline": item.deadline,
        }
        alarm = row.alarms.get(key)
        if alarm is None or not alarm.open:
            row.alarms[key] = Letter(key, content, replays=alarm.replays + 1 if alarm else 0, since=moment)
    for key, alarm in row.alarms.items():
        if alarm.open and (key not in waiting or not waiting[key].due or waiting[key].due > moment):
            alarm.open, alarm.published = False, False


# -- operators' decisions


def _rule(row: Row) -> None:
    """Say of each new decision whether it applies: it is void when what it was about has moved on."""
    for decision in sorted(row.decisions.values(), key=lambda d: (d.at, d.decision_id)):
        if decision.decision_id not in row.rulings:
            row.rulings[decision.decision_id] = _ruling(row, decision)


def _ruling(row: Row, decision: Decision) -> str:
    target = str(decision.data.get("command_id") or "")
    if decision.kind in ABOUT_THE_ORDER:
        return "applied" if decision.data.get("to") else f"void: {decision.kind} needs `to`"
    letter, issued = row.letters.get(target), row.issued.get(target)
    waiting = next((item for item in row.waiting.values() if item.command_id == target), None)
    if letter is None and issued is None and waiting is None:
        return f"void: this order has no command {target}"
    named_revision, named_hash = decision.data.get("revision"), decision.data.get("hash")
    revision = issued.command.revision if issued else letter.content["command"]["revision"] if letter else 0
    if named_revision is not None and named_revision != revision:
        return f"void: revision moved on from {named_revision} to {revision}"
    shown = letter.content["command"]["hash"] if letter else ""
    wanted = issued.command.hash if issued else shown  # of an exception that has closed: what it said last
    if letter and letter.open:
        wanted = shown
    elif waiting is not None and waiting.hash:
        wanted = waiting.hash
    if named_hash and wanted and named_hash != wanted:
        return "void: the content moved on since it was seen"
    if decision.kind == "done_by_hand" and not decision.data.get("number"):
        return "void: done_by_hand needs the document's `number`"
    return "applied"


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
