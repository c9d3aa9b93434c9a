"""Decisions about goods: only what was inspected moves, each unit once, to where it belongs (S01-S05, R23)."""

from __future__ import annotations

from typing import Any

import pytest

from streams.commands import Command, Failure
from streams.facts import Fact
from streams.vocabulary import DocumentKind, ErrorKind, OutcomeStatus
from tests.scenarios.messages import hat, refund, tee
from tests.unit.erp import Erp, order_line, rules
from tests.unit.told import decision, exception, inspected, snapshot

RECEIPT, MOVEMENT = DocumentKind.ITEM_RECEIPT, DocumentKind.STOCK_MOVEMENT
GOODS = (RECEIPT, MOVEMENT)


def moved(erp: Erp) -> list[tuple[str, str, int]]:
    """(from or nothing, to, units) of everything that moved, oldest first."""
    found = []
    for command, _ in erp.documents:
        body = command.body
        if command.kind is RECEIPT:
            found += [("", str(line["location"]), int(line["quantity"])) for line in body["lines"]]
        elif command.kind is MOVEMENT:
            found.append((str(body["from_location"]), str(body["to_location"]), int(body["quantity"])))
    return found


def three_tees(**changes: Any) -> Erp:
    """An order of three tees, all sent back on one line."""
    erp = Erp(lines=[order_line("1", "ol1", "TEE-RED-M", 3, "120.00", "20.00")], **changes)
    erp.hear(snapshot(lines=[tee(quantity=3, tax_amount="20.00")]))
    return erp


def test_s01_nothing_moves_before_inspection() -> None:
    """Authorised, shipped, refunded, even received: no goods move; then exactly what was found does."""
    erp = Erp()
    for version, state in enumerate(("in_progress", "shipped", "received", "accepted"), start=1):
        erp.hear(snapshot(version, state=state, refunds=[refund("rf1", "40.00")]))
    assert moved(erp) == []
    assert erp.waiting() == [("item_receipt", "inspection")]
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable")))
    assert moved(erp) == [("", "101", 1)]
    assert erp.waiting() == []


def test_s01_an_inspection_that_comes_first_waits_for_its_return() -> None:
    """The warehouse may be quicker than the webhook."""
    erp = Erp()
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable")))
    assert erp.waiting() == [("item_receipt", "return")]
    erp.hear(snapshot())
    assert moved(erp) == [("", "101", 1)]


def made_by_another(erp: Erp, kind: DocumentKind, *facts: Fact) -> None:
    """Another worker heard more and made a document more; of that one this worker hears the end only."""
    other = Erp(lines=erp.order["lines"])
    for fact in facts:
        other.hear(fact)
    last = [command for command, _ in other.documents if command.kind is kind][-1]
    erp.row.absorb(other.carry_out(last))


def test_goods_wait_while_a_receipt_stands_of_which_nothing_is_known() -> None:
    """Received for sale by a successor; the worker that knows only what they were found to be since brings in none."""
    erp = three_tees()
    one = inspected(("l1", "TEE-RED-M", 1, "sellable"))
    made_by_another(erp, RECEIPT, snapshot(lines=[tee(quantity=3, tax_amount="20.00")]), one)
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "damaged"), version=2))
    assert moved(erp) == []
    letter = exception(erp, "mismatch", "order")["command"]["id"]
    assert ("item_receipt", f"letter:{letter}") in erp.waiting()


def test_goods_wait_while_a_move_stands_of_which_nothing_is_known() -> None:
    """Moved by a successor: they may lie elsewhere than this worker thinks."""
    erp = three_tees()
    told = [snapshot(lines=[tee(quantity=3, tax_amount="20.00")])]
    told += [inspected(("l1", "TEE-RED-M", 1, word), version=n) for n, word in ((1, "sellable"), (2, "damaged"))]
    erp.hear(told[1])
    made_by_another(erp, MOVEMENT, *told)
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "destroyed"), version=3))
    assert moved(erp) == [("", "101", 1)]
    assert "stock_movement" in [step for step, waits_for in erp.waiting() if waits_for.startswith("letter:")]


