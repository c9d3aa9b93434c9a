"""The outside check: the simulators' ledger against the list of what was sent (INVARIANTS, CONTRACTS section 8)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.generator import applications_check, goods_check, money_check, truth
from adapters.generator import books as ledger
from adapters.generator.books import REFERENCED, Books
from adapters.generator.deliveries import Delivery
from adapters.generator.expected import Expected
from adapters.generator.explained import Explained
from adapters.generator.files import Answer
from adapters.generator.names import Names
from adapters.generator.truth import Truth
from adapters.generator.verdict import Open, Verdict, by_order

_NOTHING = Open([], [])


def check(
    expected: Expected,
    ledger_entries: Sequence[Mapping[str, Any]],
    sent: Sequence[Delivery],
    answers: Sequence[Answer],
    exceptions: Sequence[Mapping[str, Any]],
    waiting: Sequence[Mapping[str, Any]],
    calls_summary: Mapping[str, Any],
    faults: Sequence[Mapping[str, Any]] = (),
) -> Verdict:
    """Everything that can be told from outside; `exceptions` and `waiting` are the command line's lists.

    `faults`: the calls that met one, as `GET /_calls?faults=1` shows them.
    """
    sure, most = truth.begun(sent, answers)
    statuses: dict[int, set[int]] = defaultdict(set)
    for answer in answers:
        statuses[answer.seq].add(answer.status)
    books = ledger.read(ledger_entries, expected.sellable)
    verdict = judge(expected, books, (sure, most), (sent, statuses), exceptions, waiting, calls_summary)
    attempts = Counter(answer.seq for answer in answers)
    taken = [one for one in sent if 200 in statuses[one.seq] for _ in range(attempts[one.seq])]
    words = Explained(expected.causes, taken, faults).all(exceptions)
    verdict.explained = [(word, dict(entry)) for word, entry in zip(words, exceptions, strict=True)]
    return verdict


def judge(
    expected: Expected,
    books: Books,
    told: tuple[Truth, Truth],
    intake: tuple[Sequence[Delivery], Mapping[int, set[int]]],
    exceptions: Sequence[Mapping[str, Any]],
    waiting: Sequence[Mapping[str, Any]],
    calls_summary: Mapping[str, Any],
    places: Mapping[str, str] | None = None,
    names: Names | None = None,
) -> Verdict:
    """The same of what was read already: the two folds of `truth.begun`, and what was sent with its answers' statuses.

    `places`: where the profile sends each disposition, if it is not the demo's; `names`: what operators called
    otherwise.
    """
    verdict = Verdict()
    sure, most = told
    opened = by_order(exceptions, waiting)
    _intake(verdict, *intake, opened)
    money_check.check(verdict, expected, sure, most, books, opened, names)
    goods_check.check(verdict, expected, sure, most, books, opened, places, names)
    applications_check.check(verdict, expected, books, opened)
    _references(verdict, books)
    _demands(verdict, expected, sure, opened)
    _limits(verdict, calls_summary)
    for entry in exceptions:
        if entry.get("kind") == "bug":
            verdict.add("E01", "bug", str(entry.get("order_id") or ""), str(entry.get("reason")))
    verdict.counts["exceptions_open"] = len(exceptions)
    verdict.counts["waiting"] = len(waiting)
    return verdict


def _intake(
    verdict: Verdict, sent: Sequence[Delivery], statuses: Mapping[int, set[int]], opened: Mapping[str, Open]
) -> None:
    """What is well signed is taken in the end; what is not never is; poison shows (E01)."""
    accepted = nameless = 0
    for delivery in sent:
        seen = statuses.get(delivery.seq, set())
        accepted += 200 in seen
        what = f"delivery {delivery.seq} ({delivery.sort} {delivery.note})"
        if delivery.sort == "forged":
            if 200 in seen:
                verdict.add("P05", "forged-taken", delivery.order_id, f"{what} was taken")
            continue
        if not seen:
            verdict.add("I14", "not-sent", delivery.order_id, f"{what} was never begun")
        elif 200 not in seen:
            verdict.add("I14", "not-taken", delivery.order_id, f"{what} was answered {sorted(seen)} only")
        if seen - {0, 200, 503}:
            verdict.add("P05", "wrong-answer", delivery.order_id, f"{what} was answered {sorted(seen)}")
        nameless += 200 in seen and "nameless" in delivery.tags
    shown = len(opened.get("", _NOTHING).exceptions)
    if shown < nameless:
        verdict.add("E01", "poison-unseen", "", f"{nameless} bodies name no order, {shown} exceptions without one")
    verdict.counts["events_sent"] = len(sent)
    verdict.counts["events_accepted"] = accepted


def _references(verdict: Verdict, books: Books) -> None:
    """I2: one document for one external reference. Exchange orders may be split; their units are counted elsewhere."""
    numbers: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    order_of: dict[tuple[str, str, str], str] = {}
    for document in books.of_kind(*REFERENCED):
        if document.external_ref:
            key = (document.account, document.kind, document.external_ref)
            numbers[key].add(document.number)
            order_of[key] = document.order_id
    for key, found in sorted(numbers.items()):
        if len(found) > 1:
            what = f"{key[1]} {key[2]} was made {len(found)} times: {', '.join(sorted(found))}"
            verdict.add("I2", "document-doubled", order_of[key], what)


def _demands(verdict: Verdict, expected: Expected, sure: Truth, opened: Mapping[str, Open]) -> None:
    """What was made to go wrong is an open exception, of the kind that says so."""
    for demand in expected.demands:
        if demand.return_id not in sure.returns:
            continue
        shown = opened.get(demand.order_id, _NOTHING)
        if not shown.demanded(demand.order_id, demand.return_id, demand.kinds):
            what = f"return {demand.return_id} ({demand.why}): no open exception of kind {' or '.join(demand.kinds)}"
            verdict.add("E01", "exception-missing", demand.order_id, what)


def _limits(verdict: Verdict, calls_summary: Mapping[str, Any]) -> None:
    """I12: as `/_calls?summary=1` counts it."""
    breaches = int(calls_summary["breaches"])
    if breaches:
        most = calls_summary.get("max_in_flight")
        verdict.add("I12", "limit-breached", "", f"{breaches} calls over the limit, {most} in flight at most")
    verdict.counts["limit_breaches"] = breaches
