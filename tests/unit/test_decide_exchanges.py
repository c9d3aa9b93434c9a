"""Decisions about exchanges: checked first, made once, for nothing (X01-X04)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from streams.facts import Fact
from streams.vocabulary import DocumentKind
from tests.scenarios.messages import hat, refund, replacement, tee
from tests.unit.erp import Erp, rules
from tests.unit.told import decision, exception, snapshot

EXCHANGE, NOTE = DocumentKind.EXCHANGE_ORDER, DocumentKind.CREDIT_NOTE


def exchanged(version: int = 1, mode: str = "instant", **changes: Any) -> Fact:
    """A return that exchanges one tee for a larger one."""
    line = tee(request="exchange", **changes.pop("line", {}))
    wanted = changes.pop("wanted", {})
    return snapshot(version, type="exchange", mode=mode, lines=[line], replacements=[replacement(**wanted)], **changes)


def test_x01_a_replacement_order_of_no_value() -> None:
    """At authorisation in instant mode, whatever the replacement's price; no credit beside it."""
    erp = Erp()
    erp.hear(exchanged(wanted={"unit_price": "55.00"}))
    (made,) = erp.made(EXCHANGE)
    lines = [(line["sku"], line["quantity"], line["amount"]) for line in made["lines"]]
    assert lines == [("TEE-RED-L", 1, "0.00")]
    assert (made["order_id"], made["return_id"]) == ("5001", "r1")
    assert erp.made(NOTE) == []


def test_x01_in_standard_mode_it_waits_for_acceptance() -> None:
    """Made when the line is accepted; a rejected line gets none."""
    erp = Erp()
    erp.hear(exchanged(mode="standard"))
    assert erp.waiting() == [("exchange_order", "acceptance")]
    erp.hear(exchanged(2, mode="standard", line={"verdict": "accepted"}))
    assert len(erp.made(EXCHANGE)) == 1
    rejected = Erp()
    rejected.hear(exchanged(mode="standard", line={"verdict": "rejected"}))
    assert (rejected.made(EXCHANGE), rejected.waiting()) == ([], [])


def test_x01_an_order_that_exists_already_is_never_made_again() -> None:
    """A replacement with an order_ref is somebody else's order."""
    erp = Erp()
    erp.hear(exchanged(wanted={"order_ref": "5002"}))
    assert erp.made(EXCHANGE) == []
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_x01_a_replacement_waits_while_an_order_stands_of_which_nothing_is_known() -> None:
    """A successor sent the large one first; who hears only that, and another order of the list, sends none twice."""
    line = tee(request="exchange", quantity=2, tax_amount="13.33")
    both = [replacement(), replacement(sku="TEE-RED-XL")]
    told = {"type": "exchange", "lines": [line]}
    erp, other = Erp(), Erp()
    other.hear(snapshot(replacements=both, **told))
    erp.row.absorb(other.carry_out(next(command for command, _ in other.documents if command.kind is EXCHANGE)))
    erp.hear(snapshot(2, replacements=both[::-1], **told))
    assert erp.made(EXCHANGE) == []
    letter = exception(erp, "mismatch", "order")["command"]["id"]
    assert ("exchange_order", f"letter:{letter}") in erp.waiting()


def test_x02_out_of_stock_makes_nothing_and_tells_cx() -> None:
    """No half-made order, and the authorisation does not wait for it."""
    erp = Erp()
    erp.available = 0
    erp.hear(exchanged())
    assert erp.made(EXCHANGE) == []
    assert len(erp.made(DocumentKind.RETURN_AUTHORISATION)) == 1
    held = exception(erp, "out-of-stock")
    assert held["owner"] == "cx"
    assert "0 available, 1 wanted" in held["reason"]


