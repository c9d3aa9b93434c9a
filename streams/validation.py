"""Whether a playbook can be trusted to come to rest: looked over as it stands, then played on made-up orders.

A playbook that waits for what can never happen would leave an order standing with nobody told. So each wait that shows
on an order is held against what is under way, open or still to come from outside; and what comes from outside is made
to come, to see that the wait ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from streams.case import Case
from streams.commands import Command, Failure, Outcome
from streams.decide import OWN_EXCEPTION, Rules, decide
from streams.facts import Decision, Fact
from streams.playbook import Playbook, State, evaluate
from streams.profile import Profile
from streams.row import Issued, Row, Waiting
from streams.specimens import (
    ORDER,
    Specimen,
    answer,
    first_snapshots,
    inspection,
    inspections,
    last_snapshots,
    next_snapshots,
    profile_for,
    specimens,
)
from streams.vocabulary import DocumentKind, ErrorKind, OutcomeStatus

AT_START: Final = 150
"""Orders played before a worker starts: half a second of computing. Tests play many more."""

ROLES: Final = ("order_authority", "finance_ledger", "stock_ledger", "order_desk")
FROM_OUTSIDE: Final = frozenset({"refund", "acceptance", "inspection", "return"})
"""What Reveni or a warehouse may still say: the specimens' last word says it all."""

APPROVAL: Final = "approval"
MOST_ROUNDS: Final = 40
NOW: Final = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)


def validate(playbook: Playbook, profile: Profile, rows: int = AT_START) -> list[str]:
    """Every fault found, in sentences; none for a playbook that may start. `profile` has one account for all roles."""
    faults = _faults_of_shape(playbook, profile)
    if not faults:
        kinds = tuple(dict.fromkeys(step.kind for step in playbook.steps))
        found: dict[str, str] = {}
        for specimen in specimens(kinds, rows):
            for what, sentence in _Trial(playbook, profile, specimen, kinds).faults().items():
                found.setdefault(what, sentence)
        faults = list(found.values())
    return [f"Playbook {playbook.system} version {playbook.version}: {fault}" for fault in faults]


# -- as it stands


def _faults_of_shape(playbook: Playbook, profile: Profile) -> list[str]:
    faults = []
    kinds = [step.kind for step in playbook.steps]
    for position, step in enumerate(playbook.steps):
        name = step.kind.value
        if step.kind.is_question:
            faults.append(f"step {name} is a question; steps make documents and ask what they need themselves.")
        if step.kind in kinds[:position]:
            faults.append(f"there are two steps {name}: one document could be asked for twice.")
        if step.role not in ROLES:
            faults.append(f"step {name} is for role {step.role!r}, which is none of {', '.join(ROLES)}.")
        if step.deadline and step.deadline not in profile.deadlines:
            faults.append(f"step {name} has deadline {step.deadline!r}, which no profile has.")
        for kind in step.after:
            if kind not in kinds:
                faults.append(f"step {name} waits for {kind.value}, which no step makes.")
            elif kind is step.kind or step.kind in _all_before(playbook, kind):
                faults.append(f"steps {name} and {kind.value} wait for each other: neither can ever begin.")
            elif kind not in kinds[:position]:
                faults.append(f"step {name} waits for {kind.value}, which stands after it; put it first.")
    return faults


def _all_before(playbook: Playbook, kind: DocumentKind) -> set[DocumentKind]:
    """Every kind that a kind waits for, directly or through others."""
    after = {step.kind: step.after for step in playbook.steps}
    found: set[DocumentKind] = set()
    todo = [kind]
    while todo:
        for each in after.get(todo.pop(), ()):
            if each not in found:
                found.add(each)
                todo.append(each)
    return found


# -- played


