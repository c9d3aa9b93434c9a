"""The simulated NetSuite's money: credit memos, applications, reversals, periods."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.netsuite_account import Account, netsuite, order


@pytest.fixture
async def ns() -> AsyncIterator[Account]:
    async with netsuite() as account:
        yield account


TEE = {"orderLine": 1, "quantity": 1, "grossAmt": "40.00", "tax1Amt": "6.67"}
FEE = {"item": {"id": "902"}, "quantity": 1, "grossAmt": "-2.95", "tax1Amt": "-0.49", "taxCode": {"id": "5"}}


async def credit(ns: Account, *rows: dict[str, Any], ref: str = "cmd-cm", **header: Any) -> tuple[str, str]:
    """An authorisation of one tee and a memo of it: their ids."""
    authorisation = await ns.authorise({"orderLine": 1, "quantity": 1}, ref=f"{ref}-ra")
    made = await ns.transform("returnAuthorization", authorisation, "creditMemo", *rows, externalId=ref, **header)
    return authorisation, made.id


async def invoice_id(ns: Account, number: str = "INV-5001") -> str:
    (key,) = await ns.find("invoice", f'tranId IS "{number}"')
    return key


def apply(invoice: str, amount: str | None, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"apply": True, "doc": {"id": invoice}, **more}
    return {"apply": {"items": [row | ({"amount": amount} if amount is not None else {})]}}


async def test_a_memo_of_a_return_has_exactly_the_amounts_sent(ns: Account) -> None:
    """R03, R08: goods less a fee, linked to the authorisation and the order id, with the refund's method."""
    authorisation, key = await credit(ns, TEE, FEE, custbody_refund_method="customer_credit")
    memo = await ns.get("creditMemo", key)
    assert (memo["total"], memo["taxTotal"], memo["unapplied"]) == (37.05, 6.18, 37.05)
    assert (memo["createdFrom"]["id"], memo["otherRefNum"]) == (authorisation, "5001")
    assert memo["custbody_refund_method"] == "customer_credit"
    (entry,) = await ns.ledger("credit_note")
    assert (entry["amount"], entry["currency"], entry["method"]) == ("37.05", "GBP", "customer_credit")
    assert [(line["sku"], line["amount"], line["tax"]) for line in entry["lines"]] == [
        ("TEE-RED-M", "40.00", "6.67"),
        ("fee", "-2.95", "-0.49"),
    ]
    assert (entry["order_id"], entry["external_ref"], entry["number"]) == ("5001", "cmd-cm", key)


async def test_a_memo_without_lines_credits_the_whole_return(ns: Account) -> None:
    """The trap on the money side: no replace=item, so every line at its full price, tax in its share."""
    await credit(ns)
    (entry,) = await ns.ledger("credit_note")
    assert [(line["quantity"], line["amount"], line["tax"]) for line in entry["lines"]] == [(1, "40.00", "6.67")]


async def test_a_memo_may_not_credit_more_units_than_the_return_has(ns: Account) -> None:
    """Two of a line that was authorised once are refused."""
    key = await ns.authorise({"orderLine": 1, "quantity": 1})
    refused = await ns.transform("returnAuthorization", key, "creditMemo", TEE | {"quantity": 2})
    assert (refused.status, refused.code) == (400, "USER_ERROR")
    assert await ns.ledger("credit_note") == []


async def test_several_memos_of_one_return_are_possible_unless_the_account_is_strict(ns: Account) -> None:
    """R07: partial refunds; a strict account takes each unit once."""
    key = await ns.authorise({"orderLine": 1, "quantity": 1})
    part = TEE | {"grossAmt": "20.00", "tax1Amt": "3.33"}
    assert (await ns.transform("returnAuthorization", key, "creditMemo", part)).status == 204
    assert (await ns.transform("returnAuthorization", key, "creditMemo", part)).status == 204
    await ns.settings(strict_credit_quantity=True)
    assert (await ns.transform("returnAuthorization", key, "creditMemo", part)).status == 400


async def test_credit_before_receipt_needs_the_preference(ns: Account) -> None:
    """R04: with 'Refund in Advance of Return' off the goods come first."""
    await ns.settings(refund_in_advance=False)
    key = await ns.authorise({"orderLine": 1, "quantity": 1})
    refused = await ns.transform("returnAuthorization", key, "creditMemo", TEE)
    assert (refused.status, "in advance" in refused.detail) == (400, True)
    place = {"location": {"id": "102"}}
    await ns.transform("returnAuthorization", key, "itemReceipt", {"orderLine": 1, "quantity": 1, **place})
    assert (await ns.transform("returnAuthorization", key, "creditMemo", TEE)).status == 204


