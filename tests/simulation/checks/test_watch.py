"""Each invariant is broken once by a small history, and found; its lawful neighbour is not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
import pytest

from adapters.generator.causes import Call, Cause
from adapters.generator.deliveries import Delivery
from adapters.generator.expected import Demand
from adapters.generator.orders import Order
from adapters.generator.world import World
from streams.row import Row
from streams.rowcodec import decode, encode
from streams.vocabulary import DocumentKind, ErrorKind, OutcomeStatus
from tests.scenarios.messages import hat, refund, return_event, return_of, tee
from tests.simulation.checks import differences
from tests.simulation.checks.history import CHANGELOG, KEY, ORDER, PROFILE, TABLE, History
from tests.simulation.plan import Corrupt, Publish, VendorFault

PAID: dict[str, Any] = {"refunds": [refund("rf1", "40.00")], "state": "accepted"}
RMA, NOTE, RECEIPT = DocumentKind.RETURN_AUTHORISATION, DocumentKind.CREDIT_NOTE, DocumentKind.ITEM_RECEIPT
LINES = [{"sku": "TEE-RED-M", "quantity": 1}]
SHELF: dict[str, Any] = {"location": "101", "sellable": True}


def authorised(**snapshot: Any) -> History:
    """A return told, with its authorisation."""
    history = History()
    history.snapshot(**snapshot)
    history.make(RMA, "r1", lines=LINES)
    return history


def credited(**snapshot: Any) -> History:
    """A refund told as paid, with its note."""
    history = authorised(**{**PAID, **snapshot})
    history.make(NOTE, "rf1", amount="40.00")
    return history


def inspected() -> History:
    """A tee authorised, inspected and received for sale."""
    history = authorised()
    history.inspect(("l1", "TEE-RED-M", 1, "sellable"))
    history.make(RECEIPT, "ins-1/l1/TEE-RED-M/sellable", lines=LINES, **SHELF)
    return history


def test_a_lawful_history_is_found_lawful() -> None:
    """A return told, authorised, credited, inspected and received breaks nothing, and everything was looked at."""
    history = credited()
    history.inspect(("l1", "TEE-RED-M", 1, "sellable"))
    history.make(RECEIPT, "ins-1/l1/TEE-RED-M/sellable", lines=LINES, **SHELF)
    for topic in ("events.reveni", "events.warehouse", "erp.outcomes", "erp.commands.ns", "erp.commands.ns.goods"):
        history.commit(topic)
    history.watch.call("ns", 15, 15)
    history.watch.recovered("w1", CHANGELOG, 0, {KEY: history.changelog()})
    history.finish()
    assert history.watch.violations == []
    assert {"I1", "I2", "I3", "I4", "I5", "I7", "I8", "I9", "I10", "I11", "I12"} <= set(history.watch.checks)


# -- I1


def test_i1_an_answer_before_the_body_is_in_the_log() -> None:
    """A delivery answered 200 is in the log by then."""
    history = History()
    event = return_event(return_of(ORDER, "r1", 1), "e1")
    history.send(history.delivery(event), stored=False)
    assert history.found == {"answered-before-stored"}


def test_i1_a_paid_refund_that_is_nowhere() -> None:
    """A paid refund without a note, an exception or a reason is lost."""
    assert "refund-lost" in authorised(**PAID).finish()


def test_i1_a_paid_refund_with_an_exception() -> None:
    """A refund that a person sees is not lost."""
    history = authorised(**PAID)
    history.except_for("credit_note", "rf1", refund_id="rf1")
    assert history.finish() == set()


def test_i1_a_note_made_by_hand_is_no_lost_refund() -> None:
    """What an operator did by hand is owed no more; a decision that was void changes nothing."""
    for ruling, found in (("applied", set()), ("void: revision moved on", {"refund-lost", "balance-open"})):
        history = authorised(**PAID)
        note = history.ask(NOTE, "rf1", amount="40.00")
        history.changelog()
        history.publish(note)
        history.end(note, status=OutcomeStatus.REFUSED, number="")
        history.decide("done_by_hand", ruling, command_id=note.id, number="77")
        assert history.finish() == found


# -- I2


def test_i2_one_reference_under_two_numbers() -> None:
    """One command makes one document, whatever it is retried for."""
    history = authorised()
    first = history.make(NOTE, "rf1", amount="0.00")
    history.book("credit_note", external_ref=first.id, amount="0.00")
    assert "document-doubled" in history.found


def test_i2_an_update_is_no_second_document() -> None:
    """The same document may have several lines in the ledger."""
    history = credited()
    before = history.watch.position()
    history.book("return_authorisation", number="9001", op="close", status="closed", lines=[])
    assert history.found == set()
    assert history.watch.position() != before  # nothing is authorised any more


# -- I3, I4


def test_i3_a_restock_before_the_inspection() -> None:
    """Goods go for sale after an inspection was sent, not before."""
    history = authorised()
    history.make(RECEIPT, "ins-1/l1/TEE-RED-M/sellable", lines=LINES, **SHELF)
    assert "restocked-uninspected" in history.found


@pytest.mark.parametrize("found", ["damaged", "missing"])
def test_i3_a_restock_against_the_disposition(found: str) -> None:
    """Only a disposition that the profile sends to the shelf allows a restock."""
    history = authorised()
    history.inspect(("l1", "TEE-RED-M", 1, found))
    history.make(RECEIPT, "ins-1/l1", lines=LINES, **SHELF)
    assert "restocked-uninspected" in history.found


def test_i3_a_disposition_mapped_later_allows_from_then_on() -> None:
    """A published version of the profile may send goods to the shelf that were held before."""
    later = {**PROFILE, "dispositions": {**PROFILE["dispositions"], "scuffed": {"to": "sellable"}}}
    for at, found in ((0.5, set()), (500.0, {"restocked-uninspected"})):
        history = History(Publish(1, at, later, 2))
        history.snapshot()
        history.make(RMA, "r1", lines=LINES)
        history.inspect(("l1", "TEE-RED-M", 1, "scuffed"))
        history.make(RECEIPT, "ins-1/l1", lines=LINES, **SHELF)
        assert history.found == found


def test_i3_units_moved_back_to_the_shelf_twice() -> None:
    """Moves count as well as receipts: what is on the shelf never exceeds what was found sellable."""
    history = inspected()
    there = {"lines": LINES, "location": "102", "from": "101", "sellable": False}
    back = {"lines": LINES, "location": "101", "from": "102", "sellable": True}
    history.book("stock_movement", **there)
    history.book("stock_movement", **back)
    assert history.found == set()
    history.book("stock_movement", **back)
    assert history.found == {"restocked-uninspected"}


def test_i3_revenis_disposition_counts_where_it_decides() -> None:
    """Where the profile lets Reveni decide, its disposition allows the restock, and the warehouse's does not."""
    lets_reveni = {**PROFILE, "merchant": {"inspection": "reveni", "mode": "live"}}
    for reveni, warehouse, found in (
        ("sellable", "damaged", set()),
        ("damaged", "sellable", {"restocked-uninspected"}),
    ):
        history = History(profile=lets_reveni)
        history.snapshot(state="received", lines=[tee(disposition=reveni)])
        history.inspect(("l1", "TEE-RED-M", 1, warehouse))
        history.make(RECEIPT, "r1/l1/TEE-RED-M", lines=LINES, **SHELF)
        assert history.found == found


