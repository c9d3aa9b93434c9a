"""What the judges of calls, alarms, mappings, replays and single lines find, and their lawful neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
import pytest

from adapters.generator.orders import Order, OrderLine
from adapters.generator.world import World
from streams.vocabulary import ErrorKind
from tests.simulation.checks.history import CHANGELOG, KEY, ORDER, PROFILE, TABLE, History
from tests.simulation.checks.overdue import is_mapped
from tests.simulation.checks.test_watch import LINES, NOTE, PAID, RECEIPT, authorised
from tests.simulation.plan import THE_FAULT, Pause, VendorFault

_AGAIN: list[tuple[bytes, bytes, set[str]]] = [
    (b"first", b"1", set()),
    (b"other", b"1", {"letter-spoilt"}),
    (b"first", b"0", {"letter-spoilt"}),
]
_TEE = OrderLine("ol1", "TEE-RED-M", 2, Decimal("40.00"), "GB-STD")
SOLD = World(1, (Order(ORDER, "#1001", "fulfilled", "GBP", "WH-LON", {}, Decimal("4.95"), (_TEE,), True),))
THROTTLE = VendorFault(1, 5.0, {"fault": "429", "until": 60.0, "retry_after": "seconds", "seconds": 10.0})


@dataclass(frozen=True, slots=True)
class Call:
    """As the vendor's log has it."""

    status: int | None = None
    fault: str | None = None
    account: str = "ns"
    in_flight: int = 1
    path: str = ""


def throttled(*acts: Any) -> History:
    """At ten seconds the account says to stay away for ten more."""
    history = History(THROTTLE, *acts)
    history.watch.now = 10.0
    history.watch.called(Call(429, "429"), ended=True)
    return history


def test_i12_a_call_while_a_stated_pause_runs() -> None:
    """Between a Retry-After and its end no call begins."""
    history = throttled()
    history.watch.now = 15.0
    history.watch.called(Call(), ended=False)
    assert history.found == {"called-while-throttled"}


@pytest.mark.parametrize("at", [10.01, 20.5])
def test_i12_calls_on_their_way_and_calls_after_the_pause(at: float) -> None:
    """What was sent before the answer arrived could not know; what comes after the pause may come."""
    history = throttled()
    history.watch.now = at
    history.watch.called(Call(), ended=False)
    assert history.found == set()


def test_i12_who_was_not_told_of_the_pause() -> None:
    """A successor has not heard of it, and a process that was stopped hears of it late."""
    history = throttled()
    owned = {"state": "owned", "epoch": 2, "at": "", "generation": 2, "released": False}
    history.append(TABLE, b"~owner", orjson.dumps(owned))
    stopped = throttled(Pause(2, 9.0, "dispatcher", 0, 3.0))
    for one in (history, stopped):
        one.watch.now = 15.0
        one.watch.called(Call(), ended=False)
        assert one.found == set()


def refused(disposition: str = "rejected", kind: str = "refused", message: str = "no", **after: int) -> History:
    """A note that ended as refused, after `answered` calls with `status`."""
    history = authorised(**PAID)
    note = history.ask(NOTE, "rf1", amount="40.00")
    history.changelog()
    history.publish(note)
    for _ in range(after.get("answered", 0)):
        history.watch.called(Call(after["status"]), ended=True)
    failure = {"kind": kind, "message": message, "disposition": disposition}
    outcome = {"command_id": note.id, "revision": 1, "hash": note.hash, "account": "ns", "order_key": ORDER}
    said = {"kind": "credit_note", "subject": "rf1", "status": "refused", "at": "2026-11-27T10:00:00Z", "number": ""}
    history.append("erp.outcomes", KEY, orjson.dumps({**outcome, **said, "failure": failure}))
    return history


def test_i1_a_refusal_that_nobody_made() -> None:
    """A command is refused by an answer that refuses it; 429 is none."""
    assert refused(answered=3, status=429).found == {"refused-by-nobody"}
    assert refused(answered=1, status=400).found == set()
    assert refused(kind="mismatch").found == set()


def test_i1_a_fault_of_ours_that_nobody_put_there() -> None:
    """A command that ends as `bug` in a run without a build that fails is one."""
    assert refused(kind="bug", message="ValueError: no amount").found == {"fault-of-ours"}
    assert refused(kind="bug", message=f"ZeroDivisionError: {THE_FAULT} (builds.py:73)").found == set()


def test_e02_what_is_given_up_in_an_outage() -> None:
    """A command is given up while others succeed, never because the account is down."""
    assert refused("attempts-exhausted", answered=9, status=503).found == {"given-up-in-an-outage"}
    assert refused("attempts-exhausted", answered=4, status=200).found == set()


def begun(*revisions: tuple[int, bool], epoch: int = 1) -> History:
    """A command's revisions, (number, whether void), each begun to be sent in turn."""
    history = authorised()
    owned = {"state": "owned", "epoch": epoch, "at": "", "generation": 1, "released": False}
    history.append(TABLE, b"~owner", orjson.dumps(owned))
    for revision, void in revisions:
        command = history.ask(NOTE, "rf1", revision, amount=f"{revision}.00")
        raw = {**command.as_json(), "void": void, "row_stamp": [1, 10 + revision]}
        mark = [epoch, "2026-11-27T10:00:00Z"]
        entry = {"state": "begun", "command": raw, "written": mark, "sends": 1, "doubt": mark, "settled": [0, ""]}
        history.append(TABLE, command.id.encode(), orjson.dumps({**entry, "attempts": []}))
    return history


def test_i2_what_is_begun_is_wanted_and_the_newest() -> None:
    """Neither a void revision nor one older than what the owner knows of is begun to be sent."""
    assert begun((1, False), (2, False)).found == set()
    assert begun((1, False), (2, True)).found == {"void-begun"}
    assert begun((2, False), (1, False)).found == {"older-begun"}


