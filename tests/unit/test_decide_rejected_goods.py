"""Goods that Reveni turned away, wholly or in part: only sellable ones more than were accepted are in dispute."""

from __future__ import annotations

from typing import Any

import pytest

from streams.vocabulary import DocumentKind
from tests.scenarios.messages import tee
from tests.unit.erp import Erp, order_line, rules
from tests.unit.told import exception, inspected, snapshot

RECEIPT, MOVEMENT = DocumentKind.ITEM_RECEIPT, DocumentKind.STOCK_MOVEMENT
SELLABLE, QUARANTINE = "101", "102"


def lying(erp: Erp) -> dict[str, int]:
    """Units in each location, after all that was received and moved."""
    units: dict[str, int] = {}
    for command, _ in erp.documents:
        body: dict[str, Any] = dict(command.body)
        if command.kind is RECEIPT:
            for line in body["lines"]:
                units[line["location"]] = units.get(line["location"], 0) + line["quantity"]
        elif command.kind is MOVEMENT:
            units[body["to_location"]] = units.get(body["to_location"], 0) + body["quantity"]
            units[body["from_location"]] -= body["quantity"]
    return {place: count for place, count in units.items() if count}


def several(quantity: int, **changes: Any) -> dict[str, Any]:
    return tee(quantity=quantity, unit_price="40.00", tax_amount=f"{20 * quantity / 3:.2f}", **changes)


def told(found: dict[str, int], together: bool = True, **line: Any) -> Erp:
    """An order of three tees that all come back, decided by Reveni as `line` says, inspected as `found` says."""
    erp = Erp(lines=[order_line("1", "ol1", "TEE-RED-M", 3, "120.00", "20.00")])
    state = line.pop("state", "partly_accepted")
    erp.hear(snapshot(lines=[several(3)]))
    erp.hear(snapshot(2, lines=[several(3, **line)], state=state))
    lots = [("l1", "TEE-RED-M", units, disposition) for disposition, units in found.items()]
    if together:
        erp.hear(inspected(*lots))
    else:
        for number, lot in enumerate(lots):
            erp.hear(inspected(lot, inspection_id=f"ins-{number}"))
    return erp


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("said", [{"rejected_quantity": 1}, {}], ids=["rejected named", "accepted only"])
@pytest.mark.parametrize(
    ("found", "places", "held"),
    [
        ({"damaged": 1, "sellable": 2}, {SELLABLE: 2, QUARANTINE: 1}, 0),
        ({"sellable": 2, "damaged": 1}, {SELLABLE: 2, QUARANTINE: 1}, 0),
        ({"damaged": 2, "sellable": 1}, {SELLABLE: 1, QUARANTINE: 2}, 0),
        ({"damaged": 3}, {QUARANTINE: 3}, 0),
        ({"sellable": 3}, {SELLABLE: 2}, 1),
        ({"sellable": 2, "missing": 1}, {SELLABLE: 2}, 0),
        ({"sellable": 2}, {SELLABLE: 2}, 0),
    ],
)
def test_c22_the_accepted_units_are_the_best_found_ones(
    found: dict[str, int], places: dict[str, int], held: int, said: dict[str, int], together: bool
) -> None:
    """Two of three are accepted: two sellable go on, damaged ones go to quarantine, a third sellable one is for CX."""
    erp = told(found, together, accepted_quantity=2, **said)
    assert lying(erp) == places
    if not held:
        assert erp.exceptions() == []
        return
    shown = exception(erp, "mismatch", "item_receipt")
    assert (shown["owner"], shown["reason"].split(" ")[0]) == ("cx", str(held))


@pytest.mark.parametrize("line", [{"verdict": "rejected", "state": "received"}, {"rejected_quantity": 3}])
def test_c22_rejected_and_damaged_goods_go_to_quarantine_and_nobody_is_asked(line: dict[str, Any]) -> None:
    """They are where they belong whatever Reveni has decided."""
    erp = told({"damaged": 3}, **line)
    assert (lying(erp), erp.exceptions()) == ({QUARANTINE: 3}, [])


def test_c22_rejected_and_sellable_goods_are_held_for_cx() -> None:
    """Not one of them is sold until somebody says whose they are."""
    erp = told({"sellable": 3}, verdict="rejected", state="received")
    assert lying(erp) == {}
    assert exception(erp, "mismatch", "item_receipt")["owner"] == "cx"


def test_c22_rejected_after_they_were_received_only_the_sellable_ones_are_taken_from_sale() -> None:
    """The damaged one stays where it lies, and CX is told of the two others."""
    erp = Erp(lines=[order_line("1", "ol1", "TEE-RED-M", 3, "120.00", "20.00")])
    erp.hear(snapshot(lines=[several(3)]))
    erp.hear(inspected(("l1", "TEE-RED-M", 2, "sellable"), ("l1", "TEE-RED-M", 1, "damaged")))
    erp.hear(snapshot(2, lines=[several(3, verdict="rejected")], state="received"))
    assert lying(erp) == {QUARANTINE: 3}
    shown = exception(erp, "mismatch", "item_receipt")
    assert (shown["owner"], shown["reason"].split(" ")[0]) == ("cx", "2")


def test_c22_partly_rejected_after_they_were_received_the_accepted_ones_stay_for_sale() -> None:
    """One sellable unit more than was accepted leaves the sellable stock; the damaged one counts against nothing."""
    erp = Erp(lines=[order_line("1", "ol1", "TEE-RED-M", 3, "120.00", "20.00")])
    erp.hear(snapshot(lines=[several(3)]))
    erp.hear(inspected(("l1", "TEE-RED-M", 2, "sellable"), ("l1", "TEE-RED-M", 1, "damaged")))
    erp.hear(snapshot(2, lines=[several(3, accepted_quantity=1, rejected_quantity=2)], state="partly_accepted"))
    assert lying(erp) == {SELLABLE: 1, QUARANTINE: 2}


