"""The wait for a return's first document is measured from outside."""

from __future__ import annotations

from datetime import timedelta

from adapters.generator.books import moment
from adapters.generator.latency import first_documents, percentile
from tests.unit.honest_ledger import START, at, honest


def test_waits_run_from_the_first_200_to_the_first_document() -> None:
    """Each wait ends where the order's first document stands; those that an outage reaches into are left out."""
    run = honest(5, 60)
    waits = first_documents(run.peak.expected, run.ledger, run.sent, run.answers)
    first_taken = min(moment(one.at) for one in run.answers)
    assert len(waits) > 10
    assert waits == sorted(waits)
    assert waits[-1] <= (START + timedelta(seconds=120) - first_taken).total_seconds() * 1000
    for entry in run.ledger:
        entry["at"] = at(-5)
    assert set(first_documents(run.peak.expected, run.ledger, run.sent, run.answers)) == {0.0}
    outage = (START - timedelta(seconds=60), START + timedelta(seconds=600))
    assert first_documents(run.peak.expected, run.ledger, run.sent, run.answers, [outage]) == []


def test_percentiles() -> None:
    """Of ten values the 50th percentile is the fifth and the 99th the last."""
    values = [float(value) for value in range(1, 11)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([], 0.5)) == (5.0, 10.0, 0.0)
