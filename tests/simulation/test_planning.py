"""A plan is its seed's alone, what is rare comes up, every fault ends; the operator's acts are the product's own."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.generator import odd_orders, odd_stories, reading
from adapters.netsuite.simulator.settings import Settings
from adapters.simulators.faults import RETRY_AFTER_STYLES, Fault, read_rule
from adapters.views.deadletters import DeadLetter
from streams.facts import read_decision
from streams.profile import Profile
from tests.simulation import families, odd, operator, planning, seldom
from tests.simulation.plan import BrokerFault, Deploy, Kill, Operate, Pause, Plan, Publish, VendorFault, Webhook

ROOT = Path(__file__).parents[2]
AT = "2026-11-27T09:00:00.000Z"


def digest(plan: Plan) -> str:
    """Over everything that the plan says."""
    return hashlib.sha256(repr(plan).encode()).hexdigest()


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    return [planning.make(seed) for seed in range(2000)]


def test_the_same_seed_gives_the_same_plan_in_another_process() -> None:
    """Whatever the hash seed of the process: a failing seed has to fail again, on any machine."""
    seeds = range(7, 27)
    ours = [digest(planning.make(seed)) for seed in seeds]
    code = (
        "from tests.simulation import planning, test_planning as t\n"
        f"print(*[t.digest(planning.make(seed)) for seed in {list(seeds)}])"
    )
    for hash_seed in ("0", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        found = subprocess.run(
            [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
        )
        assert found.stdout.split() == ours
    assert len(set(ours)) == len(ours)


def test_acts_are_numbered_in_order_of_time_and_faults_end_before_the_healing(plans: list[Plan]) -> None:
    """Numbers name acts for good; from `heal_at` on nothing is in force."""
    for plan in plans:
        assert [act.number for act in plan.acts] == list(range(1, len(plan.acts) + 1))
        assert [act.at for act in plan.acts] == sorted(act.at for act in plan.acts)
        assert any(isinstance(act, Webhook) for act in plan.acts)
        for act in plan.acts:
            over = act.at
            match act:
                case VendorFault():
                    rule = read_rule(act.rule, act.at)
                    over = rule.ends
                case BrokerFault() | Pause():
                    over += act.seconds
                case Kill():
                    over += act.back_after
            assert 0 <= act.at <= over < plan.heal_at


def test_every_plot_is_told(plans: list[Plan]) -> None:
    """All twists of the generator, and what is tagged besides, within 2,000 seeds and not just once."""
    plots = Counter(name for plan in plans for name in plan.tags["plots"])
    assert set(plots) == planning.EVERY_PLOT
    assert min(plots.values()) >= 10, plots
    told = Counter(tag for plan in plans for tag in plan.tags["told"])
    others = {"goodwill", "adjustment", "shipping-only", "disposition-changed", "goods-rejected", "reveni-disposition"}
    assert others | {"not-restocked", "not-inspected"} <= set(told)
    assert {order.currency for plan in plans for order in plan.world.orders} == {"GBP", "EUR", "JPY", "KWD"}
    assert {"webhook-lost", "webhook-fed-in", "poison", "publish"} == {
        note for plan in plans for note in plan.tags["notes"]
    }
    assert any(plan.expected.demands for plan in plans)


def test_every_fault_comes_up(plans: list[Plan]) -> None:
    """Every kind of fault, point, slip and Retry-After style; runs without any fault too."""
    acts = [act for plan in plans for act in plan.acts]
    rules = [read_rule(act.rule, 0.0) for act in acts if isinstance(act, VendorFault)]
    assert {rule.fault for rule in rules} == set(Fault)
    assert {rule.retry_after for rule in rules if rule.fault is Fault.TOO_MANY} == set(RETRY_AFTER_STYLES)
    brokers = {act.fault for act in acts if isinstance(act, BrokerFault)}
    assert brokers == {"refused", "unacknowledged", "slow", "away", "coordinator"}
    topics = {act.topic for act in acts if isinstance(act, BrokerFault)}
    assert {"", "orders-changelog", "begun", "dead.letters", "erp.commands", "erp.outcomes"} <= topics
    points = points_of_the_product() | {""}
    assert {act.point for act in acts if isinstance(act, Pause)} == points
    assert {act.point for act in acts if isinstance(act, Kill)} == points - {seldom.GIVING_UP, seldom.REVOKED}
    assert {act.slip for act in acts if isinstance(act, Operate)} == {"", "stale", "twice", "wrong_target"}
    assert {act.verb for act in acts if isinstance(act, Operate)} == {"decide", "replay"}
    kinds = {type(act).__name__ for act in acts}
    assert {"Join", "Leave", "Rebalance", "Jump", "Compact", "Corrupt", "Publish"} <= kinds
    assert {act.build for act in acts if isinstance(act, Deploy)} == {"", "bad", "faulty", "misreads", "older"}
    numbers = Counter(len(families.FAMILIES.keys() & set(plan.tags["families"])) for plan in plans)
    assert set(numbers) == {0, 1, 2, 3, 4, 5}
    assert {name for plan in plans for name in plan.tags["families"]} == {
        *families.FAMILIES,
        *seldom.SELDOM,
        *odd.ODD,
    }


def test_a_lost_message_that_is_fed_in_comes_last_and_in_full(plans: list[Plan]) -> None:
    """Nothing like it came before, and its return is asked of as any other is."""
    fed = 0
    for plan in plans:
        sent = [act.delivery for act in plan.acts if isinstance(act, Webhook)]
        late = [one for one in sent if one.note == "fed-in"]
        assert bool(late) == ("webhook-fed-in" in plan.tags["notes"])
        for one in late:
            about = (one.sort, one.return_id, one.version)
            assert {other.note for other in sent if (other.sort, other.return_id, other.version) == about} == {"fed-in"}
            assert one.offset == max(other.offset for other in sent if other.sort in ("reveni", "warehouse"))
            assert "webhook-lost" not in plan.expected.tags.get(one.return_id, [])
            fed += 1
    assert fed >= 10


def points_of_the_product() -> set[str]:
    """Every name that the actors pass to `reach`."""
    found: set[str] = set()
    for path in sorted((ROOT / "agents").rglob("*.py")):
        found.update(re.findall(r'\breach\("([a-z.-]+)"\)', path.read_text(encoding="utf-8")))
    return found


def test_profiles_load_and_the_account_keeps_what_they_say(plans: list[Plan]) -> None:
    """Each version is one that the product takes; the simulated account is never later or staler than it says."""
    for plan in plans[:300]:
        account = profile(plan.profile, 1).account("ns")
        settings = Settings().changed(plan.vendor)
        assert settings.limit >= account.concurrency
        assert settings.read_lag_seconds <= account.read_lag_seconds
        assert settings.late_apply_max_seconds <= account.longest_execution_seconds
        assert settings.latency_ms[1] < account.deadline_seconds * 1000
        versions = [act.version for act in plan.acts if isinstance(act, Publish)]
        assert versions == list(range(2, 2 + len(versions)))
        for act in plan.acts:
            if isinstance(act, Publish):
                profile(act.document, act.version)
            if isinstance(act, VendorFault) and act.rule["fault"] == "slow":
                longest = account.deadline_seconds + account.longest_execution_seconds
                assert act.rule["seconds"] + settings.latency_ms[1] / 1000 <= longest


def profile(document: object, version: int) -> Profile:
    return Profile.from_record(orjson.dumps({"format": 1, "version": version, "profile": document}))


def test_plans_are_small(plans: list[Plan]) -> None:
    """Few orders, few returns, hardly ever a body that costs more than the rest of the run."""
    sent = [[act.delivery for act in plan.acts if isinstance(act, Webhook)] for plan in plans]
    assert 15 <= sum(len(one) for one in sent) / len(sent) <= 60
    large = sum(any(len(delivery.body) > 100_000 for delivery in one) for one in sent)
    assert 0 < large < len(plans) / 40
    hostile = [sum(delivery.sort == "poison" for delivery in one) for one in sent]
    assert set(hostile) == {0, 1, 2, 3, 4, 5}
    assert all(not delivery.signature for one in sent for delivery in one)


def test_whatever_is_odd_comes_up(plans: list[Plan]) -> None:
    """Odd tellings, odd orders, accounts without custom fields, and merchants in other time zones."""
    told = Counter(tag for plan in plans for tag in plan.tags["told"])
    wanted = {*odd_stories.ODD, *odd_orders.ODD, odd_orders.NO_LINE_IDS, "days-apart"}
    assert min(told[name] for name in wanted) >= 3, {name: told[name] for name in wanted}
    assert sum(plan.vendor.get("custom_fields") is False for plan in plans) > len(plans) / 20
    zones = {plan.profile["merchant"]["time_zone"] for plan in plans}
    assert len(zones) >= 4
    assert sum(plan.expected.complete for plan in plans) > len(plans) / 20


def test_the_changes_are_told_as_they_are_called(plans: list[Plan]) -> None:
    """In the newest snapshots that are sent: one version with two contents, refunds that are gone, twins alike."""
    seen: Counter[str] = Counter()
    for plan in plans[:600]:
        snapshots: dict[str, list[dict[str, Any]]] = {}
        for act in plan.acts:
            if isinstance(act, Webhook) and act.delivery.sort == "reveni":
                data = reading.event(act.delivery.body)["data"]
                snapshots.setdefault(data["return_id"], []).append(data)
        twins: dict[str, list[str]] = {}
        for return_id, told in snapshots.items():
            tags = plan.expected.tags.get(return_id, [])
            told.sort(key=lambda data: (data["version"], data["updated_at"]))
            contents = {(data["version"], data["updated_at"]) for data in told}
            seen["version-repeated"] += len(contents) > len({version for version, _ in contents})
            assert len(contents) == len({data["version"] for data in told}) or "version-repeated" in tags
            ever = {refund["refund_id"] for data in told for refund in data["refunds"] if refund["state"] == "paid"}
            gone = ever - {refund["refund_id"] for refund in told[-1]["refunds"]}
            seen["refund-forgotten"] += bool(gone)
            assert not gone or {"refund-forgotten", "webhook-lost"} & set(tags)
            if "twins" in tags and "webhook-lost" not in tags:
                paid = sorted(one["amount"] for one in told[-1]["refunds"])
                lines = [(line["order_line_id"], line["quantity"]) for line in told[-1]["lines"]]
                twins.setdefault(str(told[-1]["order_id"]), []).append(repr((lines, paid)))
        for alike in twins.values():
            seen["twins"] += len(alike) == 2
            assert len(set(alike)) == 1
    assert min(seen[name] for name in ("version-repeated", "refund-forgotten", "twins")) >= 3, seen


# -- the operator

OPEN = {
    "order_id": "500001",
    "return_id": "r1",
    "refund_id": "rf1",
    "step": "credit_note",
    "subject": "rf1",
    "kind": "mismatch",
    "owner": "finance",
    "reason": "More was paid than is expected.",
    "dlq_id": "c0ffee",
    "command_id": "c0ffee",
    "revision": 1,
    "hash": "abc",
}


def dead_record(letter_id: str = "d1", *, closed: bool = False) -> DeadLetter:
    headers = [
        ("source", b"reveni"),
        ("dlq.id", letter_id.encode()),
        ("dlq.stage", b"validate"),
        ("dlq.source.topic", b"events.reveni"),
        ("dlq.source.partition", b"1"),
        ("dlq.replays", b"0"),
    ]
    resolution = {"replays": 0, "resolution": "replayed"} if closed else None
    return DeadLetter(letter_id, "dead.letters", 1, 0, 0, b"500001", b"{}", headers, "", resolution)


def decided(operate: Operate, actor_id: str = "1-9") -> list[operator.Written]:
    return operator.act(operate, [OPEN], [], {}, AT, actor_id)


def test_decisions_are_readable_and_repeat() -> None:
    """Over many draws every fitting kind is taken; each decision is audited first, and the same act gives one text."""
    kinds: Counter[str] = Counter()
    for number in range(200):
        operate = Operate(number, 1.0, "decide", number / 200)
        written = decided(operate, f"1-{number}")
        assert written == decided(operate, f"1-{number}")
        audit, record = written
        assert (audit.topic, record.topic) == ("audit", "events.decisions")
        assert record.value is not None
        decision = read_decision(record.value)
        assert decision.order_id == "500001"
        assert dict(record.headers)["event-id"] == decision.decision_id.encode()
        kinds[decision.kind] += 1
    # Nothing is known of what would be posted, so that nothing can be posted anyway.
    assert set(kinds) == {"approve", "reject", "done_by_hand", "retry"}


def test_slips_are_what_they_are_called() -> None:
    """Stale is about what has moved on, the wrong target is not there, twice is said twice."""
    stale, wrong = (
        read_decision(decided(Operate(1, 1.0, "decide", 0.3, slip))[1].value or b"")
        for slip in ("stale", "wrong_target")
    )
    assert (stale.data["revision"], stale.data["hash"]) != (OPEN["revision"], OPEN["hash"])
    assert wrong.data["command_id"] != OPEN["command_id"]
    twice = [one for one in decided(Operate(1, 1.0, "decide", 0.3, "twice")) if one.topic == "events.decisions"]
    assert len(twice) == 3
    assert twice[0] == twice[1]
    assert twice[0].value != twice[2].value


def test_nothing_open_is_nothing_done() -> None:
    """An operator with an empty list goes home."""
    for verb in ("decide", "replay"):
        assert operator.act(Operate(1, 1.0, verb, 0.9), [], [], {}, AT, "1-1") == []


def test_a_dead_record_is_sent_in_again() -> None:
    """To where it came from, with its own headers; twice where the operator clicks twice; a closed one is refused."""
    letters = {"d1": dead_record()}
    written = operator.act(Operate(1, 1.0, "replay", 0.5), [], [], letters, AT, "1-1")
    audit, record = written[:2]
    assert audit.topic == "audit"
    assert (record.topic, record.partition, record.key) == ("events.reveni", 1, b"500001")
    assert ("source", b"reveni") in record.headers
    assert ("replay.of", b"d1") in record.headers
    assert not any(name.startswith("dlq.") for name, _ in record.headers)
    twice = operator.act(Operate(1, 1.0, "replay", 0.5, "twice"), [], [], letters, AT, "1-1")
    ids = [dict(one.headers)["replay.id"] for one in twice if one.topic == "events.reveni"]
    assert len(set(ids)) == 2
    closed = {"d1": dead_record(closed=True)}
    assert operator.act(Operate(1, 1.0, "replay", 0.5, "stale"), [], [], closed, AT, "1-1") == []