def test_i4_more_received_than_inspected_and_sold() -> None:
    """Two tees were sold; a third cannot be received, nor one that nobody looked at."""
    history = inspected()
    history.book("item_receipt", lines=LINES, location="102")
    assert history.found == {"received-more-than-inspected", "received-more-than-returned"}
    history.inspect(("l1", "TEE-RED-M", 5, "damaged"), inspection_id="ins-2")
    history.book("item_receipt", lines=[{"sku": "TEE-RED-M", "quantity": 3}], location="102")
    assert "received-more-than-sold" in history.found


@pytest.mark.parametrize(
    ("kind", "numbers", "found"),
    [(RMA, ("60", "60"), True), (RMA, ("60", "61"), False), (DocumentKind.CREDIT_APPLICATION, ("60", "60"), False)],
    ids=["one", "two", "parts of one"],
)
def test_i2_a_document_stands_for_one_command(kind: DocumentKind, numbers: tuple[str, str], found: bool) -> None:
    """L01: what was made by hand is adopted once; applications have the number of their note."""
    history = History()
    for subject, number in zip(("r1", "r2"), numbers, strict=True):
        command = history.ask(kind, subject)
        history.changelog()
        history.publish(command)
        for _ in range(2):  # told again after a crash
            history.end(command, number, reason="adopted")
    assert history.found == ({"document-shared"} if found else set())


