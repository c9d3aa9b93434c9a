"""Reachable histories of one order, for properties: what Reveni, a warehouse and dispatchers can really come to say."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import strategies as st

from streams.commands import Failure, Outcome
from streams.facts import Fact, read_decision, read_inspection, read_snapshot
from streams.vocabulary import DocumentKind, ErrorKind, OutcomeStatus

STATES = ("in_progress", "shipped", "received", "for_review", "accepted", "partly_accepted", "rejected", "cancelled")
DISPOSITIONS = ("sellable", "damaged", "faulty", "missing", "wrong_item")


def moment(tick: int) -> str:
    return f"2026-11-27T{9 + tick // 3600:02d}:{tick // 60 % 60:02d}:{tick % 60:02d}Z"


@st.composite
def snapshots(draw: st.DrawFn, return_id: str = "r1", most: int = 6, odd: bool = False) -> list[Fact]:
    """The versions of one return, in the order in which they came about, with gaps in their numbers.

    `odd`: some have refunds without an id, with one id twice, or a list of refunds that is none.
    """
    lines: list[dict[str, Any]] = [
        {
            "line_id": f"l{number}",
            "order_line_id": f"ol{number}",
            "sku": f"SKU-{number}",
            "quantity": draw(st.integers(1, 3)),
            "unit_price": "40.00",
            "tax_amount": "6.67",
            "tax_code": "GB-STD",
            "request": "return",
            "verdict": "pending",
        }
        for number in range(1, draw(st.integers(1, 2)) + 1)
    ]
    refunds: list[dict[str, Any]] = []
    version, tick, state = 0, 0, "in_progress"
    facts: list[Fact] = []
    for _ in range(draw(st.integers(1, most))):
        version += draw(st.integers(1, 2))
        tick += draw(st.integers(0, 90))
        state = draw(st.sampled_from(STATES))
        for refund in refunds:
            moves = {"pending": ("pending", "paid", "failed"), "paid": ("paid", "failed"), "failed": ("failed", "paid")}
            refund["state"] = draw(st.sampled_from(moves[refund["state"]]))
        if draw(st.booleans()):
            refunds.append(
                {
                    "refund_id": f"{return_id}-rf{len(refunds) + 1}",
                    "kind": "goods",
                    "method": "bank_transfer",
                    "amount": draw(st.sampled_from(("37.05", "40.00", "10.00"))),
                    "currency": "GBP",
                    "state": draw(st.sampled_from(("pending", "paid"))),
                    "executed_at": moment(tick),
                }
            )
        for line in lines:
            if draw(st.booleans()):
                line["verdict"] = draw(st.sampled_from(("pending", "accepted", "rejected")))
            if draw(st.booleans()):
                line["disposition"] = draw(st.sampled_from(DISPOSITIONS))
        data: dict[str, Any] = {
            "return_id": return_id,
            "order_id": "5001",
            "version": version,
            "updated_at": moment(tick),
            "type": "refund",
            "mode": draw(st.sampled_from(("instant", "standard"))),
            "state": state,
            "currency": "GBP",
            "fees": draw(st.sampled_from(([], [{"kind": "logistics", "amount": "2.95"}]))),
        }
        if draw(st.integers(0, 3)):
            data["lines"] = [
                {name: value for name, value in line.items() if name != "disposition" or draw(st.booleans())}
                for line in lines
            ]
        if draw(st.integers(0, 4)):
            data["refunds"] = [dict(refund) for refund in refunds]
            if odd and draw(st.integers(0, 2)) == 0:
                data["refunds"] = draw(_odd(data["refunds"]))
        if draw(st.booleans()):
            data["location"] = "WH-LON"
        facts.append(_snapshot(data))
        if draw(st.integers(0, 5)) == 0:  # the same version with other content
            facts.append(_snapshot({**data, "state": "for_review", "updated_at": moment(tick + 1)}))
    return facts


@st.composite
def _odd(draw: st.DrawFn, refunds: list[dict[str, Any]]) -> Any:
    """A list of refunds as a sender may spoil it."""
    nameless = {"amount": draw(st.sampled_from(("37.05", "10.00"))), "currency": "GBP", "state": "paid"}
    spoilt: list[Any] = [
        [*refunds, nameless],
        [*refunds, nameless, nameless],
        [*refunds, *refunds],
        [*refunds, None, "rf1"],
        [{**refund, "refund_id": None} for refund in refunds],
        refunds[0] if refunds else {},
        "rf1",
    ]
    return draw(st.sampled_from(spoilt))


def _snapshot(data: dict[str, Any]) -> Fact:
    return read_snapshot(orjson.dumps({"id": "e", "type": "return.updated", "data": data}))


@st.composite
def inspections(draw: st.DrawFn, return_id: str = "r1") -> list[Fact]:
    facts: list[Fact] = []
    for number in range(draw(st.integers(0, 2))):
        for version in range(1, draw(st.integers(1, 3)) + 1):
            lines = [
                {
                    "line_id": draw(st.sampled_from(("l1", "l2"))),
                    "sku": "SKU-1",
                    "quantity": draw(st.integers(1, 3)),
                    "disposition": draw(st.sampled_from(DISPOSITIONS)),
                }
            ]
            event = {
                "id": "e",
                "type": "inspection.recorded",
                "recorded_at": moment(version * 10 + number),
                "data": {
                    "inspection_id": f"ins-{number}",
                    "version": version,
                    "order_id": "5001",
                    "return_id": return_id,
                    "location": "WH-LON",
                    "lines": lines,
                },
            }
            facts.append(read_inspection(orjson.dumps(event)))
    return facts


@st.composite
def outcomes(draw: st.DrawFn) -> list[Fact]:
    facts: list[Fact] = []
    for command in draw(st.lists(st.sampled_from(("c1", "c2")), max_size=4)):
        status = draw(st.sampled_from((OutcomeStatus.DONE, OutcomeStatus.REFUSED, OutcomeStatus.WITHHELD)))
        facts.append(
            Outcome(
                command_id=command,
                revision=draw(st.integers(1, 3)),
                hash=draw(st.sampled_from(("h1", "h2"))),
                account="ns",
                order_key="5001",
                kind=DocumentKind.CREDIT_NOTE,
                subject="rf1",
                status=status,
                at=moment(draw(st.integers(0, 50))),
                number=draw(st.sampled_from(("CM-1", "CM-2"))) if status is OutcomeStatus.DONE else "",
                failure=Failure(ErrorKind.REFUSED, "no") if status is OutcomeStatus.REFUSED else None,
                reason="void" if status is OutcomeStatus.WITHHELD else "",
            )
        )
    return facts


@st.composite
def decisions(draw: st.DrawFn) -> list[Fact]:
    names = draw(st.lists(st.sampled_from(("d1", "d2")), unique=True))
    return [
        read_decision(
            orjson.dumps(
                {
                    "id": name,
                    "type": "decision",
                    "at": moment(5),
                    "by": "fin-01",
                    "reason": "seen",
                    "order_id": "5001",
                    "decision": {"kind": "retry", "command_id": "c1"},
                }
            )
        )
        for name in names
    ]


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Everything one order can hear, in one possible order of arrival."""
    return [
        *draw(snapshots("r1", odd=True)),
        *draw(snapshots("r2", most=2, odd=True)),
        *draw(inspections()),
        *draw(outcomes()),
        *draw(decisions()),
    ]
