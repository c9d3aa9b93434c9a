"""What came back of an order before: other people's returns, our own, and rows that a document's units stand on."""

from __future__ import annotations

from typing import Any

import pytest

from streams.commands import Failure
from streams.vocabulary import DocumentKind, ErrorKind
from tests.scenarios.messages import hat, refund, tee
from tests.unit.erp import Erp, order_line
from tests.unit.told import decision, exception, inspected, snapshot

RMA, NOTE, RECEIPT = DocumentKind.RETURN_AUTHORISATION, DocumentKind.CREDIT_NOTE, DocumentKind.ITEM_RECEIPT


def earlier(*units: tuple[str, int], status: str = "pending receipt", ref: str = "") -> dict[str, Any]:
    """A return that the account holds already: so many units of each order line."""
    lines = [{"order_line": row, "sku": "?", "quantity": count} for row, count in units]
    return {"number": "60", "external_ref": ref, "status": status, "lines": lines}


def authorised(erp: Erp) -> list[tuple[str, str, int]]:
    """(return, row, units) of all authorisations."""
    made = erp.made(RMA)
    return [(body["return_id"], line["order_line"], line["quantity"]) for body in made for line in body["lines"]]


def rows_of(erp: Erp, kind: DocumentKind) -> list[list[tuple[str, int]]]:
    """By document: units of each row."""
    return [[(line["order_line"], line["quantity"]) for line in body["lines"]] for body in erp.made(kind)]


def tees(quantity: int, line_id: str = "l1", **changes: Any) -> dict[str, Any]:
    return tee(line_id, quantity=quantity, tax_amount={1: "6.67", 2: "13.33", 3: "20.00"}[quantity], **changes)


def test_r02_an_authorisation_of_which_only_the_end_is_known_takes_its_units() -> None:
    """A successor made it, whose row is not joined yet: the account says how many units it holds."""
    erp, other = Erp(), Erp()
    other.hear(snapshot(lines=[tees(2)]))
    [command] = [made for made, _ in other.documents if made.kind is RMA]
    erp.row.absorb(other.carry_out(command))
    erp.order["returns"] = [{**earlier(("1", 2), ref=command.id), "number": other.documents[-1][1]}]
    erp.hear(snapshot(lines=[tees(2)]))
    erp.hear(snapshot(return_id="r2", lines=[tees(1, "l8")]))
    assert authorised(erp) == []
    held = exception(erp, "mismatch", "return_authorisation")["reason"]
    assert "of 2 bought, 2 were sent and 0 can still come back" in held


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("pending receipt", True),
        ("refunded", True),
        ("closed after receipt", True),
        ("closed", False),
        ("cancelled", False),
        ("rejected", False),
    ],
)
def test_r02_what_other_people_took_back_is_not_taken_back_again(status: str, counts: bool) -> None:
    """One of two tees: the other may come back, and both only where the first one's return came to nothing."""
    erp = Erp(returns=[earlier(("1", 1), status=status), earlier(("2", 0))])
    erp.hear(snapshot(lines=[tees(1), hat()]))
    assert authorised(erp) == [("r1", "1", 1), ("r1", "2", 1)]
    erp.hear(snapshot(return_id="r2", lines=[tees(1, "l8")]))
    if counts:
        assert "of 2 bought, 2 were sent and 0 can still come back" in exception(erp, "mismatch")["reason"]
    else:
        assert authorised(erp)[2:] == [("r2", "1", 1)]


@pytest.mark.parametrize(("units", "fits"), [(1, True), (2, False)])
def test_r02_of_three_socks_two_came_back_at_the_desk(units: int, fits: bool) -> None:
    """Every test's order has an earlier return by somebody else: its last sock may come back, and no other."""
    erp = Erp()
    sock = tee("l3", order_line_id="ol90", sku="SOCK-1", quantity=units, unit_price="0.00", tax_amount="0.00")
    erp.hear(snapshot(lines=[sock]))
    assert authorised(erp) == ([("r1", "90", 1)] if fits else [])
    reasons = [letter.content["reason"] for letter in erp.row.open_letters()]
    told = "Line l3 (SOCK-1) returns 2; of 3 bought, 3 were sent and 1 can still come back."
    assert reasons == ([] if fits else [told])


