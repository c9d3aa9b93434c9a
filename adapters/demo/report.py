"""What a demo came to: `report.json` (CONTRACTS section 8) and the summary that a finance lead can read."""

from __future__ import annotations

import json
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from adapters.demo.watch import Sample
from adapters.generator.deliveries import Delivery
from adapters.generator.files import Answer
from adapters.generator.verdict import Verdict

_COLUMNS = 80


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of wall time in which something was down on purpose."""

    start: datetime
    end: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Run:
    """Everything a run left behind."""

    seed: int
    orders: int
    returns: int
    trouble: float  # percent of the returns that were meant to need a person
    broker: str
    seconds: float
    kills: int
    rested: bool
    samples: Sequence[Sample]
    ledger: Sequence[Mapping[str, Any]]
    sent: Sequence[Delivery]
    answers: Sequence[Answer]
    exceptions: Sequence[Mapping[str, Any]]
    waiting: Sequence[Mapping[str, Any]]
    dead_letters: Sequence[Mapping[str, Any]]
    calls: Mapping[str, Any]
    intervals: Sequence[Interval]
    verdict: Verdict


def report(run: Run) -> dict[str, Any]:
    """The report's fields; counts are the outside check's."""
    counts = run.verdict.counts
    latencies = first_document_ms(run)
    bugs = sum(1 for letter in run.dead_letters if letter.get("kind") == "bug")
    found = {
        "seed": run.seed,
        "orders": run.orders,
        "returns": run.returns,
        "trouble": run.trouble,
        "broker": run.broker,
        "events_sent": counts["events_sent"],
        "events_accepted": counts["events_accepted"],
        "refunds_paid": counts["refunds_paid"],
        "credit_notes": counts["credit_notes"],
        "credit_notes_doubled": counts["credit_notes_doubled"],
        "refunds_lost": counts["refunds_lost"],
        "restocks": counts["restocks"],
        "restocks_before_inspection": counts["restocks_before_inspection"],
        "exchanges_requested": counts["exchanges_requested"],
        "exchange_orders": counts["exchange_orders"],
        "exceptions_open": len(run.exceptions),
        "waiting": len(run.waiting),
        "dead_letters": len(run.dead_letters),
        "replayed": sum(1 for letter in run.dead_letters if _was_replayed(letter)),
        "limit": max((sample.limit for sample in run.samples), default=0),
        "max_in_flight": int(run.calls["max_in_flight"]),
        "limit_breaches": counts["limit_breaches"],
        "worker_kills": run.kills,
        "events_per_second": events_per_second(run.samples),
        "p50_ms": _percentile(latencies, 50),
        "p99_ms": _percentile(latencies, 99),
        "erp_calls": int(run.calls["calls"]),
        "faults_injected": _faults(run.calls),
        "at_rest": run.rested,
        "violations": [
            {"invariant": v.invariant, "name": v.name, "order_id": v.order_id, "what": v.what}
            for v in run.verdict.violations
        ],
        "returns_with_exceptions": len({entry.get("return_id") for entry in run.exceptions} - {None, ""}),
        "exceptions_explained": _causes(run.verdict),
        "exceptions_unexplained": len(run.verdict.unexplained),
        "unexplained": [{name: entry.get(name) for name in _SHOWN} for entry in run.verdict.unexplained],
        "seconds": round(run.seconds, 1),
    }
    found["ok"] = run.verdict.ok and run.rested and bugs == 0 and not run.verdict.unexplained
    return found


_SHOWN = ("order_id", "return_id", "refund_id", "step", "kind", "owner", "reason", "dlq_id")


def _causes(verdict: Verdict) -> dict[str, dict[str, int]]:
    """Open exceptions by owner, and by what explains them."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for word, entry in verdict.explained:
        if word:
            found[str(entry.get("owner") or "nobody")][word] += 1
    return {owner: dict(causes.most_common()) for owner, causes in sorted(found.items())}


def _was_replayed(letter: Mapping[str, Any]) -> bool:
    """Whether a record was sent in again by an operator; an effect's letter also counts how often it opened again."""
    return int(letter.get("replays") or 0) > 0 and not str(letter.get("stage") or "").startswith("effect:")


