"""I6: what counts as one net position, and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.generator.books import read
from tests.simulation.checks import Position, differences, net_position
from tests.simulation.checks.orders import Orders

SELL = frozenset({"101", "201"})


def entry(kind: str, **fields: Any) -> dict[str, Any]:
    blank = {
        "at": "2026-11-27T10:00:00.000Z",
        "account": "ns",
        "kind": kind,
        "external_ref": None,
        "order_id": "5001",
        "op": "create",
        "lines": [{"sku": "TEE-RED-M", "quantity": 2}],
        "amount": None,
        "currency": "GBP",
        "location": None,
        "from": None,
        "sellable": True,
        "of": None,
        "status": "posted",
    }
    return blank | fields


def position(
    *entries: dict[str, Any], asked: Sequence[dict[str, str]] = (), waiting: Sequence[dict[str, str]] = ()
) -> Position:
    numbered = [{"number": str(place), "seq": place, **one} for place, one in enumerate(entries, 1)]
    return net_position(read(numbered, SELL), Orders(), asked, waiting=waiting)


def note(refund: str) -> dict[str, Any]:
    return entry("credit_note", external_ref=refund, amount="40.00", lines=[])


def question(step: str, kind: str = "mismatch", **about: str) -> dict[str, str]:
    return {"order_id": "5001", "return_id": "r1", "step": step, "kind": kind, **about}


def test_units_that_move_between_two_places_that_sell_are_counted_where_they_end() -> None:
    """Received in London and moved to Manchester is received in Manchester; left in London it is not (seed 7016)."""
    london, manchester = entry("item_receipt", location="101"), entry("item_receipt", location="201")
    move = entry("stock_movement", location="201", **{"from": "101"})
    assert position(london, move) == position(manchester)
    assert differences(position(london), position(manchester)) == [
        "order 5001, units TEE-RED-M 101: 2 in one order of arrival, 0 in another",
        "order 5001, units TEE-RED-M 201: 0 in one order of arrival, 2 in another",
    ]


def test_an_authorisation_that_was_adopted_is_the_returns_as_if_it_had_been_made() -> None:
    """L01: the ledger does not show what a person made by hand before; once it is closed it counts no more."""
    made, adopted = _authorising("9001", "created"), _authorising("60", "adopted")
    own = entry("return_authorisation", external_ref="c1", status="open", number="9001")
    shut = entry("return_authorisation", op="close", status="closed", lines=[], number="60")
    assert net_position(read([{"seq": 1, **own}], SELL), made, ()) == net_position(read([], SELL), adopted, ())
    assert net_position(read([], SELL), adopted, ()).authorised == {("5001", "r1", "TEE-RED-M"): 2}
    assert net_position(read([{"seq": 1, **shut}], SELL), adopted, ()) == Position()


def _authorising(number: str, reason: str) -> Orders:
    orders = Orders()
    body = {"lines": [{"sku": "TEE-RED-M", "quantity": 2}]}
    orders.command({"id": "c1", "order_key": "5001", "kind": "return_authorisation", "subject": "r1", "body": body})
    orders.outcome({"command_id": "c1", "status": "done", "number": number, "reason": reason})
    return orders


def test_units_that_are_not_for_sale_may_lie_anywhere() -> None:
    """Out of the sellable stock into quarantine is the same as never having been in it."""
    received, kept = entry("item_receipt", location="101"), entry("item_receipt", location="109", sellable=False)
    move = entry("stock_movement", location="102", sellable=False, **{"from": "101"})
    assert position(received, move) == position(kept) == Position()


def test_a_refund_that_somebody_is_asked_about_is_not_compared_and_its_neighbour_is() -> None:
    """Posted before the question arose in one order, held in the other; what nobody asks about has to be the same."""
    held = [question("credit_note", refund_id="rf1")]
    assert differences(position(note("rf1")), position(asked=held)) == []
    assert differences(position(note("rf1"), note("rf2")), position(asked=held)) == [
        "order 5001, credited rf2 GBP: 40.00 in one order of arrival, 0 in another"
    ]


def test_a_note_that_waits_for_a_held_line_may_have_been_posted_without_it() -> None:
    """R16: the refund whose note waits for the letter is excused, not one beside it, nor a wait for a closed letter."""
    asked = [question("return_authorisation", "unmapped", dlq_id="d1")]
    held = {"order_id": "5001", "refund_id": "rf1", "step": "credit_note", "for": "letter:d1"}
    one, other = position(note("rf1"), asked=asked), position(asked=asked, waiting=[held])
    assert differences(one, other) == []
    closed = position(asked=asked, waiting=[{**held, "for": "letter:d2"}])
    assert differences(one, closed) == ["order 5001, credited rf1 GBP: 40.00 in one order of arrival, 0 in another"]
    beside = position(asked=asked, waiting=[{**held, "refund_id": "rf2"}])
    assert differences(one, beside) == differences(one, closed)


def test_a_question_about_money_that_was_booked_alike_is_a_difference() -> None:
    """Both posted the note, and only one order of arrival tells Finance that it does not agree."""
    held = [question("credit_note", refund_id="rf1")]
    assert differences(position(note("rf1")), position(note("rf1"), asked=held)) == [
        "order 5001, exception r1 rf1 credit_note mismatch in another order of arrival only"
    ]


def test_goods_that_somebody_is_asked_about_are_not_compared_and_others_are() -> None:
    """The question names the item; another item of the same order has to lie where it lies."""
    tee, hat = entry("item_receipt", location="101"), entry("item_receipt", location="101")
    hat["lines"] = [{"sku": "HAT-1", "quantity": 1}]
    asked = [question("item_receipt", subject="ins-1/l1/TEE-RED-M/sellable#held")]
    assert differences(position(tee), position(asked=asked)) == []
    assert differences(position(tee, hat), position(asked=asked)) == [
        "order 5001, units HAT-1 101: 1 in one order of arrival, 0 in another"
    ]


def test_a_refused_move_of_units_that_lie_alike_is_a_difference() -> None:
    """The same units in the same place, and one order of arrival leaves a move with a person (seed 23495)."""
    received = entry("item_receipt", location="101")
    asked = [question("stock_movement", "refused", subject="ins-1/l1/TEE-RED-M/sellable@WH-LON>damaged@WH-LON")]
    assert differences(position(received, asked=asked), position(received)) == [
        "order 5001, exception r1 stock_movement refused in one order of arrival only"
    ]


def test_an_order_that_the_account_never_answered_about_is_left_out() -> None:
    """The second run has no faults, so what was given up in the first cannot be so there; other orders are compared."""
    silent = [question("credit_note", "unknown-outcome", refund_id="rf1")]
    one, other = position(note("rf2"), asked=silent), position()
    assert differences(one, other) == []
    elsewhere = entry("credit_note", external_ref="rf9", amount="5.00", lines=[], order_id="5002")
    assert len(differences(position(elsewhere, asked=silent), other)) == 1


def test_an_outgrown_authorisation_that_a_person_is_asked_about_is_not_compared_and_others_are() -> None:
    """Closed and made anew in one order of arrival; in the other a receipt had been made from it before (seed 1284)."""
    more, less = (
        entry("return_authorisation"),
        entry("return_authorisation", lines=[{"sku": "TEE-RED-M", "quantity": 1}]),
    )
    reason = "Return authorisation 7 stands as it was made: it holds 2 of line l1, the return sends back 1 now."
    asked = [question("return_authorisation", return_id="", reason=reason)]
    assert differences(position(more, asked=asked), position(less)) == []
    assert differences(position(more, asked=asked), position(more)) == [
        "order 5001, exception return_authorisation mismatch in one order of arrival only"
    ]
    of_a_line = [question("return_authorisation", return_id="", reason="Line l1 returns 3; of 2 bought, 2 were sent.")]
    assert len(differences(position(more, asked=of_a_line), position(less))) == 2
    elsewhere = [question("return_authorisation", return_id="r2", reason=reason)]
    assert len(differences(position(more, asked=elsewhere), position(less))) == 2


def test_of_twins_the_note_that_was_asked_for_first_may_be_refused_and_another_order_has_to_agree() -> None:
    """Both are held in one order of arrival; in the other one was refused before its twin was heard of (seed 17800)."""
    held = question("credit_note", "duplicate", refund_id="rf2")
    closed, both = (
        question("credit_note", "closed", refund_id="rf1"),
        question("credit_note", "duplicate", refund_id="rf1"),
    )
    assert differences(position(asked=[closed, held]), position(asked=[both, held])) == []
    assert differences(position(asked=[closed]), position(asked=[held])) != []
    goods = question("item_receipt", "refused", subject="ins-1/l1/TEE-RED-M/sellable")
    move = question("stock_movement", "refused", subject="ins-1/l1/TEE-RED-M/sellable@A>damaged@A")
    assert differences(position(asked=[held, goods]), position(asked=[held])) == []  # receipts are excused anywhere
    assert differences(position(asked=[held, move]), position(asked=[held])) != []


def test_a_note_that_waits_for_a_held_line_is_excused_where_refunds_have_no_names_too() -> None:
    """Returns that compete for a unit are counted without names, and so is what waits (seed 18232)."""
    asked = [question("return_authorisation", "unmapped", dlq_id="d1")]
    waits = {"order_id": "5001", "refund_id": "rf1", "step": "credit_note", "for": "letter:d1"}
    books = [read([{"number": "1", "seq": 1, **note("rf1")}], SELL), read([], SELL)]
    posted = net_position(books[0], Orders(), asked, ["5001"])
    assert differences(posted, net_position(books[1], Orders(), asked, ["5001"], [waits])) == []
    assert differences(posted, net_position(books[1], Orders(), asked, ["5001"])) != []