def test_r02_several_of_other_people_add_up() -> None:
    """By hand and by another program, on one line and on several."""
    lines = [
        order_line("1", "ol1", "TEE-RED-M", 4, "160.00", "26.67"),
        order_line("2", "ol2", "HAT-1", 1, "10.00", "1.67"),
    ]
    erp = Erp(lines=lines, returns=[earlier(("1", 1), ("2", 1)), earlier(("1", 2), ref="wms-17")])
    erp.hear(snapshot(lines=[tees(2), hat()]))
    assert authorised(erp) == []
    reasons = sorted(letter.content["reason"] for letter in erp.row.open_letters())
    assert reasons == [
        "Line l1 (TEE-RED-M) returns 2; of 4 bought, 4 were sent and 1 can still come back.",
        "Line l2 (HAT-1) returns 1; of 1 bought, 1 were sent and 0 can still come back.",
    ]


def test_r02_our_own_are_counted_once() -> None:
    """The account shows the first return's authorisation under our reference by the time the second is asked about."""
    erp = Erp()
    erp.hear(snapshot())
    (first,) = (command for command, _ in erp.documents if command.kind is RMA)
    erp.order["returns"] = [earlier(("1", 1), ref=first.id)]
    erp.hear(snapshot(return_id="r2"))
    assert authorised(erp) == [("r1", "1", 1), ("r2", "1", 1)]
    assert erp.exceptions() == []


def test_r02_one_that_was_refused_and_stands_all_the_same_is_its_own() -> None:
    """The account said no and had made it: retried, it does not take its own units for somebody else's."""
    erp = Erp(lines=[order_line("1", "ol1", "TEE-RED-M", 1, "40.00", "6.67")])
    erp.refuse[RMA] = Failure(ErrorKind.REFUSED, "not now")
    erp.hear(snapshot())
    held = exception(erp, "refused")
    erp.refuse.clear()
    erp.order["returns"] = [earlier(("1", 1), ref=held["command"]["id"])]
    erp.hear(decision("retry", held["command"]))
    assert authorised(erp) == [("r1", "1", 1)]
    assert erp.exceptions() == []


def test_r02_a_line_that_was_too_many_stays_too_many_once_the_others_are_authorised() -> None:
    """One and two of two tees in one return: the two stay with the warehouse, however often it is decided."""
    erp = Erp()
    erp.hear(snapshot(lines=[tees(1), tees(2, "l9")]))
    erp.hear(snapshot(2, state="shipped", lines=[tees(1), tees(2, "l9")]))
    assert authorised(erp) == [("r1", "1", 1)]
    held = exception(erp, "mismatch")
    assert (held["part"], "1 can still come back" in held["reason"]) == ("l9", True)


def test_r02_lines_that_come_later_have_what_the_first_ones_left() -> None:
    """A further authorisation of the same return, for the last unit; nothing more after that."""
    erp = Erp()
    erp.hear(snapshot(lines=[tees(1)]))
    erp.hear(snapshot(2, lines=[tees(1), tees(1, "l2")]))
    erp.hear(snapshot(3, lines=[tees(1), tees(1, "l2"), tees(1, "l3")]))
    assert authorised(erp) == [("r1", "1", 1), ("r1", "1", 1)]
    assert exception(erp, "mismatch")["part"] == "l3"


@pytest.mark.parametrize("state", ["rejected", "cancelled"])
def test_r13_units_of_a_return_that_ended_may_come_back(state: str) -> None:
    """Before its closing is answered, and after."""
    for silent in (True, False):
        erp = Erp()
        if silent:
            erp.silent.add(DocumentKind.RETURN_CLOSING)
        erp.hear(snapshot(lines=[tees(2)]))
        erp.hear(snapshot(2, lines=[tees(2)], state=state), snapshot(return_id="r2", lines=[tees(2)]))
        assert authorised(erp) == [("r1", "1", 2), ("r2", "1", 2)]
        erp.hear(snapshot(3, lines=[tees(2)], state="in_progress"))
        if not silent:
            assert "0 can still come back" in exception(erp, "mismatch")["reason"]


def test_r02_units_of_an_authorisation_that_a_person_called_off_may_come_back() -> None:
    """Asked for and rejected by hand: another return has its units once it is known that it was not made."""
    erp = Erp()
    erp.silent.add(RMA)
    erp.hear(snapshot(lines=[tees(2)]))
    (asked,) = (command for command in erp.asked if command.kind is RMA)
    erp.hear(decision("reject", asked.as_json()))
    erp.hear(snapshot(return_id="r2", lines=[tees(2)]))
    erp.settle()
    assert [command.subject for command in erp.asked if command.kind is RMA and not command.void] == ["r1"]
    assert "0 can still come back" in exception(erp, "mismatch")["reason"]
    erp.speak(RMA)
    erp.speak(RMA)
    assert authorised(erp) == [("r2", "1", 2)]
    assert erp.exceptions() == []


