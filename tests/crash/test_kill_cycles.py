"""kill -9 again and again under load, on real Kafka, with two workers of each role and an ERP that misbehaves."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.crash.installation import LIMIT, Installation
from tests.crash.traffic import Load, Traffic

CYCLES = int(os.environ.get("REVENI_STREAMS_TEST_KILL_CYCLES", "30"))
SEED = int(os.environ.get("REVENI_STREAMS_TEST_SEED", "20261127"))
ORDERS_PER_SECOND = 1.5
# Some die at once, before the take-over from the last one is complete; the others when the ERP has made so many further
# documents, so that there is work in hand of every sort, or when so many seconds did not bring them.
AT_ONCE, DOCUMENTS, MOST_SECONDS = 0.25, (5, 25), 10.0

FAULTS = [
    {"account": "ns", "fault": "429", "probability": 0.01, "retry_after": "seconds", "seconds": 1},
    {"account": "ns", "fault": "reset-before-apply", "probability": 0.03},
    {"account": "ns", "fault": "reset-after-apply", "probability": 0.05},
    {"account": "ns", "fault": "apply-then-timeout", "probability": 0.03},
    {"account": "ns", "fault": "late-apply", "probability": 0.05},
    {"account": "ns", "fault": "5xx", "probability": 0.01},
]


@pytest.mark.kafka
@pytest.mark.slow
def test_kill_cycles_under_load(installation: Installation) -> None:
    """Nothing lost, doubled or early, no call over the limit, and everything comes to rest."""
    draw = random.Random(SEED)
    workers = [installation.sequencer(n) for n in (1, 2)] + [installation.dispatcher(n) for n in (1, 2)]
    for child in workers:
        child.start()
    installation.stage.faults(*FAULTS)
    traffic = Traffic(installation.stage, SEED)
    ended_alone: list[str] = []
    started = time.monotonic()
    with Load(traffic, ORDERS_PER_SECOND):
        for cycle in range(CYCLES):
            at_once, documents = draw.random() < AT_ONCE, draw.randint(*DOCUMENTS)
            if not at_once:
                _wait_for_documents(installation, documents, MOST_SECONDS)
            for child in workers:
                if not child.running:
                    ended_alone.append(f"{child.name} with {child.code} before cycle {cycle}:\n{child.tail(40)}")
                    child.start()
            victim = draw.choice(workers)
            victim.kill()
            victim.start()
    killing, made = time.monotonic() - started, len(installation.ledger())
    installation.stage.faults()
    for child in workers:
        if not child.running:
            ended_alone.append(f"{child.name} with {child.code} after the last cycle:\n{child.tail(40)}")
            child.start()
    installation.wait_until_done(traffic.stories, 120)
    verdict = installation.judge(traffic.stories)
    calls = installation.calls()
    print(
        f"seed {SEED}: {CYCLES} kills in {killing:.0f} s, {time.monotonic() - started:.0f} s to rest; "
        f"{len(traffic.stories)} orders, {sum(story.sent for story in traffic.stories)} webhooks, "
        f"{made} ledger entries before the faults ended, {len(installation.ledger())} at rest; {calls['calls']} calls, "
        f"{calls['max_in_flight']} in flight at most, faults {calls['accounts']['ns']['faults']}; {verdict.counts}; "
        f"ended by themselves: {len(ended_alone)}"
    )
    assert traffic.failed == []
    assert verdict.kept, verdict
    if CYCLES >= 30:
        assert set(calls["accounts"]["ns"]["faults"]) == {str(rule["fault"]) for rule in FAULTS}
    assert calls["max_in_flight"] == LIMIT, "the load did not work against the limit"
    assert ended_alone == [], "\n".join(ended_alone)


def _wait_for_documents(installation: Installation, further: int, seconds: float) -> None:
    deadline, before = time.monotonic() + seconds, len(installation.ledger())
    while time.monotonic() < deadline:
        if len(installation.stage.control("GET", f"/_ledger?since_seq={before}")) >= further:
            return
        time.sleep(0.1)