def test_i4_more_authorised_than_sold() -> None:
    """Authorisations that are open come to no more than was sold; a closed one counts no more."""
    history = authorised()
    two = [{"sku": "TEE-RED-M", "quantity": 2}]
    history.book("return_authorisation", number="9001", op="close", status="closed", lines=[])
    history.book("return_authorisation", lines=two)
    assert history.found == set()
    history.book("return_authorisation", lines=LINES)
    assert history.found == {"authorised-more-than-sold"}


# -- I5


def test_i5_more_credited_than_refunded() -> None:
    """Credits come to no more than the refunds that were told as paid."""
    history = credited()
    history.book("credit_note", amount="0.01")
    assert history.found == {"credited-more-than-refunded"}


def test_i5_a_pending_refund_allows_no_credit() -> None:
    """Announced is not paid."""
    history = authorised(refunds=[refund("rf1", "40.00", "pending")])
    history.make(NOTE, "rf1", amount="40.00")
    assert "credited-more-than-refunded" in history.found


def test_i5_a_reversal_makes_room() -> None:
    """A note that was taken back counts no more."""
    history = credited()
    note = next(one for one in history.watch.books.documents if one.kind == "credit_note")
    history.book("reversal", of=note.number, amount="40.00")
    history.book("credit_note", amount="40.00")
    assert history.found == set()
    history.book("reversal", of=note.number, amount="40.00")
    assert history.found == {"reversed-twice"}


def test_i5_more_credited_than_paid_for_the_order() -> None:
    """Refunds beyond what the order cost are not credited, unless they were given on top, or a person said yes."""
    dear = {"refunds": [refund("rf1", "100.00")]}
    history = authorised(**dear)
    history.make(NOTE, "rf1", amount="100.00")
    assert history.found == {"credited-more-than-paid"}
    gift = authorised(refunds=[refund("rf1", "100.00", kind="goodwill")])
    gift.make(NOTE, "rf1", amount="100.00")
    assert gift.found == set()
    wanted = authorised(**dear)
    letter = wanted.except_for("credit_note", "rf1")
    wanted.decide("post_anyway", command_id=letter)
    wanted.make(NOTE, "rf1", amount="100.00")
    assert wanted.found == set()


def test_i5_a_wrong_amount_is_the_vendors() -> None:
    """Where the vendor stores wrong amounts, what was asked for counts; at rest somebody has to see it."""
    for faults, found in (
        ((VendorFault(1, 0.0, {"fault": "wrong-amount"}),), set()),
        ((), {"credited-more-than-refunded"}),
    ):
        history = History(*faults)
        history.snapshot(**PAID)
        note = history.ask(NOTE, "rf1", amount="40.00")
        history.changelog()
        history.publish(note)
        history.begin(note)
        history.book("credit_note", external_ref=note.id, amount="41.00")
        assert history.found == found


# -- shadow


def test_no_document_before_the_cut_over() -> None:
    """In shadow mode nothing is made; once a live version is published, documents may be."""
    shadow = {**PROFILE, "merchant": {"inspection": "warehouse", "mode": "shadow"}}
    for at, found in ((0.5, set()), (500.0, {"document-in-shadow"})):
        history = History(Publish(1, at, PROFILE, 2), profile=shadow)
        history.snapshot()
        history.make(RMA, "r1", lines=LINES)
        assert history.found == found


# -- I7


def test_i7_a_frozen_revision_that_changes() -> None:
    """A command's revision says one thing only; another revision may say another."""
    history = authorised()
    note = history.ask(NOTE, "rf1", amount="40.00")
    history.changelog()
    history.publish(note)
    history.publish(note)
    history.ask(NOTE, "rf1", revision=2, amount="39.00")
    history.changelog()
    assert history.found == set()
    raw = note.as_json()
    history.append("erp.commands.ns", KEY, orjson.dumps({**raw, "body": {"amount": "39.00"}, "hash": "other"}))
    assert history.found == {"command-changed"}