def test_r02_a_return_that_grows_has_no_units_of_one_that_is_read_after_it() -> None:
    """Of two tees each has one; the first return wants both while it is still on its way, or once it is there."""
    for is_there in (False, True):
        erp = Erp()
        if not is_there:
            erp.silent.add(RMA)
        erp.hear(snapshot(return_id="r1", lines=[tees(1)]))
        erp.hear(snapshot(return_id="r2", lines=[tees(1)]))
        erp.hear(snapshot(2, return_id="r1", lines=[tees(2)]))
        erp.speak(RMA)
        assert sorted(authorised(erp)) == [("r1", "1", 1), ("r2", "1", 1)]
        assert "returns 2; of 2 bought, 2 were sent and 1 can still come back" in exception(erp, "mismatch")["reason"]


def test_r02_what_was_refused_or_is_no_authorisation_takes_no_units() -> None:
    """Another return's note and receipt are of units that its authorisation counts; a refused one holds none."""
    erp = Erp(lines=[order_line("1", "ol1", "TEE-RED-M", 3, "120.00", "20.00")], total="120.00")
    erp.hear(snapshot(return_id="r1", lines=[tees(1)]))
    erp.silent |= {NOTE, RECEIPT}
    erp.hear(snapshot(return_id="r2", state="received", lines=[tees(1)], refunds=[refund("rf2", "40.00")]))
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable"), return_id="r2"))
    assert {command.kind for command in erp.asked} >= {NOTE, RECEIPT}
    erp.refuse[RMA] = Failure(ErrorKind.REFUSED, "not now")
    erp.hear(snapshot(return_id="r3", lines=[tees(1)]))
    erp.refuse.clear()
    erp.hear(snapshot(2, return_id="r1", lines=[tees(2)]))
    assert authorised(erp) == [("r1", "1", 1), ("r2", "1", 1), ("r1", "1", 2)]


def test_r02_an_authorisation_that_is_being_replaced_holds_its_units_from_others_only() -> None:
    """Two become one: the return itself is not told that its unit is too many, another one waits until it is closed."""
    erp = Erp()
    erp.hear(snapshot(lines=[tees(2)]))
    erp.silent.add(DocumentKind.RETURN_CLOSING)
    erp.hear(snapshot(2, lines=[tees(1)]))
    assert erp.exceptions() == []
    erp.hear(snapshot(return_id="r2", lines=[tees(1)]))
    assert "0 can still come back" in exception(erp, "mismatch")["reason"]
    erp.speak(DocumentKind.RETURN_CLOSING)
    assert sorted(authorised(erp)) == [("r1", "1", 1), ("r1", "1", 2), ("r2", "1", 1)]
    assert erp.exceptions() == []


def test_r02_units_of_a_return_that_cannot_be_read_any_more_stay_taken() -> None:
    """Its authorisation stands in the account, whatever the newest message says."""
    erp = Erp()
    erp.hear(snapshot(return_id="r2", lines=[tees(1)]))
    erp.hear(snapshot(2, return_id="r2", currency="???", lines=[tees(1)]))
    erp.hear(snapshot(return_id="r1", lines=[tees(2)]))
    assert authorised(erp) == [("r2", "1", 1)]
    assert "1 can still come back" in exception(erp, "mismatch")["reason"]


# -- L01: returns that were open at the cut-over


def open_before(*returns: dict[str, Any], **changes: Any) -> Erp:
    """A return of which an earlier version went to whoever handled it before; the account holds returns by then."""
    erp = Erp(returns=list(returns))
    erp.hear(snapshot(2, **{"lines": [tees(2)], **changes}))
    return erp


def test_l01_one_that_may_have_been_made_for_this_return_is_not_another() -> None:
    """The same units of the same lines, without a reference: the dispatcher adopts it, or asks."""
    assert authorised(open_before(earlier(("1", 2)))) == [("r1", "1", 2)]
    both = open_before(earlier(("2", 1), ("1", 2)), lines=[tees(1), tees(1, "l2"), hat("l3")])
    assert authorised(both) == [("r1", "1", 1), ("r1", "1", 1), ("r1", "2", 1)]