def test_x02_an_inactive_customer_is_cxs_too() -> None:
    """The customer is checked before the stock is asked for."""
    erp = Erp(customer={"number": "55", "active": False})
    erp.hear(exchanged())
    assert exception(erp, "refused", "exchange_order")["owner"] == "cx"
    assert DocumentKind.AVAILABILITY not in {command.kind for command in erp.asked}


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({"item_exists": False}, "TEE-RED-L is not an item in"),
        ({"item_active": False}, "TEE-RED-L is archived in"),
        ({"item_exists": False, "item_active": False}, "TEE-RED-L is not an item in"),
    ],
)
def test_x02_an_item_that_is_not_there_is_cxs(item: dict[str, bool], says: str) -> None:
    """However many are said to be available; nothing is made, and the request goes on when it is."""
    erp = Erp()
    erp.item = item
    erp.hear(exchanged())
    assert erp.made(EXCHANGE) == []
    held = exception(erp, "not-found", "exchange_order")
    assert (held["owner"], says in held["reason"]) == ("cx", True)
    erp.item = {}
    erp.hear(decision("retry", held["command"]))
    assert (len(erp.made(EXCHANGE)), erp.exceptions()) == (1, [])


@pytest.mark.parametrize(("available", "made"), [(2, 1), (1, 0)])
def test_x02_all_units_of_the_exchange_have_to_be_there(available: int, made: int) -> None:
    """Two are wanted: exactly two will do."""
    erp = Erp()
    erp.available = available
    wanted = [replacement(quantity=2)]
    erp.hear(snapshot(type="exchange", lines=[line_of_two()], replacements=wanted))
    assert len(erp.made(EXCHANGE)) == made


def test_x02_a_yes_about_the_stock_is_not_believed_for_long() -> None:
    """A quarter of an hour goes by until the order is approved, and the last one is sold: it is asked anew."""
    erp = Erp(using=rules(("approval = [] ", 'approval = ["exchange_order"] ')))
    erp.hear(exchanged())
    (waits,) = (item for item in erp.row.waiting.values() if item.waits_for == "approval")
    erp.available = 0
    erp.now += timedelta(minutes=15)
    erp.hear(decision("approve", command_id=waits.command_id))
    assert erp.made(EXCHANGE) == []
    assert exception(erp, "out-of-stock")["owner"] == "cx"


def test_x03_in_stock_again_it_is_made_once_after_a_retry() -> None:
    """The shopper's request is intact; the retry asks about the stock anew."""
    erp = Erp()
    erp.available = 0
    erp.hear(exchanged())
    held = exception(erp, "out-of-stock")
    erp.available = 5
    erp.settle()
    assert erp.made(EXCHANGE) == [], "a no stands until somebody retries"
    erp.hear(decision("retry", held["command"]))
    erp.hear(decision("retry", held["command"]))
    assert [line["sku"] for body in erp.made(EXCHANGE) for line in body["lines"]] == ["TEE-RED-L"]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_x03_still_out_of_stock_it_stays_an_exception() -> None:
    """A retry that finds nothing new leaves the same exception, and makes nothing."""
    erp = Erp()
    erp.available = 0
    erp.hear(exchanged())
    erp.hear(decision("retry", exception(erp, "out-of-stock")["command"]))
    assert exception(erp, "out-of-stock")["owner"] == "cx"
    assert [command.revision for command in erp.asked if command.kind is DocumentKind.AVAILABILITY] == [1, 2]
    assert erp.made(EXCHANGE) == []


def test_x04_the_exchanged_value_is_not_credited() -> None:
    """A mixed return: the hat's money back, another tee for the tee."""
    erp = Erp()
    lines = [tee(request="exchange"), hat()]
    erp.hear(
        snapshot(type="mixed", lines=lines, replacements=[replacement()], refunds=[refund("rf1", "10.00")]),
    )
    (note,) = erp.made(NOTE)
    assert [(line["line_id"], line["amount"]) for line in note["lines"]] == [("l2", "10.00")]
    assert len(erp.made(EXCHANGE)) == 1
    assert erp.exceptions() == []


def test_a_request_that_changed_after_the_order_was_made_is_shown() -> None:
    """The order stands; CX sees what was made and what is asked for now, and no second order is made."""
    erp = Erp()
    erp.hear(exchanged())
    erp.hear(exchanged(2, wanted={"sku": "TEE-RED-XL"}))
    assert len(erp.made(EXCHANGE)) == 1
    held = exception(erp, "mismatch", "exchange_order")
    assert "made for 1 x TEE-RED-L; the return now asks for 1 x TEE-RED-XL" in held["reason"]
    assert held["owner"] == "cx"
    erp.hear(decision("approve", held["command"]))
    assert (erp.exceptions(), len(erp.made(EXCHANGE))) == ([], 1)
    erp.hear(exchanged(3, wanted={"sku": "TEE-RED-S"}))
    assert "asks for 1 x TEE-RED-S" in exception(erp, "mismatch", "exchange_order")["reason"]


