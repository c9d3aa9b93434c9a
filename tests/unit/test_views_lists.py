"""`waiting`, `exceptions` and the dead letters as lists, from rows and records alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson

from adapters.views.deadletters import DeadLetter, collect
from adapters.views.lists import exceptions, waiting
from streams.row import Letter, Row, Waiting


def held(letter_id: str, *, kind: str = "unmapped", since: str = "2026-11-27T11:52:09Z", **changes: Any) -> Letter:
    """An open exception of a credit note."""
    content = {
        "kind": kind,
        "owner": "finance",
        "reason": "NetSuite has no code for tax code GB-ZERO.",
        "step": "credit_note",
        "subject": "rf1",
        "return_id": "r1",
        "refund_id": "rf1",
        "mapping_key": "tax_codes.GB-ZERO.ns",
        "command": {
            "id": letter_id,
            "revision": 0,
            "hash": "h",
            "account": "ns",
            "kind": "credit_note",
            "subject": "rf1",
        },
    }
    return Letter(letter_id, {**content, **changes}, since=since)


def record(value: bytes, names: dict[str, str], *, offset: int = 0, key: bytes | None = b"5001") -> Any:
    """A record of `dead.letters` as a consumer gives it; the names stand without their `dlq.`."""
    headers = [(f"dlq.{name}", text.encode()) for name, text in names.items()]
    return SimpleNamespace(
        topic="dead.letters", partition=0, offset=offset, timestamp=0, key=key, value=value, headers=headers
    )


def test_a_step_that_is_itself_an_exception_is_not_waiting() -> None:
    """What needs a decision is in `exceptions` alone; every entry is in exactly one of the two lists."""
    row = Row("5001", letters={"a": held("a")})
    row.waiting = {
        "credit_note/rf1": Waiting("credit_note", "rf1", "decision", "2026-11-27T11:52:09Z", why="not mapped"),
        "item_receipt/l1": Waiting("item_receipt", "l1", "inspection", "2026-11-27T11:40:00Z", "2026-11-30T11:40:00Z"),
    }
    assert [entry["step"] for entry in waiting([row])] == ["item_receipt"]
    assert [entry["step"] for entry in exceptions([row], [])] == ["credit_note"]


def test_what_waits_is_sorted_by_when_it_is_due_and_what_has_no_date_comes_last() -> None:
    """The earliest due first, over all orders."""
    orders = []
    for number, due in (("1", ""), ("2", "2026-11-28T00:00:00Z"), ("3", "2026-11-27T00:00:00Z")):
        item = Waiting("credit_note", "rf", "refund", "2026-11-26T00:00:00Z", due)
        orders.append(Row(number, waiting={item.key: item}))
    assert [entry["order_id"] for entry in waiting(orders)] == ["3", "2", "1"]


def test_whose_move_it_is() -> None:
    """Approvals are Finance's; what waits for an exception is that exception's owner's; the rest is nobody's."""
    row = Row("5001", letters={"a": held("a", owner="warehouse")})
    items = [
        Waiting(f"step{number}", "s", waits_for, "t") for number, waits_for in enumerate(("approval", "letter:a", "x"))
    ]
    row.waiting = {item.key: item for item in items}
    assert {entry["for"]: (entry["owner"], entry["dlq_id"]) for entry in waiting([row])} == {
        "approval": ("finance", None),
        "letter:a": ("warehouse", "a"),
        "x": (None, None),
    }


def test_exceptions_are_those_of_orders_and_of_records_and_never_an_effects_letter_twice() -> None:
    """An effect's letter is known by its row: the topic's copy is left out, and so is what was resolved."""
    rows = [Row("5001", letters={"a": held("a")}), Row("5002", quarantined="its row would be 300000 bytes")]
    letters = collect(
        [
            record(b"{}", {"id": "a", "stage": "effect:credit_note"}),
            record(b"{", {"id": "b", "stage": "decode", "owner": "engineering"}, offset=1, key=None),
            record(b"{", {"id": "c", "stage": "decode"}, offset=2),
        ],
        [SimpleNamespace(key=b"c", value=orjson.dumps({"replays": 0, "resolution": "replayed"}))],
    ).values()
    found = {(entry["order_id"], entry["dlq_id"]): entry for entry in exceptions(rows, letters)}
    assert set(found) == {("5001", "a"), ("5002", None), (None, "b")}
    assert found["5002", None]["kind"] == "too-large" and found["5002", None]["owner"] == "engineering"


def test_a_repeat_with_equal_replays_is_the_same_letter() -> None:
    """Published again after a crash, even after a newer one, an old record neither adds nor takes anything."""
    records = [
        record(b"1", {"id": "a", "replays": "0", "first-failed-at": "2026-11-27T10:00:00Z"}),
        record(b"2", {"id": "a", "replays": "1", "first-failed-at": "2026-11-27T11:00:00Z"}, offset=1),
        record(b"3", {"id": "a", "replays": "0"}, offset=2),
    ]
    (letter,) = collect(records, []).values()
    assert (letter.value, letter.replays, letter.open) == (b"2", 1, True)
    assert letter.first_failed_at == "2026-11-27T10:00:00Z"


def test_a_resolution_closes_the_replays_it_names_and_no_later_ones() -> None:
    """A letter that failed again after it was resolved is open again."""
    resolved = [SimpleNamespace(key=b"a", value=orjson.dumps({"replays": 0, "resolution": "replayed"}))]
    first, again = (record(b"", {"id": "a", "replays": count}) for count in ("0", "1"))
    assert [letter.open for letter in collect([first], resolved).values()] == [False]
    assert [letter.open for letter in collect([first, again], resolved).values()] == [True]


def test_the_original_headers_of_a_letter_are_those_it_came_in_with() -> None:
    """Neither the letter's own headers nor those of an earlier replay are sent again."""
    names = [("event-id", b"e"), ("replay.of", b"x"), ("replay.count", b"1"), ("dlq.id", b"x")]
    letter = DeadLetter("x", "t", 0, 0, 0, None, None, names)
    assert letter.original_headers() == [("event-id", b"e")]