@pytest.mark.parametrize(
    ("disposition", "warehouse", "location"),
    [
        ("sellable", "WH-LON", "101"),
        ("damaged", "WH-LON", "102"),
        ("destroyed", "WH-LON", "109"),
        ("sellable", "WH-MAN", "201"),
        ("damaged", "WH-MAN", "202"),
    ],
)
def test_s02_s03_disposition_and_warehouse_decide_the_place(disposition: str, warehouse: str, location: str) -> None:
    """Both are mapped by the profile, and stock lands there and nowhere else."""
    erp = Erp()
    erp.hear(snapshot(), inspected(("l1", "TEE-RED-M", 1, disposition), location=warehouse))
    assert moved(erp) == [("", location, 1)]


def test_s04_each_unit_moves_once_when_it_is_known() -> None:
    """Two of three sellable now, one damaged later; each inspection again changes nothing."""
    erp = three_tees()
    erp.hear(inspected(("l1", "TEE-RED-M", 2, "sellable")))
    assert moved(erp) == [("", "101", 2)]
    later = inspected(("l1", "TEE-RED-M", 1, "damaged"), inspection_id="ins-2")
    erp.hear(later)
    erp.hear(later, inspected(("l1", "TEE-RED-M", 2, "sellable")))
    assert moved(erp) == [("", "101", 2), ("", "102", 1)]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_s04_a_changed_disposition_moves_what_was_received() -> None:
    """The units are moved from where they lie to where they belong, there and back."""
    erp = three_tees()
    for version, found in enumerate(("sellable", "damaged", "sellable"), start=1):
        erp.hear(inspected(("l1", "TEE-RED-M", 3, found), version=version))
    assert moved(erp) == [("", "101", 3), ("101", "102", 3), ("102", "101", 3)]


def test_s04_changed_before_anything_was_posted_only_the_newest_counts() -> None:
    """While the receipt waits, it is revised; nothing lands where it no longer belongs."""
    erp = three_tees()
    erp.silent.add(RECEIPT)
    erp.hear(inspected(("l1", "TEE-RED-M", 3, "sellable")))
    erp.hear(inspected(("l1", "TEE-RED-M", 3, "damaged"), version=2))
    erp.speak(RECEIPT)
    assert moved(erp) == [("", "102", 3)]


def test_s04_part_of_it_changed() -> None:
    """One of three turns out to be damaged: one moves, two stay."""
    erp = three_tees()
    erp.hear(inspected(("l1", "TEE-RED-M", 3, "sellable")))
    erp.hear(inspected(("l1", "TEE-RED-M", 2, "sellable"), ("l1", "TEE-RED-M", 1, "damaged"), version=2))
    assert moved(erp) == [("", "101", 3), ("101", "102", 1)]


def test_s04_units_that_no_inspection_names_any_more_leave_the_sellable_stock() -> None:
    """Restocked is never more than inspected sellable."""
    erp = three_tees()
    erp.hear(inspected(("l1", "TEE-RED-M", 3, "sellable")))
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable"), version=2))
    assert moved(erp) == [("", "101", 3), ("101", "102", 2)]


def test_s02_not_to_be_restocked_wins_over_sellable() -> None:
    """Reveni's restock=false sends sellable units to quarantine, before and after they were received."""
    erp = Erp()
    erp.hear(snapshot(lines=[tee(restock=False)]), inspected(("l1", "TEE-RED-M", 1, "sellable")))
    assert moved(erp) == [("", "102", 1)]
    late = Erp()
    late.hear(snapshot(), inspected(("l1", "TEE-RED-M", 1, "sellable")))
    late.hear(snapshot(2, lines=[tee(restock=False)]))
    assert moved(late) == [("", "101", 1), ("101", "102", 1)]


def test_another_disposition_in_the_same_place_moves_nothing() -> None:
    """Kept from sale in quarantine, then found damaged: they lie there already, and a later move starts from there."""
    erp = Erp()
    erp.hear(snapshot(lines=[tee(restock=False)]), inspected(("l1", "TEE-RED-M", 1, "sellable")))
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "damaged"), version=2))
    assert moved(erp) == [("", "102", 1)]
    assert (erp.exceptions(), erp.waiting()) == ([], [])
    erp.hear(snapshot(2, lines=[tee(restock=True)]), inspected(("l1", "TEE-RED-M", 1, "sellable"), version=3))
    assert moved(erp) == [("", "102", 1), ("102", "101", 1)]