@pytest.mark.parametrize("change", ["field", "refund", "state"])
def test_i7_a_row_that_is_not_the_fold_of_what_was_sent(change: str) -> None:
    """At rest a return in a row is the newest of everything that was told of it, whatever came when and how often."""
    history = credited()
    history.snapshot(3, **PAID, lines=[tee(verdict="accepted")])
    history.snapshot(2, **{**PAID, "lines": [tee(), hat()]})  # late: it changes nothing
    history.snapshot(3, **PAID, lines=[tee(verdict="accepted")])
    register = history.row.returns["r1"]
    if change == "field":
        register.fields["state"] = (register.fields["state"][0], "cancelled")
    elif change == "refund":
        register.refunds["rf1"].fields["amount"] = (register.refunds["rf1"].fields["amount"][0], "80.00")
    else:
        register.refunds["rf1"].paid = None
    assert "return-differs" in history.finish()


def test_i7_repeats_and_late_versions_leave_the_fold() -> None:
    """Repeats under other ids, late versions and two contents of one version are all in the fold."""
    history = credited()
    history.snapshot(3, **PAID, lines=[tee(verdict="accepted")])
    history.snapshot(2, **{**PAID, "lines": [tee(), hat()]})
    history.snapshot(3, **PAID, lines=[tee(verdict="accepted")])
    history.snapshot(3, **PAID, lines=[tee(verdict="rejected")])
    assert history.finish() == set()


# -- I8


def test_i8_a_balance_that_is_neither_zero_nor_open() -> None:
    """A refund that was raised after its note leaves a balance that somebody has to see."""
    history = credited()
    history.snapshot(2, refunds=[refund("rf1", "45.00")], state="accepted")
    assert "balance-open" in history.finish()
    seen = credited()
    seen.snapshot(2, refunds=[refund("rf1", "45.00")], state="accepted")
    seen.except_for("credit_note", "rf1", ErrorKind.MISMATCH, refund_id="rf1")
    assert seen.finish() == set()


# -- I9


def test_i9_a_record_that_vanished() -> None:
    """What was taken in is in its row at rest, or dead."""
    history = credited()
    other = return_of(ORDER, "r2", 1)
    history.send(history.delivery(return_event(other, "e9")))
    assert "record-vanished" in history.finish()


def test_i9_a_buried_record_is_accounted_for() -> None:
    """A record that a dead letter names needs no row; one that nothing can be read from needs the letter."""
    for buried in (True, False):
        history = credited()
        record = history.append("events.reveni", None, b"<xml/>")
        if buried:
            history.bury("events.reveni", record)
        assert history.finish() == (set() if buried else {"record-vanished"})


def test_i9_a_command_that_never_ended() -> None:
    """At rest every command has an outcome."""
    history = credited()
    receipt = history.ask(RECEIPT, "ins-1/l1")
    history.changelog()
    history.publish(receipt)
    assert history.finish() == {"command-without-end"}


# -- I10


def test_i10_acknowledged_before_the_changelog() -> None:
    """The offset of an event passes only once a row that has it is in the changelog."""
    history = History()
    history.snapshot()
    history.commit("events.reveni", 0)
    assert history.found == set()
    history.commit("events.reveni")
    assert history.found == {"acknowledged-too-early"}


def test_i10_acknowledged_before_the_outbox_is_published() -> None:
    """What the row decided is in its topic before the event is acknowledged."""
    for publish in (True, False):
        history = History()
        history.snapshot()
        command = history.ask(RMA, "r1")
        history.changelog()
        if publish:
            history.publish(command)
        history.commit("events.reveni")
        assert history.found == (set() if publish else {"acknowledged-too-early"})


def test_i10_a_later_turn_may_owe_while_an_earlier_one_is_acknowledged() -> None:
    """The commit of one turn does not wait for what the next one has decided."""
    history = History()
    history.snapshot()
    history.changelog()
    history.ask(RMA, "r1")
    history.changelog()
    history.commit("events.reveni")
    assert history.found == set()


def test_i10_an_outcome_and_an_older_inspection_are_in_the_row() -> None:
    """An inspection that a newer one replaced, and an outcome that a higher one outweighs, are accounted for."""
    history = inspected()
    history.inspect(("l1", "TEE-RED-M", 1, "damaged"), version=3)
    history.inspect(("l1", "TEE-RED-M", 1, "sellable"), version=2)
    move = history.ask(DocumentKind.STOCK_MOVEMENT, "ins-1/l1")
    history.changelog()
    history.publish(move)
    history.end(move, status=OutcomeStatus.WITHHELD, number="", reason="superseded")
    history.end(move, status=OutcomeStatus.REFUSED, number="")
    history.changelog()
    history.commit("events.warehouse")
    history.commit("erp.outcomes")
    assert history.found == set()
    history.append("erp.outcomes", KEY, history.end(move).encode())
    history.commit("erp.outcomes")
    assert history.found == {"acknowledged-too-early"}