def test_c22_units_not_decided_about_yet_are_not_rejected() -> None:
    """One of three is accepted so far, the return is under review: what is found goes on."""
    erp = told({"sellable": 3}, accepted_quantity=1, state="for_review")
    assert (lying(erp), erp.exceptions()) == ({SELLABLE: 3}, [])


def test_c22_not_to_be_restocked_wins_over_sellable_for_rejected_goods_too() -> None:
    """They go to quarantine, and nobody is asked."""
    erp = told({"sellable": 3}, verdict="rejected", restock=False, state="received")
    assert (lying(erp), erp.exceptions()) == ({QUARANTINE: 3}, [])


def test_c22_what_was_asked_for_keeps_its_room_among_the_accepted() -> None:
    """Two inspections found one sellable unit each, one unit is accepted: the first one's receipt stands."""
    erp = Erp()
    line = several(2)
    erp.hear(snapshot(lines=[line]), inspected(("l1", "TEE-RED-M", 1, "sellable"), inspection_id="ins-b"))
    erp.hear(snapshot(2, lines=[line | {"accepted_quantity": 1, "rejected_quantity": 1}], state="partly_accepted"))
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable"), inspection_id="ins-a"))
    assert [command.subject for command, _ in erp.documents if command.kind in (RECEIPT, MOVEMENT)] == [
        "ins-b/l1/TEE-RED-M/sellable"
    ]
    assert exception(erp, "mismatch", "item_receipt")["subject"] == "ins-a/l1/TEE-RED-M/sellable#held"


def test_c22_of_a_bundle_the_accepted_part_counts_in_parts() -> None:
    """One of two sets is rejected: of its four bottoms two are accepted, and so is one of two tops."""
    parts = [
        {"sku": "TOP", "quantity": 1, "list_price": "40.00"},
        {"sku": "BOTTOM", "quantity": 2, "list_price": "10.00"},
    ]
    erp = Erp(lines=[order_line("1", "ol1", "SET-1", 2, "108.00", "18.00", components=parts)])
    line = tee(sku="SET-1", quantity=2, unit_price="54.00", tax_amount="18.00")
    erp.hear(snapshot(lines=[line | {"accepted_quantity": 1, "rejected_quantity": 1}], state="partly_accepted"))
    erp.hear(inspected(("l1", "TOP", 1, "sellable"), ("l1", "TOP", 1, "damaged"), ("l1", "BOTTOM", 3, "sellable")))
    assert lying(erp) == {SELLABLE: 3, QUARANTINE: 1}
    assert exception(erp, "mismatch", "item_receipt")["reason"].startswith("1 BOTTOM")


@pytest.mark.parametrize(
    ("line", "places", "kinds"),
    [
        ({"disposition": "sellable"}, {SELLABLE: 3}, []),
        ({"disposition": "damaged", "verdict": "rejected"}, {QUARANTINE: 3}, []),
        ({"disposition": "sellable", "accepted_quantity": 2, "rejected_quantity": 1}, {SELLABLE: 2}, ["mismatch"]),
        ({"disposition": "damaged", "accepted_quantity": 2, "rejected_quantity": 1}, {QUARANTINE: 3}, []),
        ({"disposition": "sellable", "accepted_quantity": 0, "rejected_quantity": 3}, {}, ["mismatch"]),
        ({"disposition": "sellable", "accepted_quantity": 2}, {SELLABLE: 2}, []),
    ],
)
def test_c22_where_reveni_decides_a_lines_disposition_is_that_of_all_its_units(
    line: dict[str, Any], places: dict[str, int], kinds: list[str]
) -> None:
    """Those not decided about yet are left for later; nobody waits for an inspection of what was rejected."""
    lines = [order_line("1", "ol1", "TEE-RED-M", 3, "120.00", "20.00")]
    erp = Erp(using=rules(('inspection = "warehouse"', 'inspection = "reveni"')), lines=lines)
    erp.hear(snapshot(lines=[several(3, location="WH-LON", **line)], state="received"))
    assert lying(erp) == places
    assert [kind for kind, _ in erp.exceptions()] == kinds
    undecided = line.get("accepted_quantity") == 2 and "rejected_quantity" not in line
    waits_for = "decision" if kinds else "inspection" if undecided else ""
    assert erp.waiting() == ([("item_receipt", waits_for)] if waits_for else [])


@pytest.mark.parametrize("state", ["rejected", "cancelled"])
def test_c22_a_rejected_return_without_an_open_authorisation_says_that_goods_are_to_be_booked_by_hand(
    state: str,
) -> None:
    """Nothing can be received on an authorisation that is closed; sellable ones are CX's as ever."""
    erp = Erp()
    erp.hear(snapshot())
    erp.hear(snapshot(2, state=state))
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "damaged")))
    shown = exception(erp, "mismatch", "item_receipt")
    assert (shown["owner"], "book them by hand" in shown["reason"]) == ("warehouse", True)
    erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable"), version=2))
    assert exception(erp, "mismatch", "item_receipt")["owner"] == "cx"


def test_c22_a_return_rejected_together_with_its_inspection_receives_the_damaged_goods_before_it_closes() -> None:
    """The authorisation is closed after the receipt has ended."""
    erp = Erp()
    erp.hear(snapshot())
    erp.hear(snapshot(2, state="rejected"), inspected(("l1", "TEE-RED-M", 1, "damaged")))
    kinds = [command.kind for command, _ in erp.documents]
    assert kinds == [DocumentKind.RETURN_AUTHORISATION, RECEIPT, DocumentKind.RETURN_CLOSING]
    assert erp.exceptions() == []