def test_missing_units_move_nothing() -> None:
    """What never came is settled without a document."""
    erp = Erp()
    erp.hear(snapshot(state="received"), inspected(("l1", "TEE-RED-M", 1, "missing")))
    assert moved(erp) == []
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_goods_of_a_rejected_line_are_held_for_cx() -> None:
    """Sellable in the warehouse, rejected by Reveni: somebody has to decide whose they are."""
    erp = Erp()
    erp.hear(snapshot(lines=[tee(verdict="rejected")]), inspected(("l1", "TEE-RED-M", 1, "sellable")))
    assert moved(erp) == []
    assert exception(erp, "mismatch", "item_receipt")["owner"] == "cx"


def test_s05_one_part_of_a_bundle_moves_with_its_share_of_the_price() -> None:
    """By the definition at the time of sale; the other part stays with the shopper."""
    parts = [
        {"sku": "TOP", "quantity": 1, "list_price": "40.00"},
        {"sku": "BOTTOM", "quantity": 1, "list_price": "20.00"},
    ]
    erp = Erp(lines=[order_line("1", "ol1", "SET-1", 1, "54.00", "9.00", components=parts)])
    line = tee(sku="SET-1", component_sku="TOP", unit_price="54.00", tax_amount="9.00")
    erp.hear(snapshot(lines=[line], refunds=[refund("rf1", "36.00")]))
    erp.hear(inspected(("l1", "TOP", 1, "sellable")))
    (note,) = erp.made(DocumentKind.CREDIT_NOTE)
    assert [(each["sku"], each["amount"], each["tax"]) for each in note["lines"]] == [("TOP", "36.00", "6.00")]
    (receipt,) = erp.made(RECEIPT)
    assert [(each["sku"], each["quantity"]) for each in receipt["lines"]] == [("TOP", 1)]
    assert erp.exceptions() == []


def test_s05_a_bundle_without_its_stored_parts_is_not_taken_apart() -> None:
    """Never by today's definition: the line waits for eCommerce."""
    erp = Erp(lines=[order_line("1", "ol1", "SET-1", 1, "54.00", "9.00")])
    erp.hear(snapshot(lines=[tee(sku="SET-1", component_sku="TOP", unit_price="54.00", tax_amount="9.00")]))
    assert erp.documents == []
    assert exception(erp, "not-found")["owner"] == "ecommerce"


def test_r23_parcels_that_arrive_apart_are_received_by_the_unit() -> None:
    """Each parcel has its own receipt; what has not come yet is owed."""
    erp = Erp()
    erp.hear(snapshot(state="received", lines=[tee(), hat()]))
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable")))
    assert erp.waiting() == [("item_receipt", "inspection")]
    erp.hear(inspected(("l2", "HAT-1", 1, "damaged"), inspection_id="ins-2"))
    assert moved(erp) == [("", "101", 1), ("", "102", 1)]
    assert erp.waiting() == []


@pytest.mark.parametrize(
    ("found", "units"),
    [
        (("l1", "TEE-RED-M", 1, "wrong_item"), 0),
        (("l1", "SHOE-1", 1, "sellable"), 0),
        (("l9", "TEE-RED-M", 1, "sellable"), 0),
        (("l1", "TEE-RED-M", 3, "sellable"), 1),
    ],
)
def test_r23_wrong_and_extra_units_are_held_for_the_warehouse(found: tuple[str, str, int, str], units: int) -> None:
    """Nothing moves for the excess; the units that came back do."""
    erp = Erp()
    erp.hear(snapshot(), inspected(found))
    assert sum(count for _, _, count in moved(erp)) == units
    assert exception(erp, "mismatch", "item_receipt")["owner"] == "warehouse"


