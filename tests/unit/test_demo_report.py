"""The demo's report says what nothing calls for, and its summary is read on a terminal of 80 columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.demo.report import Run, report, summary
from adapters.generator.verdict import Verdict

_COUNTS = (
    "events_sent",
    "events_accepted",
    "refunds_paid",
    "credit_notes",
    "credit_notes_doubled",
    "refunds_lost",
    "restocks",
    "restocks_before_inspection",
    "exchanges_requested",
    "exchange_orders",
    "limit_breaches",
)
EXCEPTION = {
    "order_id": "500001",
    "return_id": "9f0c" * 8,
    "refund_id": "rf-1",
    "step": "credit_note",
    "kind": "mismatch",
    "owner": "finance",
    "reason": "With this note GBP 58.74 would be credited for the order, for which GBP 56.79 was paid.",
    "dlq_id": "1" * 32,
}


def run(*explained: tuple[str, dict[str, Any]]) -> Run:
    verdict = Verdict(counts=dict.fromkeys(_COUNTS, 0) | {"events_sent": 12, "events_accepted": 12})
    verdict.explained = list(explained)
    return Run(
        seed=1,
        orders=1000,
        returns=50,
        trouble=5.0,
        broker="embedded",
        seconds=90.0,
        kills=2,
        rested=True,
        samples=[],
        ledger=[],
        sent=[],
        answers=[],
        exceptions=[entry for _, entry in explained],
        waiting=[],
        dead_letters=[],
        calls={"max_in_flight": 15, "calls": 17_000, "accounts": {"ns": {"faults": {"429": 12, "late-apply": 3}}}},
        intervals=[],
        verdict=verdict,
    )


def test_an_exception_that_nothing_calls_for_fails_the_demo_and_is_named() -> None:
    """Order, kind, owner and reason stand in the report and on the screen; ok is false."""
    quiet = run(("amount-more", EXCEPTION))
    assert report(quiet)["ok"] is True
    loud = run(("", EXCEPTION), ("amount-more", EXCEPTION))
    found = report(loud)
    assert found["ok"] is False
    assert found["exceptions_unexplained"] == 1
    assert found["unexplained"] == [EXCEPTION]
    printed = " ".join(summary(found, loud).split())
    assert "FAIL nothing calls for it: 500001, credit_note, mismatch, finance: With this note GBP 58.74" in printed
    assert "1 of them called for by nothing" in printed


def test_the_report_counts_what_explains_the_exceptions() -> None:
    """By owner and cause; and how many returns a person has to see to."""
    found = report(run(("amount-more", EXCEPTION), ("sold-out-exchange", {**EXCEPTION, "owner": "cx"})))
    assert found["exceptions_explained"] == {"cx": {"sold-out-exchange": 1}, "finance": {"amount-more": 1}}
    assert found["returns_with_exceptions"] == 1
    assert found["returns"] == 50


@pytest.mark.parametrize("rested", [True, False])
def test_the_summary_fits_a_terminal(rested: bool) -> None:
    """No line is longer than 80 columns."""
    loud = replace(run(("", EXCEPTION), *[(f"cause-number-{n}", EXCEPTION) for n in range(9)]), rested=rested)
    lines = summary(report(loud), loud).splitlines()
    assert len(lines) > 10
    assert max(map(len, lines)) <= 80