async def test_a_closed_or_pending_return_is_not_credited(ns: Account) -> None:
    """A closed authorisation takes no memo; one pending approval takes it once approved."""
    key = await ns.authorise({"orderLine": 1, "quantity": 1})
    await ns.patch("returnAuthorization", key, {"orderStatus": {"id": "H"}})
    assert (await ns.transform("returnAuthorization", key, "creditMemo", TEE)).code == "INVALID_INITIALIZE_REF"
    await ns.settings(return_approval=True)
    pending = await ns.authorise({"orderLine": 1, "quantity": 1})
    assert (await ns.transform("returnAuthorization", pending, "creditMemo", TEE)).code == "INVALID_INITIALIZE_REF"
    await ns.patch("returnAuthorization", pending, {"orderStatus": {"id": "B"}})
    assert (await ns.transform("returnAuthorization", pending, "creditMemo", TEE)).status == 204


async def test_a_memo_is_applied_to_an_open_invoice_up_to_what_is_due(ns: Account) -> None:
    """R05: the invoice's due amount and the memo's open amount fall together; once, however often it is sent."""
    _, key = await credit(ns, TEE)
    invoice = await invoice_id(ns)
    for _ in range(2):
        assert (await ns.patch("creditMemo", key, apply(invoice, "30.00"))).status == 204
    memo = await ns.get("creditMemo", key)
    assert (memo["applied"], memo["unapplied"]) == (30.0, 10.0)
    assert memo["apply"]["items"] == [{"line": 1, "apply": True, "doc": {"id": invoice}, "amount": 30.0}]
    assert (await ns.get("invoice", invoice))["amountRemaining"] == 64.95
    (entry,) = await ns.ledger("credit_application")
    assert (entry["amount"], entry["external_ref"], entry["number"]) == ("30.00", "cmd-cm", key)
    assert (entry["invoice_tran_id"], entry["status"], entry["op"]) == ("INV-5001", "applied", "create")
    assert (await ns.patch("creditMemo", key, apply(invoice, None))).status == 204
    assert (await ns.get("creditMemo", key))["status"]["refName"] == "Fully Applied"


@pytest.mark.parametrize(
    ("open_amount", "amount", "why"),
    [("0.00", "10.00", "paid in full"), ("5.00", "10.00", "more than is due"), ("94.95", "41.00", "More is applied")],
)
async def test_an_application_beyond_what_is_due_is_refused(
    ns: Account, open_amount: str, amount: str, why: str
) -> None:
    """R05: a paid invoice takes nothing, and the memo stays open."""
    await ns.seed(invoices=[{"account": "ns", "order_id": "5001", "number": "INV-5001", "open": open_amount}])
    _, key = await credit(ns, TEE)
    refused = await ns.patch("creditMemo", key, apply(await invoice_id(ns), amount))
    assert (refused.status, why in refused.detail) == (400, True), refused.text
    assert (await ns.get("creditMemo", key))["unapplied"] == 40.0
    assert await ns.ledger("credit_application") == []


async def test_another_customers_invoice_or_currency_takes_no_credit(ns: Account) -> None:
    """R21: a memo meets only invoices of its customer and its currency."""
    await ns.seed(
        orders=[
            order("5002", customer={"id": "c-78", "name": "C. D."}),
            order("5003", currency="EUR"),
        ]
    )
    _, key = await credit(ns, TEE)
    assert (await ns.patch("creditMemo", key, apply(await invoice_id(ns, "INV-5002"), "1.00"))).status == 400
    assert (await ns.patch("creditMemo", key, apply(await invoice_id(ns, "INV-5003"), "1.00"))).status == 400
    assert (await ns.patch("creditMemo", key, apply("999", "1.00"))).code == "INVALID_KEY_OR_REF"


async def test_a_transform_keeps_the_orders_currency(ns: Account) -> None:
    """R21: another currency on the document is refused."""
    key = await ns.authorise({"orderLine": 1, "quantity": 1})
    reply = await ns.transform("returnAuthorization", key, "creditMemo", TEE, currency={"refName": "EUR"})
    assert (reply.status, reply.json["o:errorDetails"][0]["o:errorPath"]) == (400, "currency")


async def test_a_memo_of_an_invoice_is_applied_to_it_at_once(ns: Account) -> None:
    """NetSuite's habit for invoice to credit memo: what is due is settled."""
    made = await ns.transform("invoice", await invoice_id(ns), "creditMemo", TEE, externalId="cmd-cm")
    assert (await ns.get("creditMemo", made.id))["status"]["refName"] == "Fully Applied"
    assert [entry["kind"] for entry in await ns.ledger()] == ["credit_note", "credit_application"]