@pytest.mark.parametrize("other", ["missing", "wrong_item", "no_such_disposition"])
def test_r23_what_moves_nothing_takes_no_room_from_what_does(other: str) -> None:
    """Four are counted of three: the excess is the one that nobody can receive, and deciding again changes nothing."""
    erp = three_tees()
    erp.silent.add(RECEIPT)
    found = (("damaged", 1), (other, 1), ("sellable", 2))
    erp.hear(inspected(*(("l1", "TEE-RED-M", units, disposition) for disposition, units in found)))
    [held] = [letter.content for letter in erp.row.open_letters()]
    assert (held["subject"], held["kind"]) == (f"ins-r1/l1/TEE-RED-M/{other}#held", "mismatch")
    asked = [
        (command.revision, command.body["lines"][0]["quantity"]) for command in erp.asked if command.kind is RECEIPT
    ]
    assert asked == [(1, 1), (1, 2)]
    erp.speak(RECEIPT)
    assert moved(erp) == [("", "102", 1), ("", "101", 2)]
    assert [letter.content for letter in erp.row.open_letters()] == [held]


def test_r23_of_two_lots_that_are_too_many_each_keeps_what_was_asked_for() -> None:
    """The second lot has one of its three units, whichever comes first by name, and deciding again is quiet."""
    erp = three_tees()
    erp.hear(inspected(("l1", "TEE-RED-M", 2, "sellable"), inspection_id="ins-b"))
    erp.silent.add(RECEIPT)
    erp.hear(inspected(("l1", "TEE-RED-M", 3, "sellable"), inspection_id="ins-a"))
    erp.settle()
    erp.speak(RECEIPT)
    asked = [(command.subject, command.revision) for command in erp.asked if command.kind is RECEIPT]
    assert asked == [("ins-b/l1/TEE-RED-M/sellable", 1), ("ins-a/l1/TEE-RED-M/sellable", 1)]
    assert moved(erp) == [("", "101", 2), ("", "101", 1)]
    assert [letter.content["subject"] for letter in erp.row.open_letters()] == ["ins-a/l1/TEE-RED-M/sellable#held"]


def test_r23_of_three_lots_heard_of_at_once_two_have_room() -> None:
    """Two units came back, and three inspections claim one each: the third is held."""
    erp = Erp()
    found = [inspected(("l1", "TEE-RED-M", 1, "sellable"), inspection_id=f"ins-{name}") for name in "abc"]
    erp.hear(snapshot(lines=[tee(quantity=2, tax_amount="13.33")]))
    for fact in found:
        erp.row.absorb(fact)
    assert len(erp.decide()) == 2
    held = exception(erp, "mismatch", "item_receipt")
    assert (held["subject"], held["owner"]) == ("ins-c/l1/TEE-RED-M/sellable#held", "warehouse")


def test_either_may_decide_and_the_first_stands() -> None:
    """A later word that differs is an exception, and moves nothing."""
    erp = Erp(using=rules(('inspection = "warehouse"', 'inspection = "either"')))
    erp.hear(snapshot(state="received", location="WH-LON", lines=[tee(disposition="sellable")]))
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "damaged")))
    assert moved(erp) == [("", "101", 1)]
    assert "was found sellable first" in exception(erp, "mismatch", "item_receipt")["reason"]


def test_a_refused_receipt_is_tried_again_once() -> None:
    """The letter's way back: one retry, one receipt, under the next revision."""
    erp = Erp()
    erp.refuse[RECEIPT] = Failure(ErrorKind.REFUSED, "the location is inactive")
    erp.hear(snapshot(), inspected(("l1", "TEE-RED-M", 1, "sellable")))
    held = exception(erp, "refused")
    erp.refuse.clear()
    erp.hear(decision("retry", held["command"]))
    erp.hear(decision("retry", held["command"]))
    assert [(command.kind, command.revision) for command, _ in erp.documents if command.kind in GOODS] == [(RECEIPT, 2)]
    assert erp.exceptions() == []


def test_i3_units_that_a_receipt_on_its_way_brings_are_not_moved_there_too() -> None:
    """One unit lies in quarantine, a sellable one is being received, one is rejected: nothing moves twice."""
    erp = Erp()
    line = tee(quantity=2, tax_amount="13.33")
    erp.hear(snapshot(lines=[line]), inspected(("l1", "TEE-RED-M", 1, "faulty")))
    erp.silent.add(RECEIPT)
    both = (("l1", "TEE-RED-M", 1, "faulty"), ("l1", "TEE-RED-M", 1, "sellable"))
    erp.hear(inspected(*both, version=2))
    erp.hear(snapshot(2, lines=[{**line, "accepted_quantity": 1, "rejected_quantity": 1}], state="partly_accepted"))
    erp.speak(RECEIPT)
    assert moved(erp) == [("", "102", 1), ("", "101", 1)]