@pytest.mark.parametrize(
    "other",
    [earlier(("1", 1)), earlier(("1", 2), ("2", 1)), earlier(("1", 2), ref="wms-17")],
    ids=["other units", "another line too", "another program's"],
)
def test_l01_one_that_cannot_be_of_this_return_is_another(other: dict[str, Any]) -> None:
    """Its units are gone."""
    erp = open_before(other)
    assert authorised(erp) == []
    assert "can still come back" in exception(erp, "mismatch")["reason"]


def test_l01_a_return_that_began_afterwards_has_none_made_by_hand() -> None:
    """Its first version is known: what stands in the account is somebody else's, however much alike."""
    erp = Erp(returns=[earlier(("1", 2))])
    erp.hear(snapshot(lines=[tees(2)]))
    assert authorised(erp) == []


def test_l01_lines_that_nobody_can_authorise_are_not_part_of_what_was_made_by_hand() -> None:
    """A line with a fault and one that was not bought are left out of the comparison."""
    stray = tee("l8", order_line_id="ol8", sku="SHOE-1")
    erp = open_before(earlier(("1", 2)), lines=[tees(2), stray, tees(1, "l9", unit_price="ten")])
    assert authorised(erp) == [("r1", "1", 2)]


def test_l01_a_service_is_not_part_of_what_was_made_by_hand() -> None:
    """It was never sent, so that no authorisation holds it."""
    rows = [
        order_line("1", "ol1", "TEE-RED-M", 2, "80.00", "13.33"),
        order_line("2", "ol2", "HAT-1", 1, "10.00", "1.67", kind="service", fulfilled=0),
    ]
    erp = Erp(lines=rows, returns=[earlier(("1", 2))])
    erp.hear(snapshot(2, lines=[tees(2), hat()]))
    assert authorised(erp) == [("r1", "1", 2)]


def test_l01_of_equal_lines_it_does_not_matter_which_one_a_person_took() -> None:
    """By hand on the second of two, here on the first."""
    rows = [order_line(row, "", "TEE-RED-M", 1, "40.00", "6.67") for row in ("1", "2")]
    for by_hand in (earlier(("2", 1)), earlier(("1", 1))):
        erp = Erp(lines=rows, returns=[by_hand])
        erp.hear(snapshot(2, lines=[tees(1)]))
        assert authorised(erp) == [("r1", "1", 1)]
    both = Erp(lines=rows, returns=[earlier(("2", 1), ("1", 1))])
    both.hear(snapshot(2, lines=[tees(1), tees(1, "l2")]))
    assert authorised(both) == [("r1", "1", 1), ("r1", "2", 1)]


@pytest.mark.parametrize("by", ["adoption", "a person"])
def test_l01_what_was_made_by_hand_and_stands_for_a_return_is_counted_once(by: str) -> None:
    """One of two tees: the other one may come back, with a return that began after the cut-over."""
    erp = Erp(returns=[earlier(("1", 1))])
    if by == "adoption":
        erp.adopted["r1"] = "60"
        erp.hear(snapshot(2, lines=[tees(1)]))
    else:
        erp.refuse[RMA] = Failure(ErrorKind.REFUSED, "the desk has made it")
        erp.hear(snapshot(2, lines=[tees(1)]))
        del erp.refuse[RMA]
        erp.hear(decision("done_by_hand", exception(erp, "refused")["command"], number="60"))
    erp.hear(snapshot(return_id="r2", lines=[tees(1)]))
    assert authorised(erp)[-1] == ("r2", "1", 1)
    assert erp.exceptions() == []


# -- units over rows


def alike(*quantities: int) -> Erp:
    """One SKU at one price on several lines, and no line ids."""
    rows = [
        order_line(str(number), "", "TEE-RED-M", units, f"{40 * units}.00", "0.00")
        for number, units in enumerate(quantities, 1)
    ]
    return Erp(lines=rows, total="400.00")


def untaxed(quantity: int, line_id: str = "l1", **changes: Any) -> dict[str, Any]:
    return tee(line_id, quantity=quantity, tax_amount="0.00", **changes)