def line_of_two(**changes: Any) -> dict[str, Any]:
    return tee(quantity=2, tax_amount="13.33", request="exchange", **changes)


def two(*skus: str, version: int = 1, line: dict[str, Any] | None = None, **changes: Any) -> Fact:
    """A return that exchanges two tees for one of each of these."""
    wanted = [replacement(sku) for sku in skus]
    return snapshot(version, type="exchange", lines=[line or line_of_two()], replacements=wanted, **changes)


def ordered(erp: Erp) -> dict[str, tuple[str, int]]:
    """What each exchange order sends, by its subject."""
    lines = [(command.subject, command.body["lines"][0]) for command, _ in erp.documents if command.kind is EXCHANGE]
    found = {subject: (line["sku"], line["quantity"]) for subject, line in lines}
    assert len(found) == len(lines)
    return found


def test_c13_a_line_of_two_with_two_replacements_gets_both() -> None:
    """Each of them once, under a name of its own, however often and in whichever order they are told."""
    erp = Erp()
    erp.hear(two("TEE-RED-L", "TEE-RED-XL"))
    both = {"r1/l1": ("TEE-RED-L", 1), "r1/l1/2": ("TEE-RED-XL", 1)}
    assert ordered(erp) == both
    erp.hear(two("TEE-RED-XL", "TEE-RED-L", version=2))
    assert (ordered(erp), erp.exceptions(), erp.waiting()) == (both, [], [])


def test_c13_two_replacements_of_one_sku_are_two_orders() -> None:
    """The shopper asked for two parcels."""
    erp = Erp()
    erp.hear(two("TEE-RED-L", "TEE-RED-L"))
    assert ordered(erp) == {"r1/l1": ("TEE-RED-L", 1), "r1/l1/2": ("TEE-RED-L", 1)}
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_c13_an_order_made_for_the_second_of_two_by_an_older_build_stays_its_order() -> None:
    """It took the last of a line's replacements only, under the line's name: the other one is made, none twice."""
    erp = Erp()
    erp.hear(two("TEE-RED-XL"))
    erp.hear(two("TEE-RED-L", "TEE-RED-XL", version=2))
    assert ordered(erp) == {"r1/l1": ("TEE-RED-XL", 1), "r1/l1/2": ("TEE-RED-L", 1)}
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_c13_one_that_is_out_of_stock_does_not_hold_the_other() -> None:
    """CX sees the one; when it is retried it is made, and the other stays as it is, told in another order meanwhile."""
    erp = Erp()
    erp.available_of = {"TEE-RED-L": 0}
    erp.hear(two("TEE-RED-L", "TEE-RED-XL"))
    assert ordered(erp) == {"r1/l1/2": ("TEE-RED-XL", 1)}
    erp.hear(two("TEE-RED-XL", "TEE-RED-L", version=2))
    held = exception(erp, "out-of-stock")
    erp.available_of = {}
    erp.hear(decision("retry", held["command"]))
    assert sorted(ordered(erp).values()) == [("TEE-RED-L", 1), ("TEE-RED-XL", 1)]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


@pytest.mark.parametrize(
    ("accepted", "wanted"),
    [(1, [("TEE-RED-L", 1)]), (2, [("TEE-RED-L", 1), ("TEE-RED-XL", 1)])],
)
def test_c13_the_counted_units_are_shared_over_the_replacements_in_their_order(
    accepted: int, wanted: list[tuple[str, int]]
) -> None:
    """In standard mode one of two was accepted: the first replacement is sent, the second is not."""
    erp = Erp()
    line = line_of_two(verdict="accepted", accepted_quantity=accepted, rejected_quantity=2 - accepted)
    erp.hear(two("TEE-RED-L", "TEE-RED-XL", line=line, mode="standard", state="partly_accepted"))
    assert list(ordered(erp).values()) == wanted
    assert (erp.exceptions(), erp.waiting()) == ([], [("item_receipt", "inspection")])