def test_i10_a_command_before_its_row() -> None:
    """A command is published only once the row that froze it is in the changelog."""
    history = History()
    history.snapshot()
    command = history.ask(RMA, "r1")
    history.publish(command)
    assert history.found == {"command-before-row"}


def test_i10_a_command_that_the_dispatcher_forgot() -> None:
    """The offset of a command passes once the table or the outcomes have it."""
    for begun in (True, False):
        history = History()
        history.snapshot()
        command = history.ask(RMA, "r1")
        history.changelog()
        history.publish(command)
        if begun:
            history.begin(command)
        history.commit("erp.commands.ns")
        assert history.found == (set() if begun else {"command-forgotten"})


def test_i10_a_call_before_begun_and_done_before_its_outcome() -> None:
    """The table has a command before it is carried out, and its end only after the outcome is in the topic."""
    history = History()
    history.snapshot()
    command = history.ask(RMA, "r1")
    history.changelog()
    history.publish(command)
    history.book("return_authorisation", external_ref=command.id, lines=LINES)
    assert history.found == {"called-before-begun"}
    other = credited()
    note = other.ask(NOTE, "rf2", amount="1.00")
    other.changelog()
    other.publish(note)
    outcome = History().end(note)
    other.write_down(outcome)
    assert other.found == {"done-before-outcome"}


# -- I11


def zombie() -> tuple[History, bytes]:
    """Two owners write one order, each without the other's record; what recovery has to come to."""
    history = History()
    history.snapshot()
    history.changelog()
    other = decode(encode(history.row))
    history.inspect(("l1", "TEE-RED-M", 1, "sellable"))
    mine = history.changelog()
    other.previous, other.stamp = other.stamp, (0, 9)
    late = encode(other)
    history.append(CHANGELOG, KEY, late)
    return history, mine


def test_i11_recovery_that_overwrites() -> None:
    """A late record of another owner is joined with what stands, it never takes its place."""
    history, mine = zombie()
    history.watch.recovered("w2", CHANGELOG, 0, {KEY: mine})
    assert history.found == set()
    late, before = Row(ORDER), decode(mine)
    late.returns, late.stamp, late.previous = before.returns, (0, 9), (1, 1)
    history.watch.recovered("w3", CHANGELOG, 0, {KEY: encode(late)})
    assert history.found == {"row-differs"}


def test_i11_a_row_absent_and_a_row_invented() -> None:
    """Recovery leaves out no order, and knows of none that was never written."""
    history, mine = zombie()
    history.watch.recovered("w2", CHANGELOG, 0, {b"5002": mine})
    assert history.found == {"row-absent", "row-invented"}


def test_i11_a_rotten_record_is_an_order_that_stands_still() -> None:
    """Where a record has rotted, the order is quarantined; where none has, that is a difference."""
    for rots in (True, False):
        history = History(*([Corrupt(1, 0.5, 0)] if rots else []))
        history.snapshot()
        history.changelog()
        still = encode(Row(ORDER, quarantined="its changelog record is unreadable: not a row"))
        history.watch.recovered("w1", CHANGELOG, 0, {KEY: still})
        assert history.found == (set() if rots else {"row-differs"})


def test_i11_what_is_written_after_the_worker_had_read() -> None:
    """Only what lay before the offset that a worker had read up to can be in its table."""
    history = History()
    history.snapshot()
    first = history.changelog()
    history.inspect(("l1", "TEE-RED-M", 1, "sellable"))
    second = history.changelog()
    history.watch.recovered("w1", CHANGELOG, 0, {KEY: first}, 1)
    history.watch.recovered("w2", CHANGELOG, 0, {KEY: second}, 2)
    assert history.found == set()
    history.watch.recovered("w3", CHANGELOG, 0, {KEY: first})
    assert history.found == {"row-differs"}