def test_s04_each_lot_has_rows_of_its_own_at_once_and_one_after_the_other() -> None:
    """Three lots of one line on two rows: found together, in flight, and asked for again."""
    erp = alike(2, 1)
    erp.hear(snapshot(state="received", lines=[untaxed(3)]))
    erp.silent |= {RECEIPT, NOTE}  # a note on its way takes no room in the warehouse
    erp.hear(snapshot(2, state="received", lines=[untaxed(3)], refunds=[refund("rf1", "120.00")]))
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable"), ("l1", "TEE-RED-M", 1, "damaged")))
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "faulty"), inspection_id="ins-2"))
    erp.settle()
    asked = [(command.subject, command.revision) for command in erp.asked if command.kind is RECEIPT]
    assert len(asked) == len(set(asked)) == 3
    erp.speak(RECEIPT)
    erp.speak(NOTE)
    assert sorted(row for lot in rows_of(erp, RECEIPT) for row in lot) == [("1", 1), ("1", 1), ("2", 1)]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_s04_a_lot_that_was_refused_leaves_its_rows_to_the_next() -> None:
    """Its units were never received: the other lot fits whole on the row it had."""
    erp = alike(2, 1)
    erp.hear(snapshot(state="received", lines=[untaxed(3)]))
    erp.refuse[RECEIPT] = Failure(ErrorKind.REFUSED, "the location is inactive")
    erp.hear(inspected(("l1", "TEE-RED-M", 2, "damaged")))
    erp.refuse.clear()
    erp.hear(inspected(("l1", "TEE-RED-M", 2, "sellable"), inspection_id="ins-2"), inspected(version=2))
    assert rows_of(erp, RECEIPT) == [[("1", 2)]]


def test_s04_two_lines_of_equal_rows_do_not_take_each_others_units() -> None:
    """Each line's units are counted by themselves, also where both stand on one row."""
    erp = alike(3, 3)
    erp.hear(snapshot(state="received", lines=[untaxed(4, "l1"), untaxed(2, "l2")]))
    assert sorted(rows_of(erp, RMA)[0]) == [("1", 3), ("2", 1), ("2", 2)]
    erp.hear(inspected(("l2", "TEE-RED-M", 2, "sellable"), ("l1", "TEE-RED-M", 1, "sellable")))
    erp.hear(inspected(("l1", "TEE-RED-M", 3, "damaged"), inspection_id="ins-2"))
    units = {"1": 0, "2": 0}
    for lot in rows_of(erp, RECEIPT):
        for row, count in lot:
            units[row] += count
    assert units == {"1": 3, "2": 3}


def test_s04_a_new_authorisation_has_all_its_rows_again() -> None:
    """The first one was closed before anything came in; what an older one held is not counted on the new one."""
    erp = alike(2, 1)
    erp.hear(snapshot(lines=[untaxed(2)]))
    erp.hear(snapshot(2, state="received", lines=[untaxed(3)]), inspected(("l1", "TEE-RED-M", 3, "sellable")))
    assert rows_of(erp, RMA) == [[("1", 2)], [("1", 2), ("2", 1)]]
    assert rows_of(erp, RECEIPT) == [[("1", 2), ("2", 1)]]


def test_s04_units_received_on_an_authorisation_that_was_closed_take_no_room_on_the_next() -> None:
    """Cancelled after one unit came in, and opened again: the next unit fits whole on the same row."""
    erp = alike(2, 1)
    erp.hear(snapshot(state="received", lines=[untaxed(3)]), inspected(("l1", "TEE-RED-M", 1, "damaged")))
    erp.hear(snapshot(2, state="cancelled", lines=[untaxed(3)]))
    erp.hear(snapshot(3, state="received", lines=[untaxed(3)]))
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "damaged"), inspection_id="ins-2"))
    assert rows_of(erp, RECEIPT) == [[("2", 1)], [("2", 1)]]
    assert len({body["source"]["number"] for body in erp.made(RECEIPT)}) == 2


def test_r04_notes_name_the_rows_that_earlier_ones_left() -> None:
    """Standard mode: units are accepted one by one; each note's are on rows of their own, goodwill beside them."""
    erp = alike(2, 2)
    line = untaxed(3)
    refunds = [refund("gw", "5.00", kind="goodwill")]
    for number in (1, 2, 3):
        refunds.append(refund(f"rf{number}", "40.00", executed_at=f"2026-11-2{number}T09:00:00Z"))
        accepted = [{**line, "accepted_quantity": number}]
        erp.hear(snapshot(number, mode="standard", lines=accepted, refunds=list(refunds)))
    assert rows_of(erp, RMA) == [[("1", 2), ("2", 1)]]
    notes = [body["lines"] for body in erp.made(NOTE) if body["lines"][0]["component"] == "line"]
    assert [[(line["order_line"], line["quantity"]) for line in lines] for lines in notes] == [
        [("2", 1)],
        [("1", 1)],
        [("1", 1)],
    ]
    assert erp.exceptions() == []