def test_i2_a_zombie_does_not_know_what_its_successor_began() -> None:
    """What another owner has begun meanwhile is not known to one that was stopped before."""
    history = begun((2, False), epoch=2)
    command = history.ask(NOTE, "rf1", 1, amount="1.00")
    raw = {**command.as_json(), "row_stamp": [1, 1]}
    mark = [1, "2026-11-27T10:00:00Z"]
    entry = {"state": "begun", "command": raw, "written": mark, "sends": 1, "doubt": mark, "settled": [0, ""]}
    history.append(TABLE, command.id.encode(), orjson.dumps({**entry, "attempts": []}))
    assert history.found == set()


@pytest.mark.parametrize(("raised", "found"), [(False, {"alarm-missing"}), (True, set())])
def test_v02_what_is_late_has_its_alarm(raised: bool, found: set[str]) -> None:
    """Once a deadline has passed, the alarm is on."""
    history = authorised()
    history.wait("item_receipt", "inspection", due="2026-11-27T09:00:20.000Z")
    if raised:
        history.append("alarms", b"5001/item_receipt/r1", orjson.dumps({"state": "on"}))
    history.watch.now = 60.0
    assert history.finish() == found


def test_v02_what_is_not_late_has_none() -> None:
    """Before the deadline nothing is expected."""
    history = authorised()
    history.wait("item_receipt", "inspection", due="2026-11-27T09:00:55.000Z")
    history.watch.now = 60.0
    assert history.finish() == set()


@pytest.mark.parametrize(
    ("key", "found"), [("dispositions.sellable", {"waits-for-what-is-there"}), ("dispositions.scuffed", set())]
)
def test_i14_an_exception_for_a_mapping_that_is_there(key: str, found: set[str]) -> None:
    """When the profile has what was missing, nobody waits for it any more."""
    history = authorised()
    history.except_for("item_receipt", "ins-1/l1", ErrorKind.UNMAPPED, mapping_key=key)
    assert history.finish() == found


def test_names_of_mappings() -> None:
    """A mapping is named by its section, its name and its account; an item that the account has not is no mapping."""
    profile = {
        **PROFILE,
        "accounts": {"ns": {}},
        "skus": {"identity": False, "A.B": {"ns": "1"}},
        "tax_codes": {"GB": {"ns": "5"}},
        "items": {"fee": {"ns": "902", "tax_code": "GB"}, "bonus": {"ns": "903"}},
    }
    for key in ("skus.A.B.ns", "tax_codes.GB.ns", "items.fee.tax_code", "items.bonus.ns"):
        assert is_mapped(profile, key), key
    for key in ("skus.A.B", "skus.C.ns", "tax_codes.FR.ns", "items.bonus.tax_code", "reasons.moon.ns"):
        assert not is_mapped(profile, key), key


def test_i13_a_letter_sent_in_again_keeps_its_name() -> None:
    """A record that dies again is the same letter, opened once more."""
    for letter_id, replays, found in _AGAIN:
        history = History()
        again = [("replay.of", b"first"), ("replay.count", b"1")]
        record = history.append("events.reveni", KEY, b"no JSON", again)
        history.bury("events.reveni", record, **{"dlq.id": letter_id, "dlq.replays": replays})
        assert history.found == found


def test_i11_the_newest_record_is_whole() -> None:
    """Compaction keeps the newest record alone: what a zombie wrote late has to be written over with the join."""
    history = authorised()
    late = history.changelog()
    history.snapshot(version=2)
    history.changelog()
    history.append(CHANGELOG, KEY, late)
    assert history.watch.unjoined()
    history.changelog()
    assert not history.watch.unjoined()


def test_i4_a_receipt_for_more_than_comes_back() -> None:
    """No receipt asks for more units than its return has, whatever was inspected."""
    for units, found in ((1, set()), (2, {"asked-more-than-returned"})):
        history = authorised()
        history.inspect(("l1", "TEE-RED-M", 2, "sellable"))
        lines = [{"sku": "TEE-RED-M", "quantity": units}]
        subject = "ins-1/l1/TEE-RED-M/sellable"
        asked = history.ask(RECEIPT, subject, return_id="r1", lines=lines, origin={"id": "ins-1"})
        history.changelog()
        history.publish(asked)
        assert history.found == found


def test_i5_a_thing_is_not_credited_beyond_its_worth() -> None:
    """Of each line the notes of a return credit what it came to and no more."""
    for sku, found in (("TEE-RED-M", {"piece-over-credited"}), ("HAT-1", set())):
        history = History(world=SOLD)
        history.snapshot(**PAID)
        note = history.ask(NOTE, "rf1", return_id="r1", amount="41.00")
        history.changelog()
        history.publish(note)
        history.begin(note)
        history.book("credit_note", external_ref=note.id, amount="41.00", lines=[{"sku": sku, "amount": "41.00"}])
        assert ("piece-over-credited" in history.finish()) is bool(found)


def test_i16_a_posting_in_another_period() -> None:
    """Where the profile holds, what belongs to November is not dated the first of December."""
    for dated, found in (("2026-12-01", {"posted-elsewhen"}), ("2026-11-28", set())):
        history = History()
        history.snapshot()
        history.inspect(("l1", "TEE-RED-M", 1, "sellable"))
        receipt = history.ask(RECEIPT, "ins-1/l1", date="2026-11-27T10:00:00Z", lines=LINES, return_id="r1")
        history.changelog()
        history.publish(receipt)
        history.begin(receipt)
        history.book("item_receipt", external_ref=receipt.id, lines=LINES, date=dated)
        assert history.found == found
