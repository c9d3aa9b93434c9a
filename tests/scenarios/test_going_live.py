"""Going live: what people made by hand is adopted, what was theirs stays theirs; a shadow sends nothing."""

from __future__ import annotations

from tests.contract.netsuite_account import Account
from tests.scenarios.messages import refund, return_of, sold
from tests.scenarios.system import System

RMA, NOTE, RECEIPT = "return_authorisation", "credit_note", "item_receipt"

CUT_OVER = ("start_from = 2026-11-01T00:00:00Z", "start_from = 2026-11-20T09:05:00Z")
SHADOW = ('mode = "live"', 'mode = "shadow"')
BY_HAND = {"tranDate": "2026-11-20", "memo": "made by hand"}


def authorise_by_hand(system: System, order: str) -> str:
    """A person makes a return authorisation for one red tee; its number."""

    async def make(account: Account) -> str:
        row = {"orderLine": 1, "quantity": 1, "grossAmt": 40.00, "tax1Amt": 6.67}
        header = {**BY_HAND, "otherRefNum": order}
        made = await account.transform(
            "salesOrder", await account.order_id(order), "returnAuthorization", row, **header
        )
        return made.id

    return system.by_hand(make)


def credit_by_hand(system: System, order: str, authorisation: str) -> str:
    async def make(account: Account) -> str:
        row = {"orderLine": 1, "quantity": 1, "grossAmt": 40.00, "tax1Amt": 6.67}
        header = {**BY_HAND, "otherRefNum": order}
        made = await account.transform("returnAuthorization", authorisation, "creditMemo", row, **header)
        return made.id

    return system.by_hand(make)


def test_l01_a_return_from_before_the_cut_over_is_left_alone_until_it_has_news(system: System) -> None:
    """Old news makes nothing; news from after the start date does."""
    with system.profile(CUT_OVER):
        order = system.new_order()
        system.send(return_of(order, "r1", 4))
        system.at_rest(order)
        assert system.made(order) == {}
        system.send(return_of(order, "r1", 6))
        system.document(order, RMA)
        system.at_rest(order)
        assert system.made(order) == {RMA: 1}


def test_l01_documents_that_people_made_are_adopted(system: System) -> None:
    """An open return's RMA and note stand already: both are found, and neither is made again."""
    with system.profile(CUT_OVER):
        order = system.new_order()
        authorisation = authorise_by_hand(system, order)
        note = credit_by_hand(system, order, authorisation)
        system.send(return_of(order, "r1", 6, refunds=[refund("rf1", "40.00")]))
        shown = system.eventually(
            lambda: found if len(found := system.order(order)["documents"]) >= 2 else None,
            "two adopted documents",
            order_id=order,
            every=0.2,
        )
        numbers = {document["kind"]: (document["number"], document["reason"]) for document in shown}
        assert numbers[RMA] == (authorisation, "adopted")
        assert numbers[NOTE] == (note, "adopted")
        system.at_rest(order)
        assert (system.made(order)[RMA], system.made(order)[NOTE]) == (1, 1)


def test_l01_an_order_line_of_one_unit_is_adopted_too(system: System) -> None:
    """The only tee of the order came back by hand: that RMA is this return's, and not a return before it."""
    with system.profile(CUT_OVER):
        order = system.new_order(lines=[sold("ol1", "TEE-RED-M", 1, "40.00", "6.67")])
        authorisation = authorise_by_hand(system, order)
        system.send(return_of(order, "r1", 6, refunds=[refund("rf1", "40.00")]))
        assert system.document(order, NOTE)["created_from"] == authorisation
        system.at_rest(order)
        assert system.made(order)[RMA] == 1


def test_l01_goods_that_people_received_are_not_received_again(system: System) -> None:
    """The parcel was booked in by hand before the inspection came: that receipt is adopted, the stock counts once."""
    with system.profile(CUT_OVER):
        order = system.new_order()
        authorisation = authorise_by_hand(system, order)

        async def receive(account: Account) -> str:
            row = {"orderLine": 1, "quantity": 1, "itemReceive": True, "location": {"id": "101"}}
            header = {**BY_HAND, "otherRefNum": order}
            return (await account.transform("returnAuthorization", authorisation, "itemReceipt", row, **header)).id

        receipt = system.by_hand(receive)
        system.send(return_of(order, "r1", 6, state="received"))
        system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, "sellable"))
        system.eventually(
            lambda: [d for d in system.order(order)["documents"] if (d["kind"], d["number"]) == (RECEIPT, receipt)],
            "the adopted receipt",
            order_id=order,
            every=0.2,
        )
        system.at_rest(order)
        assert (system.made(order)[RECEIPT], system.sellable(order)) == (1, 1)
        assert not system.exceptions(order)


def test_l01_of_two_candidates_a_person_chooses(system: System) -> None:
    """Two hand-made RMAs fit: an exception that names both, and no third."""
    with system.profile(CUT_OVER):
        order = system.new_order()
        made = {authorise_by_hand(system, order), authorise_by_hand(system, order)}
        system.send(return_of(order, "r1", 6))
        unclear = system.exception(order, "duplicate")
        assert all(number in unclear["reason"] for number in made)
        system.at_rest(order)
        assert system.made(order)[RMA] == 2


def test_l02_a_shadow_decides_compares_and_sends_nothing(system: System) -> None:
    """In shadow mode the order shows what would have been sent; the ledger stays empty; going live makes it."""
    order = system.new_order()
    with system.profile(SHADOW):
        system.send(return_of(order, "r1", refunds=[refund("rf1", "40.00")]))
        system.eventually(
            lambda: (
                {s["step"] for s in system.order(order)["steps"] if s["state"] == "withheld: shadow"} >= {RMA, NOTE}
            ),
            "an authorisation and a note that would have been made",
            order_id=order,
            every=0.2,
        )
        system.at_rest(order)
        assert system.ledger(order) == []
        assert not system.exceptions(order)
        wanted = {s["step"]: s["body"] for s in system.order(order)["steps"]}
        assert wanted[NOTE]["amount"] == "40.00"
    system.send(return_of(order, "r1", 2, state="shipped", refunds=[refund("rf1", "40.00")]))
    assert system.document(order, NOTE)["amount"] == "40.00"
    system.at_rest(order)
    assert (system.made(order)[RMA], system.made(order)[NOTE]) == (1, 1)