def test_c13_a_replacement_that_is_ordered_already_takes_its_units() -> None:
    """Only the other one is made."""
    erp = Erp()
    wanted = [replacement("TEE-RED-L", order_ref="SO-9"), replacement("TEE-RED-XL", quantity=2)]
    erp.hear(snapshot(type="exchange", lines=[line_of_two()], replacements=wanted))
    assert list(ordered(erp).values()) == [("TEE-RED-XL", 1)]


def test_c13_the_difference_of_several_replacements_is_refunded_together() -> None:
    """Two tees of 40.00 for one of 30.00 and one of 25.00: 25.00 is due, and posts without a word."""
    erp = Erp()
    wanted = [replacement("TEE-RED-L", unit_price="30.00"), replacement("TEE-RED-XL", unit_price="25.00")]
    paid = [refund("rf1", "25.00")]
    erp.hear(snapshot(type="exchange", lines=[line_of_two()], replacements=wanted, refunds=paid))
    assert [body["amount"] for body in erp.made(NOTE)] == ["25.00"]
    assert (len(erp.made(EXCHANGE)), erp.exceptions()) == (2, [])


@pytest.mark.parametrize(
    "later",
    [
        {"replacements": [replacement("TEE-RED-XL")]},
        {"replacements": []},
        {"lines": [tee(quantity=2, tax_amount="13.33")], "replacements": []},
        {"lines": [hat()], "replacements": []},
    ],
    ids=["another one only", "none", "returned instead", "another line"],
)
def test_an_order_that_is_not_wanted_any_more_is_shown_to_cx(later: dict[str, Any]) -> None:
    """It was made and stands; a yes to just that lets it be."""
    erp = Erp()
    erp.hear(two("TEE-RED-L", "TEE-RED-XL"))
    erp.hear(snapshot(2, **{"type": "exchange", "lines": [line_of_two()], **later}))
    gone = [one.content for one in erp.row.open_letters() if "TEE-RED-L;" in one.content["reason"]]
    assert [(one["kind"], one["owner"], one["step"]) for one in gone] == [("mismatch", "cx", "exchange_order")]
    assert "asks for none any more" in gone[0]["reason"]
    erp.hear(decision("approve", gone[0]["command"]))
    assert not [one for one in erp.row.open_letters() if "TEE-RED-L;" in one.content["reason"]]
    assert len(erp.made(EXCHANGE)) == 2


def test_an_order_that_is_not_wanted_any_more_is_called_off_while_it_has_not_begun() -> None:
    """Nothing is sent, and nobody is asked."""
    erp = Erp()
    erp.silent.add(EXCHANGE)
    erp.hear(two("TEE-RED-L", "TEE-RED-XL"))
    erp.hear(two("TEE-RED-XL", version=2))
    erp.speak(EXCHANGE)
    assert list(ordered(erp).values()) == [("TEE-RED-XL", 1)]
    assert (erp.exceptions(), erp.waiting()) == ([], [])


def test_an_accepted_line_that_is_rejected_after_its_order_was_made_is_shown_to_cx() -> None:
    """The shopper has the goods of both."""
    erp = Erp()
    erp.hear(exchanged(mode="standard", line={"verdict": "accepted"}))
    erp.hear(exchanged(2, mode="standard", line={"verdict": "rejected"}))
    assert exception(erp, "mismatch", "exchange_order")["owner"] == "cx"


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("TEE-RED-L", "replacements of return r1 is not a list"),
        ([None], "replacements[0] of return r1 is not an object"),
        ([replacement(line_id=None)], "does not say which line it replaces"),
        ([replacement(quantity=0)], "has quantity 0"),
        ([replacement(order_ref={"id": 5002})], "has a order_ref that is no text"),
    ],
)
def test_a_replacement_that_makes_no_sense_is_told_though_nothing_is_refunded(wanted: Any, says: str) -> None:
    """The authorisation is made, the exchange is not, and somebody knows why."""
    erp = Erp()
    erp.hear(snapshot(type="exchange", lines=[tee(request="exchange")], replacements=wanted))
    assert erp.made(EXCHANGE) == []
    held = exception(erp, "invalid", "exchange_order")
    assert (held["owner"], says in held["reason"]) == ("engineering", True)
    erp.hear(exchanged(2))
    assert (len(erp.made(EXCHANGE)), erp.exceptions()) == (1, [])


