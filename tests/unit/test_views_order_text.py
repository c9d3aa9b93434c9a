"""One order as text, and the words for times and money."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.cli._lists import plain_table
from adapters.cli._order_text import order_text
from adapters.cli._terminal import text
from adapters.cli._wording import age, clock, length, money, step_name
from adapters.views.balances import balances
from adapters.views.order import describe
from streams.commands import Command, Outcome
from streams.facts import read_snapshot
from streams.row import Issued, Letter, Row, Waiting
from streams.vocabulary import DocumentKind, OutcomeStatus
from tests.integration.installation import snapshot
from tests.unit.test_views_lists import held

NOW = datetime(2026, 11, 27, 14, 5, 12, tzinfo=UTC)


def command(kind: DocumentKind, subject: str, **body: Any) -> Command:
    return Command(f"c-{kind.value}-{subject}", 1, "ns", "5001", kind, subject, body, "h", 1)


def outcome(about: Command, status: OutcomeStatus = OutcomeStatus.DONE, **fields: Any) -> Outcome:
    at = "2026-11-27T11:52:07Z"
    named = (about.id, about.revision, about.hash, about.account, about.order_key, about.kind, about.subject)
    return Outcome(*named, status, at, **fields)


def order_5001() -> Row:
    """The order of the brief: authorised, its credit note held and late, its inspection awaited."""
    row = Row("5001", first_seen="2026-11-27T11:50:00Z")
    row.absorb(read_snapshot(snapshot("5001", return_id="9f0c")))
    question = command(DocumentKind.ORDER_SNAPSHOT, "order/9f0c", return_id="9f0c")
    authorisation = command(DocumentKind.RETURN_AUTHORISATION, "9f0c", return_id="9f0c")
    for sent in (question, authorisation):
        row.issued[sent.id] = Issued(sent, published=True)
    answer = {"at": "2026-11-27T11:52:00Z", "found": 1, "currency": "GBP", "total": "44.95"}
    row.absorb(outcome(question, OutcomeStatus.ANSWERED, answer=answer))
    row.absorb(outcome(authorisation, number="RA-7731", reason="created"))
    row.letters["8be1"] = held("8be1", subject="rf-5001", return_id="9f0c")
    for item in (
        Waiting("credit_note", "rf-5001", "decision", "2026-11-27T11:52:09Z", "2026-11-27T12:07:00Z", "x", "9f0c"),
        Waiting(
            "credit_application",
            "rf-5001",
            "credit_note",
            "2026-11-27T11:52:09Z",
            "",
            "the note is not there yet",
            "9f0c",
        ),
        Waiting(
            "item_receipt", "l1", "inspection", "2026-11-27T11:40:00Z", "2026-11-30T11:40:00Z", "not inspected", "9f0c"
        ),
    ):
        row.waiting[item.key] = item
    row.alarms["credit_note/rf-5001"] = Letter("credit_note/rf-5001", {})
    return row


def test_an_order_reads_as_its_picture() -> None:
    """Money first, then what is late and whose it is, then each step with its word, in playbook order."""
    assert order_text(describe(order_5001(), []), NOW, UTC) == [
        "Order 5001 (#5001) GBP: paid 44.95, refunded 37.05, credited 0.00, open 37.05",
        "LATE 1 h 58 min: credit note rf-5001 waits for Finance, NetSuite has no code for tax code GB-ZERO.",
        "Return 9f0c (instant, refund, in_progress), version 1",
        "  ok    return authorisation        RA-7731  11:52:07",
        "  FAIL  credit note rf-5001         unmapped  11:52:09  dlq 8be1, due 12:07:00, LATE",
        "  wait  credit application rf-5001  the note is not there yet; since 11:52:09",
        "  wait  item receipt l1             not inspected; since 11:40:00, due 30 Nov 11:40",
        "Documents",
        "  RA-7731  return authorisation 9f0c  11:52:07",
        "Exceptions",
        "  NetSuite has no code for tax code GB-ZERO.",
        "    unmapped, owner finance, since 2 h 13 min, dlq 8be1",
    ]


def test_an_order_that_only_has_dead_records_is_still_an_order() -> None:
    """Nothing known but a quarantine: the text says so and does not fail."""
    lines = order_text(describe(Row("7", quarantined="its row would be 300000 bytes"), []), NOW, UTC)
    assert lines[0] == "Order 7 no money is known yet"
    assert "FAIL The order stands still: its row would be 300000 bytes" in lines


def test_the_newest_events_come_first_and_what_is_left_out_is_said() -> None:
    """First n of m is printed, never a silent cut."""
    event = {"topic": "events.reveni", "partition": 0, "replay_of": None, "what": "return"}
    events = [{**event, "at": f"2026-11-27T10:00:0{number}Z", "offset": number} for number in range(5)]
    lines = order_text(describe(Row("5001"), events), NOW, UTC, events=2)
    start = lines.index("Events, newest first")
    assert [line.split()[0] for line in lines[start + 1 :]] == ["10:00:04", "10:00:03", "first"]
    assert lines[-1] == "  first 2 of 5"


def test_money_is_kept_apart_by_currency_and_a_reversal_takes_its_note_back() -> None:
    """Each currency has its own digits; a note counts by what was posted; a note taken back no longer counts."""
    row = Row("5001")
    refund = {"refund_id": "rf2", "kind": "goods", "amount": "4999", "currency": "JPY", "state": "paid"}
    row.absorb(read_snapshot(snapshot("5001", return_id="r1")))
    row.absorb(read_snapshot(snapshot("5001", return_id="r2", currency="JPY", refunds=[refund])))
    note = command(DocumentKind.CREDIT_NOTE, "rf-5001", currency="GBP", amount="37.05")
    reversal = command(DocumentKind.REVERSAL, "rf-5001", currency="GBP", amount="37.05")
    for sent, number in ((note, "CM-1"), (reversal, "RV-1")):
        row.issued[sent.id] = Issued(sent, published=True, bodies={"h": (1, dict(sent.body))})
        assert balances(row)[0]["credited"] == ("0.00" if sent is note else "37.05")
        row.absorb(outcome(sent, number=number))
    assert balances(row) == [
        {"currency": "GBP", "paid": None, "refunded": "37.05", "credited": "0.00", "open": "37.05"},
        {"currency": "JPY", "paid": None, "refunded": "4999", "credited": "0", "open": "4999"},
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-27T11:52:09Z", "11:52:09"),
        ("2026-11-30T11:40:00Z", "30 Nov 11:40"),
        ("2025-11-30T11:40:00Z", "30 Nov 2025 11:40"),
        (None, "-"),
        ("soon", "-"),
        ("2026-11-27T11:52:09", "-"),
    ],
)
def test_a_time_is_told_with_as_much_date_as_it_needs(text: str | None, said: str) -> None:
    """Today by the clock, another day with its date; what is no time is a dash, never an error."""
    assert clock(text, NOW, UTC) == said


def test_times_are_in_the_merchants_zone() -> None:
    """Half past eleven at night in UTC is the next day in Tokyo."""
    assert clock("2026-11-27T23:30:00Z", NOW, ZoneInfo("Asia/Tokyo")) == "28 Nov 08:30"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (-5, "0 s"), (59, "59 s"), (60, "1 min"), (7980, "2 h 13 min"), (7200, "2 h"), (367_200, "4 d 6 h")],
)
def test_an_age_has_two_units_at_most(seconds: int, said: str) -> None:
    """Rounded down: what is not over yet is not counted."""
    assert length(timedelta(seconds=seconds)) == said
    assert age((NOW - timedelta(seconds=seconds)).isoformat(), NOW) == said


@pytest.mark.parametrize(
    ("amount", "said"),
    [("1249.00", "1,249.00"), ("-37.86", "-37.86"), ("4999", "4,999"), ("-1234567.891", "-1,234,567.891"), ("x", "x")],
)
def test_money_is_never_shortened(amount: str, said: str) -> None:
    """The currency's own digits stay; thousands are set apart."""
    assert money(amount) == said


def test_a_step_is_named_without_its_returns_own_id() -> None:
    """Inside a return its id says nothing; elsewhere it does."""
    assert step_name("return_authorisation", "r1", return_id="r1") == "return authorisation"
    assert step_name("exchange_order", "r1/l1", return_id="r1") == "exchange order l1"
    assert step_name("effect:credit_note", "rf1") == "credit note rf1"


def test_a_plain_table_cuts_nothing() -> None:
    """Every cell is whole, on one line; what is not there is a dash."""
    lines = plain_table(
        ("id", "why"), [[text(cell) for cell in row] for row in [("a" * 40, "two\nlines"), ("b", None)]]
    )
    assert lines == [f"ID{' ' * 38}  WHY", f"{'a' * 40}  two lines", f"b{' ' * 39}  -"]