async def test_a_closed_period_refuses_postings_and_names_itself(ns: Account) -> None:
    """R22: by its date or by the period named; an authorisation does not post."""
    await ns.settings(closed_periods=["2026-10"])
    key = await ns.authorise({"orderLine": 1, "quantity": 1})
    refused = await ns.transform("returnAuthorization", key, "creditMemo", TEE, tranDate="2026-10-31")
    assert (refused.status, refused.code) == (400, "USER_ERROR")
    assert "Oct 2026" in refused.detail
    (period,) = await ns.find("accountingPeriod", 'startDate IS "2026-10-01"')
    assert (await ns.get("accountingPeriod", period))["closed"] is True
    named = {"tranDate": "2026-11-01", "postingPeriod": {"id": period}}
    assert (await ns.transform("returnAuthorization", key, "creditMemo", TEE, **named)).status == 400
    opened = await ns.find("accountingPeriod", 'closed IS false AND startDate AFTER "2026-10-01"')
    kept = {"tranDate": "2026-10-31", "postingPeriod": {"id": opened[0]}}
    made = await ns.transform("returnAuthorization", key, "creditMemo", TEE, **kept)
    assert (await ns.get("creditMemo", made.id))["tranDate"] == "2026-10-31"


def journal(**more: Any) -> dict[str, Any]:
    rows = [{"account": {"id": "1"}, "debit": "40.00"}, {"account": {"id": "2"}, "credit": "40.00"}]
    return {"externalId": "cmd-rv", "line": {"items": rows}, **more}


@pytest.mark.parametrize("name", ["custbody_reverses", "createdFrom"])
async def test_a_journal_that_names_a_memo_is_its_reversal(ns: Account, name: str) -> None:
    """R10: a document of its own, with the memo's number in `of`."""
    _, key = await credit(ns, TEE)
    assert (await ns.post("journalEntry", journal(**{name: {"id": key}}))).status == 204
    (entry,) = await ns.ledger("reversal")
    assert (entry["of"], entry["amount"], entry["order_id"], entry["external_ref"]) == (key, "40.00", "5001", "cmd-rv")


async def test_a_journal_balances_and_names_a_memo_that_is_there(ns: Account) -> None:
    """Otherwise it is refused; without a memo it is a plain journal entry."""
    rows = [{"account": {"id": "1"}, "debit": "40.00"}, {"account": {"id": "2"}, "credit": "39.99"}]
    assert "does not balance" in (await ns.post("journalEntry", journal(line={"items": rows}))).detail
    assert (await ns.post("journalEntry", journal(custbody_reverses="CM-99"))).code == "INVALID_KEY_OR_REF"
    assert (await ns.post("journalEntry", journal(otherRefNum="5001"))).status == 204
    assert [entry["kind"] for entry in await ns.ledger()] == ["journal_entry"]


async def test_an_unapplied_memo_can_be_amended(ns: Account) -> None:
    """PATCH with replace=item replaces its lines; without it the lines stay."""
    _, key = await credit(ns, TEE)
    row = {"item": {"id": "4711"}, "quantity": 1, "grossAmt": "35.00", "taxCode": {"id": "5"}}
    assert (await ns.patch("creditMemo", key, {"item": {"items": [row]}})).status == 204
    assert (await ns.get("creditMemo", key))["total"] == 40.0
    assert (await ns.patch("creditMemo", key, {"item": {"items": [row]}}, replace="item")).status == 204
    assert (await ns.get("creditMemo", key))["total"] == 35.0
    created, updated = await ns.ledger("credit_note")
    assert (created["op"], created["amount"], updated["op"], updated["amount"]) == (
        "create",
        "40.00",
        "update",
        "35.00",
    )
    await ns.patch("creditMemo", key, apply(await invoice_id(ns), "1.00"))
    other = {"item": {"items": [row | {"grossAmt": "34.00"}]}}
    assert (await ns.patch("creditMemo", key, other, replace="item")).status == 400


async def test_a_return_of_a_cash_sale_style_refund_is_a_credit_too(ns: Account) -> None:
    """returnAuthorization to cashRefund is possible and counts as a credit note."""
    key = await ns.authorise({"orderLine": 1, "quantity": 1})
    assert (await ns.transform("returnAuthorization", key, "cashRefund", TEE, externalId="c1")).status == 204
    (entry,) = await ns.ledger("credit_note")
    assert (entry["amount"], entry["tran_id"]) == ("40.00", "CR-1")