@dataclass(slots=True)
class _Trial:
    """One made-up order, decided until nothing more happens, with an account that answers as the specimen says."""

    playbook: Playbook
    profile: Profile
    specimen: Specimen
    kinds: tuple[DocumentKind, ...]
    row: Row = field(default_factory=lambda: Row(ORDER, first_seen="2026-11-27T09:00:00.000Z"))
    found: dict[str, str] = field(default_factory=dict)
    _sequence: int = 0
    _silent: bool = True  # whether commands of the specimen's silent kind are still without an end

    def faults(self) -> Mapping[str, str]:
        """Sentences, by what is wrong; the same thing wrong in two places is one fault."""
        self.profile = profile_for(self.specimen, self.profile, self.kinds)
        early = [inspection("sellable", 1)] if self.specimen.inspection == "before all" else []
        self._hear(early or first_snapshots(self.specimen))
        self._hear([*(first_snapshots(self.specimen) if early else ()), *next_snapshots(self.specimen)])
        for seen in inspections(self.specimen):
            self._hear([seen])
        self._everything_comes()
        self._people_say_yes()
        self._no_two_of_one_name()
        return self.found

    def _everything_comes(self) -> None:
        """What steps wait for from outside comes about; whatever waits for it then has to have gone on."""
        last = self._from_outside()
        if not last and not self._silent_now():
            return
        self._silent = False
        found = [
            inspection("sellable", 1, name=f"ins-9-{each}", units=2, return_id=each)
            for each in sorted(self.row.returns)
        ]
        ends = [self._ended(issued.command) for issued in self.row.issued.values() if not self.row.is_settled(issued)]
        self._hear([*ends, *last_snapshots(self.specimen, 9), *found])
        for _ in range(MOST_ROUNDS):
            approvals = [
                self._decided("approve", item.command_id)
                for item in self.row.waiting.values()
                if item.waits_for == APPROVAL
            ]
            if not approvals:
                break
            self._hear(approvals)
        for item in self._from_outside():
            self._fault(item, f"still waits for {item.waits_for} after it came")

    def _people_say_yes(self) -> None:
        """Where a document is shown beside an exception, somebody says to post it all the same."""
        shown = [x.content["command"] for x in self.row.open_letters() if x.content["command"]["body"]]
        if shown:
            self._hear([self._decided("post_anyway", command["id"]) for command in shown])

    def _from_outside(self) -> list[Waiting]:
        return [item for item in self.row.waiting.values() if item.waits_for in FROM_OUTSIDE | {APPROVAL}]

    def _silent_now(self) -> bool:
        return any(not self.row.is_settled(issued) for issued in self.row.issued.values())

    def _hear(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            self.row.absorb(fact)
        for _ in range(MOST_ROUNDS):
            commands = self._decide()
            self._look_at_waits()
            if not commands:
                return
            for command in commands:
                if not (self._silent and self._ending(command) == "silent"):
                    self.row.absorb(self._ended(command))
        names = ", ".join(sorted({command.kind.value for command in commands}))
        self.found.setdefault(f"rest/{names}", f"{names} is asked for again and again ({self.specimen}).")

    def _decide(self) -> list[Command]:
        self._sequence += 1
        rules = Rules(self.profile, {self.playbook.system: self.playbook})
        decide(self.row, rules, NOW, (1, self._sequence))
        commands = []
        for entry in list(self.row.unpublished()):
            entry.published = True
            if isinstance(entry, Issued):
                commands.append(entry.command)
        return commands

    # -- what the account says

    def _ending(self, command: Command) -> str:
        return self.specimen.ending if command.kind.value == self.specimen.told else "done"

    def _ended(self, command: Command) -> Outcome:
        ending = self._ending(command)
        if command.void:
            return self._outcome(command, OutcomeStatus.WITHHELD, reason="void")
        if command.kind.is_question:
            told: dict[str, Any] = {"at": NOW.isoformat(), **answer(self.specimen, command.kind)}
            return self._outcome(command, OutcomeStatus.ANSWERED, answer=told)
        if ending == "refused":
            return self._outcome(command, OutcomeStatus.REFUSED, failure=Failure(ErrorKind.REFUSED, "not so"))
        if ending == "withheld" and command.revision == 1:
            return self._outcome(command, OutcomeStatus.WITHHELD, reason="superseded")
        return self._outcome(command, OutcomeStatus.DONE, number=f"N-{command.id}")

    def _outcome(self, command: Command, status: OutcomeStatus, **more: Any) -> Outcome:
        return Outcome(
            command.id,
            command.revision,
            command.hash,
            command.account,
            command.order_key,
            command.kind,
            command.subject,
            status,
            NOW.isoformat(),
            **more,
        )

    def _decided(self, kind: str, command: str) -> Decision:
        name = f"{kind}-{command}-{self._sequence}"
        return Decision(name, ORDER, NOW.isoformat(), "a person", "seen", kind, {"command_id": command})

    # -- whether each wait can end

    def _look_at_waits(self) -> None:
        """A wait can end if what it waits for is open, under way or to come, or is a step whose own wait can end."""
        under_way = {
            (issued.command.kind.value, str(issued.command.body.get("return_id", "")))
            for issued in self.row.issued.values()
            if not self.row.is_settled(issued)
        }
        kinds = {kind for kind, _ in under_way}
        unsure = []
        can_end: set[tuple[str, str]] = set(under_way)
        for item in self.row.waiting.values():
            if self._can_end(item, kinds):
                can_end.add((item.step, item.return_id))
            else:
                unsure.append(item)
        while True:
            ended = [item for item in unsure if (item.waits_for, item.return_id) in can_end]
            if not ended:
                break
            can_end |= {(item.step, item.return_id) for item in ended}
            unsure = [item for item in unsure if item not in ended]
        for item in unsure:
            self._fault(item, f"waits for {item.waits_for}, which is not open, not under way and not to come")

    def _can_end(self, item: Waiting, under_way: set[str]) -> bool:
        what, _, name = item.waits_for.partition(":")
        match what:
            case "account":
                return item.step in under_way
            case "letter":
                return name in self.row.letters and self.row.letters[name].open
            case "profile":
                return any(x.open and x.content["mapping_key"] == name for x in self.row.letters.values())
            case _ if what == OWN_EXCEPTION:
                about = (item.step, item.subject)
                letters = (x for x in self.row.letters.values() if x.open)
                return any((x.content["step"], x.content["subject"]) == about for x in letters)
        if what in FROM_OUTSIDE or what == APPROVAL:
            return True
        # A question has no return in its body, and an application waits for those of any return of the order.
        return what in under_way

    def _fault(self, item: Waiting, what: str) -> None:
        sentence = f"step {item.step} about {item.subject} {what} ({self.specimen})."
        self.found.setdefault(f"{item.step}/{item.waits_for.partition(':')[0]}", sentence)

    def _no_two_of_one_name(self) -> None:
        """Two places for one document: its command would be issued twice over, each time for the other's body."""
        account = self.profile.role_accounts()[0]
        case = Case(self.row, self.profile, account, NOW)
        seen: set[str] = set()
        for position in evaluate(case, self.playbook.steps):
            if position.command_id in seen and position.state is not State.NOT_NEEDED:
                name = f"{position.kind.value} about {position.about.subject}"
                self.found.setdefault(f"twice/{position.kind.value}", f"step {name} stands twice ({self.specimen}).")
            seen.add(position.command_id)