def test_i11_the_dispatchers_table_forgets_no_done() -> None:
    """A begun that a paused predecessor wrote late does not undo what is done."""
    history = History()
    history.snapshot()
    command = history.ask(RMA, "r1")
    history.changelog()
    history.publish(command)
    history.begin(command)
    history.write_down(history.end(command))
    done = history.watch._recovery.expected(TABLE, 0)[command.id.encode()]
    history.begin(command)
    history.watch.recovered("w1", TABLE, 0, {command.id.encode(): done})
    assert history.found == set()
    lost = orjson.loads(done)
    lost["outcome"]["status"] = "refused"
    history.watch.recovered("w2", TABLE, 0, {command.id.encode(): orjson.dumps(lost)})
    assert history.found == {"row-differs"}


# -- I12


def test_i12_one_call_too_many() -> None:
    """Calls in flight reach the limit and never pass it."""
    history = History()
    history.watch.call("ns", 15, 15)
    assert history.found == set()
    history.watch.call("ns", 16, 15)
    assert history.found == {"limit-breached"}


# -- I13


@pytest.mark.parametrize(
    "spoilt",
    [
        {"dlq.owner": None},
        {"dlq.owner": b"nobody"},
        {"dlq.attempts": b"one"},
        {"dlq.fingerprint": b""},
        {"dlq.source.offset": b"7"},
        {"value": b"<XML/>"},
        {"key": b"5001"},
        {"timestamp": 5},
    ],
)
def test_i13_a_spoilt_letter(spoilt: dict[str, Any]) -> None:
    """A dead letter has every header, in the contract's words, and the bytes of the record it is about."""
    history = credited()
    record = history.append("events.reveni", None, b"<xml/>", [("source", b"reveni")])
    history.bury("events.reveni", record, **spoilt)
    assert history.found == {"letter-spoilt"}


def test_i13_a_letter_of_ours_is_a_bug() -> None:
    """No message may die of our own fault."""
    history = credited()
    record = history.append("events.reveni", None, b"<xml/>")
    history.bury("events.reveni", record, **{"dlq.error.kind": b"bug"})
    assert history.found == {"bug"}


# -- I14


@pytest.mark.parametrize(
    ("waits_for", "stuck"),
    [
        ("account:ns", True),
        ("order_snapshot", True),
        ("letter:nobody", True),
        ("profile:tax_codes.X.ns", True),
        ("credit_application", True),
        ("inspection", False),
        ("approval", False),
        ("return", True),
    ],
)
def test_i14_a_wait_that_cannot_end(waits_for: str, stuck: bool) -> None:
    """At rest a step waits for something that can still happen, or it waits for ever."""
    history = credited()
    history.wait("item_receipt", waits_for)
    assert history.finish() == ({"waits-for-ever"} if stuck else set())


def test_i14_a_wait_for_an_open_exception_can_end() -> None:
    """A step may wait for a letter that is open, and another for that step."""
    history = credited()
    letter = history.except_for("item_receipt", "r1", ErrorKind.UNMAPPED, mapping_key="skus.X.ns")
    history.wait("stock_movement", f"letter:{letter}")
    history.wait("return_closing", "stock_movement")
    history.wait("exchange_order", "profile:skus.X.ns")
    assert history.finish() == set()


def test_i14_a_wait_for_what_has_come() -> None:
    """A refund that was told as paid is not waited for; nor is an inspection of goods that were all inspected."""
    history = credited()
    history.wait("credit_note", "refund", refund_id="rf1")
    assert history.finish() == {"waits-for-ever"}
    again = inspected()
    again.wait("item_receipt", "inspection")
    assert again.finish() == {"waits-for-ever"}


def test_i14_a_backlog() -> None:
    """At rest nothing is left to do."""
    history = credited()
    assert history.finish("3 records of erp.outcomes-0 not committed") == {"backlog"}


# -- E01


def test_e01_what_was_made_to_go_wrong_is_shown() -> None:
    """An exception that the plot demands is open at rest, unless a person has decided since."""
    demand = Demand(ORDER, "r1", "unmapped-tax", ["unmapped"])
    missing = History(demands=[demand])
    missing.snapshot()
    missing.make(RMA, "r1", lines=LINES)
    assert missing.finish() == {"exception-missing"}
    shown = History(demands=[demand])
    shown.snapshot()
    shown.make(RMA, "r1", lines=LINES)
    shown.except_for("credit_note", "rf1", ErrorKind.UNMAPPED)
    assert shown.finish() == set()