def test_r04_notes_of_one_line_take_no_rows_of_another() -> None:
    """Six of three times two on two lines that share a row: each line is credited on its own units."""
    erp = alike(2, 2, 2)
    first, second = untaxed(3, "l1"), untaxed(3, "l2")
    rejected = {"accepted_quantity": 0}
    refunds = [refund("rf1", "120.00"), refund("rf2", "120.00", executed_at="2026-11-22T09:00:00Z")]
    erp.hear(
        snapshot(
            mode="standard", lines=[{**first, "accepted_quantity": 3}, {**second, **rejected}], refunds=refunds[:1]
        )
    )
    accepted = [{**line, "accepted_quantity": 3} for line in (first, second)]
    erp.hear(snapshot(2, mode="standard", lines=accepted, refunds=refunds))
    assert rows_of(erp, RMA) == [[("1", 2), ("2", 1), ("2", 1), ("3", 2)]]
    assert rows_of(erp, NOTE) == [[("1", 2), ("2", 1)], [("2", 1), ("3", 2)]]


def test_r04_a_note_in_two_parts_goes_on_where_units_are_left() -> None:
    """A second refund for the same units carries an amount only, on one row."""
    erp = alike(1, 1)
    parts = [refund("rf1", "30.00"), refund("rf2", "50.00", executed_at="2026-11-21T09:00:00Z")]
    erp.hear(snapshot(lines=[untaxed(2)], refunds=parts))
    assert rows_of(erp, NOTE) == [[("1", 1), ("2", 1)], [("2", 1)]]
    assert [[line["amount"] for line in body["lines"]] for body in erp.made(NOTE)] == [["15.00", "15.00"], ["50.00"]]
    assert sum(line["quantity"] for body in erp.made(NOTE) for line in body["plan"]["lines"]) == 2


def test_s05_parts_without_rows_of_their_own_are_received_on_their_bundles() -> None:
    """Two equal sets whose parts the account shows without numbers: each set's row takes its own cups and pot."""
    parts = [{"sku": sku, "item": sku, "quantity": each, "order_line": ""} for sku, each in (("CUP", 2), ("POT", 1))]
    rows = [order_line(row, "", "SET-1", 1, "60.00", "10.00", components=parts) for row in ("1", "2")]
    erp = Erp(lines=rows, total="120.00")
    whole = tee(sku="SET-1", quantity=2, unit_price="60.00", tax_amount="20.00")
    erp.hear(snapshot(state="received", lines=[whole]))
    erp.hear(inspected(("l1", "POT", 1, "sellable"), ("l1", "CUP", 2, "sellable")))
    erp.hear(inspected(("l1", "POT", 1, "sellable"), ("l1", "CUP", 2, "sellable"), inspection_id="ins-2"))
    found = sorted(
        (line["sku"], line["order_line"], line["quantity"]) for body in erp.made(RECEIPT) for line in body["lines"]
    )
    assert found == [("CUP", "1", 2), ("CUP", "2", 2), ("POT", "1", 1), ("POT", "2", 1)]
    assert (erp.exceptions(), erp.waiting()) == ([], [])
    apart = Erp(lines=rows, total="120.00")
    for number in (1, 2):
        apart.hear(snapshot(return_id=f"r{number}", lines=[{**whole, "quantity": 1, "tax_amount": "10.00"}]))
    assert authorised(apart) == [("r1", "1", 1), ("r2", "2", 1)]


def test_s05_a_part_of_which_a_bundle_holds_none_takes_no_room() -> None:
    """Half a unit in each, which is no unit of anything."""
    parts = [{"sku": "CUP", "item": "CUP", "quantity": 0, "order_line": "2"}]
    erp = Erp(lines=[order_line("1", "ol1", "SET-1", 1, "60.00", "10.00", components=parts)])
    erp.hear(snapshot(lines=[tee(sku="SET-1", unit_price="60.00", tax_amount="10.00")]))
    assert authorised(erp) == [("r1", "1", 1)]
