"""One order's row, read for a playbook: returns in typed form, answers to questions, operators' decisions.

A case lives for one evaluation. Asking a question that has no (fresh) answer notes that the question is wanted and
stops the step with `Waits`; the answer, when it comes as a fact, lets the step go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from streams.commands import Body, Command, Failure, body_hash, command_id
from streams.facts import Decision
from streams.owners import owner_of
from streams.profile import Profile
from streams.refund import taken
from streams.returns import InvalidReturn, Return
from streams.row import Row
from streams.verdicts import Held, Stop, Waits
from streams.vocabulary import DocumentKind, OutcomeStatus

if TYPE_CHECKING:
    from streams.playbook import Position


ABOUT_THE_ORDER = frozenset({"name_order", "map_sku"})
"""Decisions that hold for all of an order, whichever exception they were made at."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question that has to be asked (again)."""

    kind: DocumentKind
    subject: str
    command_id: str
    body: Body
    return_id: str


class Case:
    """One order as a playbook sees it, for one account, at one moment."""

    def __init__(self, row: Row, profile: Profile, account: str, now: datetime) -> None:
        self.row, self.profile, self.account, self.now = row, profile, account, now
        self.positions: list[Position] = []
        self._placed: dict[DocumentKind, list[tuple[str, str, Position]]] = {}
        self.questions: dict[str, Wanted] = {}
        self.returns: dict[str, Return] = {}
        self.unreadable: dict[str, InvalidReturn] = {}
        self._lenient = False
        self.goods: Any = None  # what the goods steps worked out, kept for the length of one evaluation
        self.books: dict[str, Any] = {}  # likewise the money steps, by return
        for return_id, register in sorted(row.returns.items()):
            try:
                self.returns[return_id] = register.typed()
            except InvalidReturn as fault:
                self.unreadable[return_id] = fault
        self._one_refund_one_return()
        self._rulings: dict[tuple[str, str], list[Decision]] = {}
        self._retries: Counter[str] = Counter()  # of a return's steps; those of no return are every return's
        for decision in sorted(row.decisions.values(), key=lambda d: (d.at, d.decision_id)):
            if row.rulings.get(decision.decision_id, "applied") == "applied":
                if decision.kind == "retry":
                    self._retries[self._return_of(decision)] += 1
                for target in self._targets(decision):
                    self._rulings.setdefault((decision.kind, target), []).append(decision)

    @property
    def title(self) -> str:
        """What people call the system."""
        return self.profile.account(self.account).title

    def command_id(self, kind: DocumentKind, subject: str) -> str:
        return command_id(self.account, self.row.order_key, kind, subject)

    def _one_refund_one_return(self) -> None:
        """A refund id that two returns have: whose note was asked for first keeps it, else the first by name."""
        holders: dict[str, list[str]] = {}
        for ret in self.returns.values():
            for refund in ret.refunds:
                if not refund.mark:
                    holders.setdefault(refund.refund_id, []).append(ret.return_id)
        for refund_id, names in holders.items():
            issued = self.row.issued.get(self.command_id(DocumentKind.CREDIT_NOTE, refund_id))
            holder = str(issued.command.body.get("return_id")) if issued else names[0]
            for name in names:
                if name != holder:  # which may be one that cannot be read now
                    ret = self.returns[name]
                    refunds = tuple(
                        taken(refund, holder) if refund.refund_id == refund_id and not refund.mark else refund
                        for refund in ret.refunds
                    )
                    self.returns[name] = replace(ret, refunds=refunds)

    # -- what other steps came to

    def placed(self, kind: DocumentKind, return_id: str, refund_id: str, position: Position) -> None:
        self.positions.append(position)
        self._placed.setdefault(kind, []).append((return_id, refund_id, position))

    def placed_for(self, kind: DocumentKind, return_id: str, refund_id: str = "") -> Iterator[Position]:
        """Positions of a kind about the same return and, where both name one, the same refund."""
        for other_return, other_refund, position in self._placed.get(kind, ()):
            if other_return == return_id and (not refund_id or not other_refund or other_refund == refund_id):
                yield position

    def all_placed(self, kind: DocumentKind) -> Iterator[Position]:
        for _, _, position in self._placed.get(kind, ()):
            yield position

    def done_body(self, kind: DocumentKind, subject: str) -> Body | None:
        """The body behind a done document; None while it is not done."""
        cid = self.command_id(kind, subject)
        known, issued = self.row.outcome_of(cid), self.row.issued.get(cid)
        hand = self.ruling("done_by_hand", cid)
        if issued is None:
            # What was held was never asked for: a person made it as the exception showed it, and it counts as posted.
            letter = self.row.letters.get(cid) if hand else None
            return (letter.content["command"]["body"] or None) if letter else None
        if not (known.done or hand):
            return None
        if known.number:
            posted = issued.bodies.get(str(known.done[known.number].get("hash")))
            if posted is not None:
                return posted[1]
        return issued.command.body

    # -- time

    def latest_news(self, return_id: str) -> datetime:
        """When the return last changed, by its own clock."""
        register = self.row.returns[return_id]
        return _moment(max(entry[0][1] for entry in register.fields.values()))

    def heard(self, return_id: str, *names: str) -> str:
        """When the last of these pieces of a return was first heard of, by the gateway's clock (RFC 3339 UTC); of the
        return itself where no name is given or known. Rows of older builds know of their order only."""
        register = self.row.returns.get(return_id)
        news = register.news if register is not None else {}
        found = [news[name] for name in names if name in news]
        return max(found, default=news.get("", self.row.first_seen))

    def adopt_since(self, return_id: str) -> str | None:
        """L01: from when on a hand-made document of this return may be adopted; None when nobody can have made one.

        Only a return that was open at the cut-over can have such documents: its first version known dates from before
        it, or earlier versions went to whoever handled it then.
        """
        start, register = self.profile.merchant.start_from, self.row.returns.get(return_id)
        if start is None or register is None or register.earliest is None:
            return None
        number, updated_at, _ = register.earliest
        horizon = self.profile.deadlines.get("progress") or timedelta(days=30)
        first = _moment(updated_at)
        if number <= 1:
            return updated_at if first < start else None
        return (start - horizon).isoformat().replace("+00:00", "Z") if first < start + horizon else None

    # -- operators' decisions

    def rulings(self, kind: str, target: str = "") -> list[Decision]:
        """Decisions of a kind that stand, oldest first; `target` is a command id where the kind has one."""
        return self._rulings.get((kind, target), [])

    def ruling(self, kind: str, target: str = "") -> Decision | None:
        found = self.rulings(kind, target)
        return found[-1] if found else None

    def _targets(self, decision: Decision) -> set[str]:
        """What a decision is about; to retry a part of a step is to retry the step, which asks its questions anew."""
        if decision.kind in ABOUT_THE_ORDER:
            return {""}
        target = str(decision.data.get("command_id") or "")
        letter = self.row.letters.get(target)
        if decision.kind != "retry" or letter is None or letter.content["command"]["account"] != self.account:
            return {target}
        return {target, self.command_id(DocumentKind(letter.content["step"]), letter.content["subject"])}

    def _return_of(self, decision: Decision) -> str:
        letter = self.row.letters.get(str(decision.data.get("command_id") or ""))
        return str(letter.content["return_id"]) if letter else ""

    def allowed(self, target: str, wanted_hash: str) -> bool:
        """Whether a person said yes to exactly this content."""
        return self.approval(target, wanted_hash) is not None

    def approval(self, target: str, wanted_hash: str) -> Decision | None:
        """The first yes to exactly this content."""
        said = (decision for kind in ("approve", "post_anyway") for decision in self.rulings(kind, target))
        return next((decision for decision in said if decision.data.get("hash") in (None, "", wanted_hash)), None)

    def retried(self, target: str, revision: int) -> bool:
        return any(decision.data.get("revision") in (None, revision) for decision in self.rulings("retry", target))

    def closed(self, target: str, revision: int) -> bool:
        """Whether a person said no to just this revision of a command."""
        return any(decision.data.get("revision") == revision for decision in self.rulings("reject", target))

    def order_name(self) -> str:
        """What the order is called in the account: its key, unless an operator named it (R15)."""
        named = self.ruling("name_order")
        return str(named.data["to"]) if named and named.data.get("to") else self.row.order_key

    def sku_name(self, sku: str) -> str:
        """What a SKU is called now, where an operator said so for this order (R16)."""
        for decision in reversed(self.rulings("map_sku")):
            if decision.data.get("sku") == sku and decision.data.get("to"):
                return str(decision.data["to"])
        return sku

    def same_sku(self, one: str, other: str) -> bool:
        """Whether two SKUs are one item: by the same name, or as an operator named it for this order."""
        return one == other or self.sku_name(one) == self.sku_name(other)

    # -- questions

    def asking(self, *, lenient: bool) -> None:
        """How the step being placed asks. Lenient: it was decided already, so an old answer does and nothing more is
        asked for its sake."""
        self._lenient = lenient

    def ask(
        self, kind: DocumentKind, subject: str, body: Body, *, return_id: str, fresh: timedelta | None = None
    ) -> Mapping[str, Any]:
        """The answer to a question, not older than `fresh`; without one, the question is wanted and the step waits.

        A `retry` of any step of the return asks anew. It has to be the same for all steps that share the question: when
        each counted its own retries, two of them asked it by turns, for ever.
        """
        cid = self.command_id(kind, subject)
        if self._lenient:
            return self._any_answer(cid, kind)
        body = {**body, "asked": 1 + self._retries[return_id] + (self._retries[""] if return_id else 0)}
        issued, last = self.row.issued.get(cid), self.row.outcome_of(cid).last
        wanted = Wanted(kind, subject, cid, body, return_id)
        if issued is None:
            self.questions[cid] = wanted
        elif last is None or last["revision"] < issued.command.revision:
            if body_hash(body) != issued.command.hash:
                self.questions[cid] = wanted
        elif body_hash(body) != issued.command.hash:
            self.questions[cid] = wanted
        elif last["status"] == OutcomeStatus.ANSWERED.value:
            if fresh is None or self._is_fresh(issued.command, last, fresh):
                answer: Mapping[str, Any] = last["answer"]
                return answer
            self.questions[cid] = wanted
        elif last["status"] == OutcomeStatus.REFUSED.value:
            failure = Failure.from_json(last["failure"])
            owner = failure.owner or owner_of(failure.kind, kind)
            raise Stop(
                Held(failure.kind, failure.message, owner, code=failure.code, type=failure.type, stack=failure.stack)
            )
        else:
            self.questions[cid] = wanted
        raise Stop(Waits(kind.value, f"{self.title} is being asked ({kind.value.replace('_', ' ')})"))

    def _is_fresh(self, question: Command, last: Mapping[str, Any], fresh: timedelta) -> bool:
        """Whether an answer is young enough: by its own time, or by ours.

        By its own alone, an answerer whose clock is slow would be asked again at once, for ever.
        """
        given = _moment(str(last["answer"].get("at") or last["at"]))
        asked = _moment(question.asked_at) if question.asked_at else given
        return self.now - max(given, asked) <= fresh

    def answered(self, kind: DocumentKind, subject: str) -> Mapping[str, Any] | None:
        """The last answer to a question, however old; None while there is none."""
        return self._answer_of(self.command_id(kind, subject))

    def _any_answer(self, cid: str, kind: DocumentKind) -> Mapping[str, Any]:
        answer = self._answer_of(cid)
        if answer is None:
            raise Stop(Waits(kind.value, "no answer yet"))
        return answer

    def _answer_of(self, cid: str) -> Mapping[str, Any] | None:
        last = self.row.outcome_of(cid).last
        if last is None or last["status"] != OutcomeStatus.ANSWERED.value:
            return None
        answer: Mapping[str, Any] = last["answer"]
        return answer


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