def test_e01_letters_and_the_list_agree() -> None:
    """What is open in the topics is on the list, and what is on the list has its letter."""
    hidden = credited()
    hidden.except_for("credit_application", "rf1")
    hidden.exceptions.clear()
    assert hidden.finish() == {"letter-hidden"}
    closed = credited()
    letter = closed.except_for("credit_application", "rf1")
    closed.append("dead.resolutions", letter.encode(), orjson.dumps({"dlq_id": letter, "replays": 0}))
    closed.exceptions.clear()
    closed.row.letters[letter].open = False
    assert closed.finish() == set()
    unsaid = credited()
    unsaid.exceptions.append({"order_id": ORDER, "return_id": "r1", "kind": "refused", "reason": "x", "dlq_id": "no"})
    assert unsaid.finish() == {"exception-without-letter"}


# -- I6


def test_i6_positions_of_two_orders_of_arrival() -> None:
    """A note that was taken back and made again is the same position; a note less is not, and it is said which."""
    one, other = credited(), credited()
    note = next(entry for entry in other.watch.books.documents if entry.kind == "credit_note")
    other.book("reversal", of=note.number, amount="40.00")
    assert differences(one.watch.position(), other.watch.position()) == [
        "order 5001, credited rf1 GBP: 40.00 in one order of arrival, 0 in another"
    ]
    other.make(NOTE, "rf1~2", amount="40.00")
    assert one.watch.position() == other.watch.position()
    other.except_for("exchange_order", "r1")
    other.finish()
    assert differences(one.watch.position(), other.watch.position()) == [
        "order 5001, exception r1 exchange_order refused in another order of arrival only"
    ]


@pytest.mark.parametrize(
    ("state", "second", "reason", "compared"),
    [
        ("accepted", "paid", "GBP 4.95 too little.", True),
        ("accepted", "failed", "GBP 4.95 too little.", True),
        ("accepted", "pending", "GBP 4.95 too little.", False),
        ("accepted", "moonlit", "GBP 4.95 too little.", False),
        ("received", "paid", "GBP 4.95 too little.", False),
        ("received", "paid", "GBP 4.95 too much.", True),
    ],
)
def test_i6_too_little_of_a_return_that_is_not_done_with_is_a_matter_of_time(
    state: str, second: str, reason: str, compared: bool
) -> None:
    """It is told once the progress deadline has passed, and two runs do not take equally long."""
    positions = []
    for told in (True, False):
        history = History()
        history.snapshot(state=state, refunds=[refund("rf1", "40.00"), refund("rf2", "1.00", second)])
        if told:
            history.except_for("credit_note", "rf1", ErrorKind.MISMATCH, refund_id="rf1", reason=reason)
        history.finish()
        positions.append(history.watch.position())
    assert (positions[0] != positions[1]) == compared


def test_i6_which_of_two_returns_wins_may_depend_on_arrival() -> None:
    """Of two returns that compete the one or the other is credited: the sum is compared, not whose it is."""
    positions = []
    for winner in ("rf1", "rf2"):
        history = History()
        history.snapshot(refunds=[refund("rf1", "40.00")])
        history.snapshot(return_id="r2", refunds=[refund("rf2", "40.00")])
        history.make(NOTE, winner, amount="40.00")
        positions.append(history.watch.position())
    assert positions[0] == positions[1]


# -- I16, R11


def wants_approval(kind: str = "credit_note", **policies: Any) -> History:
    history = History(profile={**PROFILE, "policies": {"approval": [kind], **policies}})
    history.snapshot(**PAID)
    return history


def test_i16_what_needs_a_yes_waits_for_it() -> None:
    """A document that the profile has approved is asked for only once somebody said yes to exactly its content."""
    for seen, found in (("", set()), ("hash", set()), ("another", {"not-approved"}), (None, {"not-approved"})):
        history = wants_approval()
        note = history.ask(NOTE, "rf1", amount="40.00")
        if seen is not None:
            named = note.hash if seen == "hash" else seen
            history.decide("approve", command_id=note.id, **({"hash": named} if named else {}))
        history.changelog()
        history.publish(note)
        assert history.found == found


def test_i16_a_reversal_always_needs_a_yes() -> None:
    """Money is never taken back without a person, whatever the profile says."""
    history = credited()
    reversal = history.ask(DocumentKind.REVERSAL, "rf1", amount="40.00")
    history.changelog()
    history.publish(reversal)
    assert history.found == {"not-approved"}