def test_a_replacement_of_a_line_that_is_not_exchanged_is_told() -> None:
    """Nothing is sent for it."""
    erp = Erp()
    erp.hear(snapshot(lines=[tee()], replacements=[replacement(), replacement(line_id="l9")]))
    assert erp.made(EXCHANGE) == []
    assert [kind for kind, step in erp.exceptions() if step == "exchange_order"] == ["invalid", "invalid"]


def test_an_order_that_is_made_is_not_taken_back_by_a_message_that_makes_no_sense() -> None:
    """Its line cannot be read any more, so nothing is known against it."""
    erp = Erp()
    erp.hear(exchanged())
    for version, lines in enumerate(("l1", [tee(request="exchange", quantity=-1)], [None]), start=2):
        erp.hear(snapshot(version, lines=lines, replacements=[replacement()]))
        assert (len(erp.made(EXCHANGE)), [step for _, step in erp.exceptions()]) == (1, ["return_authorisation"])


@pytest.mark.parametrize("refunds", [[], [refund("rf9", "5.00", kind="goodwill")], [refund("rf1", "1.00", "pending")]])
def test_c23_a_dearer_replacement_is_told_to_cx_and_the_exchange_goes_on(refunds: list[Any]) -> None:
    """A tee of 40.00 for one of 55.00, and nothing refunded for it: the shopper owes 15.00."""
    erp = Erp()
    erp.hear(exchanged(wanted={"unit_price": "55.00"}, refunds=refunds))
    assert len(erp.made(EXCHANGE)) == 1
    held = exception(erp, "mismatch")
    assert (held["owner"], held["amount"], held["currency"], held["return_id"]) == ("cx", "15.00", "GBP", "r1")
    assert "come to GBP -15.00" in held["reason"]
    goodwill = [one for one in refunds if one["kind"] == "goodwill"]
    assert len(erp.made(NOTE)) == len(goodwill)
    assert len(erp.made(DocumentKind.CREDIT_APPLICATION)) == len(goodwill)
    erp.hear(decision("reject", held["command"]))
    assert erp.exceptions() == []


def test_c23_of_an_order_that_is_not_known_nothing_is_said_twice() -> None:
    """Its authorisation and its exchange wait for its name; what is owed is said after that."""
    erp = Erp(found=0)
    erp.hear(exchanged(wanted={"unit_price": "55.00"}))
    assert erp.exceptions() == [("not-found", "exchange_order"), ("not-found", "return_authorisation")]
    erp.order |= {"found": 1}
    erp.hear(decision("name_order", exception(erp, "not-found", "return_authorisation")["command"], to="1001"))
    assert [(one["kind"], one["owner"]) for one in (exception(erp, "mismatch"),)] == [("mismatch", "cx")]


def test_c23_a_dearer_replacement_with_a_refund_is_told_once() -> None:
    """The refund's own exception says it."""
    erp = Erp()
    erp.hear(exchanged(wanted={"unit_price": "55.00"}, refunds=[refund("rf1", "5.00")]))
    assert erp.made(NOTE) == []
    assert exception(erp, "mismatch")["refund_id"] == "rf1"


@pytest.mark.parametrize("price", ["40.01", "40.00", "39.99"])
def test_c23_what_is_within_the_tolerance_is_owed_by_nobody(price: str) -> None:
    """A minor unit for each line."""
    erp = Erp()
    erp.hear(exchanged(wanted={"unit_price": price}))
    assert (len(erp.made(EXCHANGE)), erp.exceptions(), erp.waiting()) == (1, [], [])


def test_c23_fees_above_what_comes_back_are_told_to_cx() -> None:
    """In standard mode not before the line counts."""
    erp = Erp()
    fees = [{"kind": "logistics", "amount": "45.00"}]
    erp.hear(snapshot(mode="standard", fees=fees))
    assert erp.exceptions() == []
    erp.hear(snapshot(2, mode="standard", fees=fees, lines=[tee(verdict="accepted")], state="accepted"))
    assert (exception(erp, "mismatch")["owner"], exception(erp, "mismatch")["amount"]) == ("cx", "5.00")