def test_i4_a_receipt_revised_down_may_have_begun_so_the_others_wait_for_its_end() -> None:
    """Two sellable units are being received when one turns out damaged: two are received in all, one is moved."""
    erp = Erp()
    erp.silent.add(RECEIPT)
    erp.hear(snapshot(lines=[tee(quantity=2, tax_amount="13.33")]), inspected(("l1", "TEE-RED-M", 2, "sellable")))
    [begun] = [command for command in erp.asked if command.kind is RECEIPT]
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "damaged"), ("l1", "TEE-RED-M", 1, "sellable"), version=2))
    assert {command.subject for command in erp.asked if command.kind is RECEIPT} == {begun.subject}
    erp.silent.clear()
    erp.hear(erp.carry_out(begun))
    assert moved(erp) == [("", "101", 2), ("101", "102", 1)]


def on_their_way_to_quarantine() -> tuple[Erp, Command]:
    """Three tees that were received for sale and turned out damaged: the move is asked for, its end not known yet."""
    erp = three_tees()
    erp.hear(inspected(("l1", "TEE-RED-M", 3, "sellable")))
    erp.silent.add(MOVEMENT)
    erp.hear(inspected(("l1", "TEE-RED-M", 3, "damaged"), version=2))
    [begun] = [command for command in erp.asked if command.kind is MOVEMENT]
    return erp, begun


def test_i4_units_that_a_move_on_its_way_takes_are_not_moved_elsewhere_too() -> None:
    """Damaged, then destroyed: the first move may have begun, so the units go on from where it leaves them."""
    erp, begun = on_their_way_to_quarantine()
    erp.hear(inspected(("l1", "TEE-RED-M", 3, "destroyed"), version=3))
    assert {command.subject for command in erp.asked if command.kind is MOVEMENT} == {begun.subject}
    erp.silent.clear()
    erp.hear(erp.carry_out(begun))
    assert moved(erp) == [("", "101", 3), ("101", "102", 3), ("102", "109", 3)]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_i4_a_move_that_was_refused_leaves_its_units_to_the_next() -> None:
    """It ended without moving anything, so they go straight to where they belong now."""
    erp, begun = on_their_way_to_quarantine()
    erp.hear(inspected(("l1", "TEE-RED-M", 3, "destroyed"), version=3))
    erp.refuse[MOVEMENT] = Failure(ErrorKind.REFUSED, "the location is inactive")
    refused = erp.carry_out(begun)
    erp.refuse.clear()
    erp.silent.clear()
    erp.hear(refused)
    assert moved(erp) == [("", "101", 3), ("101", "109", 3)]


def test_i4_a_move_that_is_called_off_takes_its_units_until_it_has_ended() -> None:
    """A person rejected it, and it had begun all the same: the units go on from where it leaves them."""
    erp, begun = on_their_way_to_quarantine()
    erp.hear(decision("reject", begun.as_json()))
    erp.hear(inspected(("l1", "TEE-RED-M", 3, "destroyed"), version=3))
    asked = [(command.subject, command.void) for command in erp.asked if command.kind is MOVEMENT]
    assert asked == [(begun.subject, False), (begun.subject, True)]
    erp.silent.clear()
    erp.hear(erp.carry_out(begun))
    assert moved(erp) == [("", "101", 3), ("101", "102", 3), ("102", "109", 3)]


def test_i4_two_moves_on_their_way_from_one_place_do_not_take_from_each_other() -> None:
    """Of three sellable units two turn out damaged and one destroyed: two moves, each asked for once and for all."""
    erp = three_tees()
    erp.hear(inspected(("l1", "TEE-RED-M", 3, "sellable")))
    erp.silent.add(MOVEMENT)
    erp.hear(inspected(("l1", "TEE-RED-M", 2, "damaged"), ("l1", "TEE-RED-M", 1, "destroyed"), version=2))
    assert [(command.revision, command.body["quantity"]) for command in erp.asked if command.kind is MOVEMENT] == [
        (1, 2),
        (1, 1),
    ]
    erp.speak(MOVEMENT)
    assert moved(erp) == [("", "101", 3), ("101", "102", 2), ("101", "109", 1)]