def test_i16_a_closed_period_that_holds() -> None:
    """Where the profile says hold, a note is dated into its own month; where it says next_open, it may move on."""
    for policy, found in (("hold", {"posted-elsewhen"}), ("next_open", set())):
        history = wants_approval("none", closed_period=policy)
        note = history.ask(NOTE, "rf1", amount="40.00", date="2026-11-20T09:29:57Z")
        history.changelog()
        history.publish(note)
        history.begin(note)
        history.book("credit_note", external_ref=note.id, amount="40.00", date="2026-12-10")
        assert history.found == found
        history.book("credit_application", external_ref=note.id, date="2026-11-20")
        assert history.found == found


def test_r11_twins_are_credited_once() -> None:
    """Of two returns with equal lines and amount the second is credited when a person says that it is two."""
    for decided in (True, False):
        history = History()
        for name in ("r1", "r2"):
            history.watch._plan.expected.tags[name] = ["twins"]
            history.snapshot(return_id=name, refunds=[refund(f"rf-{name}", "40.00")])
        history.make(NOTE, "rf-r1", amount="40.00")
        if decided:
            letter = history.except_for("credit_note", "rf-r2", ErrorKind.DUPLICATE, return_id="r2")
            history.decide("post_anyway", command_id=letter)
        history.make(NOTE, "rf-r2", amount="40.00")
        assert ("twins-credited" in history.finish()) is not decided


def test_i16_a_decision_about_what_nobody_was_shown() -> None:
    """A decision that names another revision or content than was ever there is void."""
    for ruling, found in (("void: revision moved on", set()), ("applied", {"stale-decision-applied"})):
        for seen in ({"revision": 8}, {"revision": 1, "hash": "0000000000000000"}):
            history = credited()
            letter = history.except_for("item_receipt", "r1")
            history.decide("retry", ruling, command_id=letter, **seen)
            assert history.finish() == found


def test_e01_an_exception_that_nothing_calls_for() -> None:
    """Where nothing but the story may call for a person, each open exception has a cause in it."""
    cause = Cause("5001", "r1", "another-amount-refunded", [Call("mismatch", "finance", "credit_note")])
    for complete, known, found in ((True, [], {"exception-uncalled-for"}), (True, [cause], set()), (False, [], set())):
        history = History()
        expected = replace(history.watch._plan.expected, complete=complete, causes=known)
        history.watch._plan = replace(history.watch._plan, expected=expected)
        history.snapshot(refunds=[refund("rf1", "41.00")], state="accepted", mode="instant")
        history.make(RMA, "r1", lines=LINES)
        history.except_for("credit_note", "rf1", ErrorKind.MISMATCH, refund_id="rf1")
        assert history.finish() == found


@pytest.mark.parametrize(("letters", "found"), [(4, set()), (5, {"exception-uncalled-for"})])
def test_e01_a_hostile_message_has_a_letter_for_each_time_it_was_sent(letters: int, found: set[str]) -> None:
    """What was answered 503 three times may have been stored each time; nobody sent it more often than that."""
    history = History()
    history.watch._plan = replace(history.watch._plan, expected=replace(history.watch._plan.expected, complete=True))
    hostile = Delivery(1, 0.0, "/webhooks/reveni", b"{no", "", "poison", "", "")
    for status in (503, 503, 503, 200):
        history.watch.sent(hostile, 1.0)
        history.watch.answered(hostile, status, 1.1)
    for _ in range(letters):
        record = history.append("events.reveni", None, hostile.body)
        history.bury("events.reveni", record)
    assert history.finish() & {"exception-uncalled-for"} == found


def test_i8_a_mismatch_without_a_cause() -> None:
    """Refunds that come to what their return's lines come to are not held as a mismatch; others are."""
    order = Order("5001", "#1", "fulfilled", "GBP", "WH-LON", {}, Decimal("0.00"), (), False)
    for amount, found in (("40.00", {"mismatch-unfounded"}), ("41.00", set())):
        history = History()
        history.watch._people._plan = replace(history.watch._plan, world=World(1, (order,)))
        history.snapshot(refunds=[refund("rf1", amount)], state="accepted", mode="instant")
        history.make(RMA, "r1", lines=LINES)
        history.except_for("credit_note", "rf1", ErrorKind.MISMATCH, refund_id="rf1")
        assert history.finish() == found