def _faults(calls: Mapping[str, Any]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for account in calls.get("accounts", {}).values():
        total.update(account.get("faults", {}))
    return dict(sorted(total.items()))


def events_per_second(samples: Sequence[Sample]) -> float:
    """Records through the sequencer while it had any to read, over the whole run."""
    busy = [s for s in samples if s.sequenced]
    if len(busy) < 2:
        return 0.0
    last = next((s for s in busy if s.sequenced == busy[-1].sequenced), busy[-1])
    span = last.at - busy[0].at
    return round((last.sequenced - busy[0].sequenced) / span, 1) if span > 0 else 0.0


def first_document_ms(run: Run) -> list[float]:
    """From the first 200 for an order to its first ledger entry, less the time in which we held something down."""
    accepted: dict[int, datetime] = {}
    for answer in run.answers:
        if answer.status == 200 and answer.seq not in accepted:
            accepted[answer.seq] = datetime.fromisoformat(answer.at)
    begun: dict[str, datetime] = {}
    for delivery in run.sent:
        if delivery.seq in accepted and delivery.sort == "reveni" and delivery.order_id:
            at = accepted[delivery.seq]
            begun[delivery.order_id] = min(at, begun.get(delivery.order_id, at))
    made: dict[str, datetime] = {}
    for entry in run.ledger:
        order = str(entry["order_id"])
        at = datetime.fromisoformat(str(entry["at"]))
        made[order] = min(at, made.get(order, at))
    found = []
    for order, start in begun.items():
        end = made.get(order)
        if end is not None:
            found.append(max(0.0, (end - start).total_seconds() - _down(start, end, run.intervals)) * 1000)
    return sorted(found)


def _down(start: datetime, end: datetime, intervals: Sequence[Interval]) -> float:
    """Seconds between two moments in which something was down on purpose."""
    total, until = 0.0, start
    for interval in sorted(intervals, key=lambda i: i.start):
        first, last = max(interval.start, until), min(interval.end, end)
        if last > first:
            total += (last - first).total_seconds()
            until = last
    return total


def _percentile(values: Sequence[float], percent: int) -> float | None:
    if not values:
        return None
    return round(values[min(len(values) - 1, len(values) * percent // 100)], 1)


def summary(found: Mapping[str, Any], run: Run) -> str:
    """The last thing a demo prints, for a terminal of 80 columns."""
    refunds_open = max(found["refunds_paid"] - found["credit_notes"], 0)
    faults = ", ".join(f"{count} {name}" for name, count in found["faults_injected"].items()) or "none"
    reasons = Counter(_word(str(entry.get("for") or "")) for entry in run.waiting)
    waits = ", ".join(f"{count} for {name}" for name, count in reasons.most_common(5)) or "none"
    share = 100 * found["returns_with_exceptions"] / max(found["returns"], 1)
    unexplained = found["unexplained"]
    lines = [
        *_line(
            found["ok"],
            f"{found['seconds']:.0f} s, seed {found['seed']}, {found['orders']:,} orders, "
            f"{found['returns']:,} returns, {found['broker']} broker",
        ),
        *_line(
            found["events_sent"] >= found["events_accepted"] > 0,
            f"{found['events_sent']:,} events sent, {found['events_accepted']:,} accepted; {found['worker_kills']} "
            "workers killed with kill -9",
        ),
        *_line(
            found["refunds_lost"] == 0 == found["credit_notes_doubled"],
            f"{found['refunds_paid']:,} refunds paid, {found['credit_notes']:,} credit notes, {refunds_open:,} held or "
            f"waiting with a reason; lost {found['refunds_lost']}, doubled {found['credit_notes_doubled']}",
        ),
        *_line(None, *_money(run)),
        *_line(
            found["restocks_before_inspection"] == 0,
            f"{found['restocks']:,} restocks, {found['restocks_before_inspection']} before inspection; "
            f"{found['exchanges_requested']:,} exchanges asked for, {found['exchange_orders']:,} orders made",
        ),
        *_line(
            found["limit_breaches"] == 0,
            f"NetSuite limit {found['limit']}: most at once {found['max_in_flight']}, breaches "
            f"{found['limit_breaches']}; {found['erp_calls']:,} calls",
            f"faults injected: {faults}",
        ),
        *_line(
            not unexplained,
            f"{found['returns_with_exceptions']:,} of {found['returns']:,} returns ({share:.1f} %) need a person; "
            f"{found['exceptions_open']:,} exceptions open, {_called_for(len(unexplained))}",
            *(
                f"{owner}: {', '.join(f'{count} {word}' for word, count in causes.items())}".replace("-", " ")
                for owner, causes in found["exceptions_explained"].items()
            ),
        ),
        *_line(None, f"{found['waiting']:,} steps waiting: {waits}"),
        *_line(
            None,
            f"{found['events_per_second']:,.0f} events/s through the sequencer; first document after "
            f"{_ms(found['p50_ms'])} (median), {_ms(found['p99_ms'])} (99 %)",
        ),
    ]
    for entry in unexplained[:10]:
        about = f"{entry['order_id'] or 'no order'}, {entry['step']}, {entry['kind']}, {entry['owner']}"
        lines += _line(False, f"nothing calls for it: {about}: {entry['reason']}")
    for violation in found["violations"][:10]:
        lines += _line(False, f"{violation['invariant']} {violation['name']}: {violation['what']}")
    if not found["at_rest"]:
        lines += _line(False, "I14: it did not come to rest in time")
    return "\n".join(lines)


def _called_for(unexplained: int) -> str:
    return f"{unexplained} of them called for by nothing" if unexplained else "each called for"


def _line(good: bool | None, *texts: str) -> list[str]:
    """Texts under one verdict (None: nothing is judged), each wrapped."""
    mark = {True: "ok   ", False: "FAIL ", None: "     "}[good]
    wrapped: list[str] = []
    for number, text in enumerate(texts):
        begin = " " * len(mark) if number else mark
        wrapped += textwrap.wrap(
            text, _COLUMNS, initial_indent=begin, subsequent_indent=" " * 7, break_on_hyphens=False
        )
    return wrapped


def _money(run: Run) -> Iterable[str]:
    """Credits by currency, from the ledger: amounts are never summed over currencies."""
    credits: dict[str, Decimal] = defaultdict(Decimal)
    notes: Counter[str] = Counter()
    for entry in run.ledger:
        if entry["kind"] == "credit_note" and entry["op"] == "create":
            credits[str(entry["currency"])] += Decimal(str(entry["amount"]))
            notes[str(entry["currency"])] += 1
    for currency in sorted(credits):
        yield f"{currency} {credits[currency]:,} credited in {notes[currency]:,} notes"


def _word(text: str) -> str:
    return "an exception" if text.startswith("letter:") else text.replace("_", " ")


def _ms(value: float | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:,.0f} ms" if value < 10_000 else f"{value / 1000:,.1f} s"


def write(path: Any, found: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(found, indent=2) + "\n")