def called_off(units: int, now: str) -> tuple[Erp, Command]:
    """Faulty tees whose receipt is on its way when a correction calls it off; its end is not known yet."""
    erp = three_tees()
    erp.silent.add(RECEIPT)
    erp.hear(inspected(("l1", "TEE-RED-M", units, "faulty")))
    [begun] = [command for command in erp.asked if command.kind is RECEIPT]
    erp.hear(inspected(("l1", "TEE-RED-M", units, now), version=2))
    erp.decide()  # whatever else is heard meanwhile
    return erp, begun


def test_i4_a_receipt_that_is_called_off_keeps_the_others_waiting_until_it_has_ended() -> None:
    """A faulty unit turns out sellable, and the receipt had begun all the same: received once, and moved."""
    erp, begun = called_off(1, "sellable")
    asked = [(command.subject, command.void) for command in erp.asked if command.kind is RECEIPT]
    assert asked == [(begun.subject, False), (begun.subject, True)]
    assert ("item_receipt", "account:ns") in erp.waiting()
    erp.silent.clear()
    erp.hear(erp.carry_out(begun))
    assert moved(erp) == [("", "102", 1), ("102", "101", 1)]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_i4_a_receipt_that_was_called_off_in_time_makes_room_for_the_others() -> None:
    """It had not begun: the unit is received once, where it belongs now."""
    erp, _ = called_off(1, "sellable")
    erp.speak(RECEIPT)
    assert moved(erp) == [("", "101", 1)]


def test_i4_a_receipt_that_was_called_off_may_still_bring_all_its_units_when_it_is_wanted_again() -> None:
    """Two faulty ones, none, then one of each: the receipt may bring two, so the other one waits for its end."""
    erp, begun = called_off(2, "sellable")
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "faulty"), ("l1", "TEE-RED-M", 1, "sellable"), version=3))
    assert {command.subject for command in erp.asked if command.kind is RECEIPT} == {begun.subject}
    erp.silent.clear()
    erp.hear(erp.carry_out(begun))
    assert moved(erp) == [("", "102", 2), ("102", "101", 1)]


@pytest.mark.parametrize("kind", [ErrorKind.BUG, ErrorKind.UNKNOWN_OUTCOME])
def test_a_receipt_that_may_stand_is_asked_about_when_its_units_are_found_otherwise(kind: ErrorKind) -> None:
    """Its end was lost, and the unit is damaged after all: called off, and what the look-up finds on the shelf is moved
    away. Until then the unit is not received a second time."""
    erp = Erp()
    erp.hear(snapshot(state="received"))
    erp.refuse[RECEIPT] = Failure(kind, "its end was lost")
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable")))
    del erp.refuse[RECEIPT]
    erp.silent.add(RECEIPT)
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "damaged"), version=2))
    receipts = [command for command in erp.asked if command.kind is RECEIPT]
    assert [(command.body["disposition"], command.void) for command in receipts] == [
        ("sellable", False), ("sellable", True)
    ]  # fmt: skip
    found = erp._outcome(receipts[-1], OutcomeStatus.DONE, number="IR-1")
    erp.row.absorb(found)
    erp.silent.discard(RECEIPT)
    erp.settle()
    assert [(one[0], one[1], one[2]) for one in moved(erp)] == [("101", "102", 1)]
    assert erp.exceptions() == []


def test_a_move_that_may_have_happened_is_asked_about_when_it_is_no_longer_wanted() -> None:
    """Damaged, its move lost sight of, and sellable after all: the move is called off before anything else moves."""
    erp = Erp()
    erp.hear(snapshot(state="received"))
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable")))
    erp.refuse[MOVEMENT] = Failure(ErrorKind.BUG, "its end was lost")
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "damaged"), version=2))
    del erp.refuse[MOVEMENT]
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable"), version=3))
    moves = [command for command in erp.asked if command.kind is MOVEMENT]
    assert [command.void for command in moves] == [False, True]
    assert moved(erp) == [("", "101", 1)]
    assert erp.exceptions() == []
