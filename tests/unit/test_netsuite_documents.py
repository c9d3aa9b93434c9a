"""From command bodies to NetSuite's requests, and from its records to proofs and answers: pure translation."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import orjson
import pytest

from adapters.netsuite.client import Client, _number
from adapters.netsuite.documents import Request, is_transform, request_for
from adapters.netsuite.options import AccountSettings
from adapters.netsuite.proof import application_of, closing_of, differences, document_of, may_be_adopted
from adapters.netsuite.questions import invoice_answer, order_answer, originals, status_name
from adapters.netsuite.records import money_text
from adapters.netsuite.wire import Credentials, HttpWire
from streams.commands import Command
from streams.vocabulary import DocumentKind
from tests.unit.netsuite_commands import (
    application,
    authorisation,
    closing,
    command,
    exchange,
    movement,
    note,
    receipt,
    reversal,
    standalone_note,
    tee,
)

PLAIN = AccountSettings()


def rows(request: Request) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = request.body["item"]["items"]
    return listed


def shown(made: Command, request: Request, number: str = "900", **changes: Any) -> dict[str, Any]:
    """The record that NetSuite would keep of a request: its body, numbered, with its total."""
    lines = request.body.get("item", {}).get("items", [])
    record = {
        **request.body,
        "id": number,
        "total": sum((row.get("grossAmt", Decimal(0)) for row in lines), Decimal(0)),
        "status": {"id": "B", "refName": "Pending Receipt"},
    }
    if is_transform(made):
        record["createdFrom"] = {"id": made.body["source"]["number"]}
    return record | changes


def test_an_authorisation_is_a_transform_of_the_order_with_its_reference_in_the_body() -> None:
    """A transform cannot be an upsert: the command's id goes into the body (VENDORS 6.1)."""
    made = authorisation("55")
    request = request_for(made, PLAIN)
    assert (request.form, request.source, request.number, request.type) == (
        "transform", "salesOrder", "55", "returnAuthorization",
    )  # fmt: skip
    assert request.body["externalId"] == made.id
    assert request.body["otherRefNum"] == "5001"
    assert "ret-1" in request.body["memo"]
    assert "entity" not in request.body
    assert rows(request) == [
        {
            "item": {"id": "4711", "refName": "TEE-RED-M"},
            "quantity": 1,
            "orderLine": 1,
            "custcol_order_line_id": "ol1",
            "custcol_return_reason": "1",
        }
    ]


def test_two_returned_lines_of_one_order_line_are_one_line_of_the_authorisation() -> None:
    """NetSuite keeps one return line for an order line; receipts and notes of both name it."""
    made = authorisation("55", tee(line_id="l1"), tee(line_id="l2", quantity=2))
    request = request_for(made, PLAIN)
    assert [(row["orderLine"], row["quantity"]) for row in rows(request)] == [(1, 3)]
    assert differences(made, shown(made, request), PLAIN) == ()


def test_a_standalone_authorisation_names_the_customer_and_no_order_line() -> None:
    """R14: linked by customer and original order id only; it is an upsert, so a resend cannot double."""
    made = authorisation("", tee(amount="40.00", tax="6.67", tax_code="5"), form="standalone")
    request = request_for(made, PLAIN)
    assert (request.form, request.type, request.body["entity"]) == ("upsert", "returnAuthorization", {"id": "7"})
    assert request.body["otherRefNum"] == "5001"
    assert "orderLine" not in rows(request)[0]


@pytest.mark.parametrize(
    ("currency", "amount", "tax", "net"),
    [
        ("GBP", "37.05", "6.18", "30.87"),
        ("JPY", "4999", "454", "4545"),
        ("KWD", "4.999", "0.001", "4.998"),
        ("GBP", "-2.95", "-0.49", "-2.46"),
    ],
)
def test_amounts_go_out_as_numbers_with_exactly_their_digits(currency: str, amount: str, tax: str, net: str) -> None:
    """Gross, tax and net in the currency's own digits, never through a float; a fee is negative."""
    made = note("60", tee(amount=amount, tax=tax, tax_code="5"), amount=amount, currency=currency)
    request = request_for(made, PLAIN)
    row = rows(request)[0]
    assert (row["grossAmt"], row["tax1Amt"], row["amount"]) == (Decimal(amount), Decimal(tax), Decimal(net))
    sent = orjson.dumps(request.body, default=_number)
    assert f'"grossAmt":{amount},"tax1Amt":{tax},"amount":{net}'.encode() in sent
    assert request.body["currency"] == {"refName": currency}


def test_a_note_with_a_fee_has_its_own_lines_beside_the_returned_ones() -> None:
    """R08: what is not an order line names none, and the memo's total is the refund."""
    fee = {"item": "902", "quantity": 1, "component": "fee", "amount": "-2.95", "tax": "-0.49", "tax_code": "5"}
    made = note("60", tee(amount="40.00", tax="6.67", tax_code="5"), fee, amount="37.05")
    request = request_for(made, PLAIN)
    assert "orderLine" not in rows(request)[1]
    assert request.body["custbody_refund_method"] == "customer_credit"
    record = shown(made, request)
    assert differences(made, record, PLAIN) == ()
    assert document_of(DocumentKind.CREDIT_NOTE, record, PLAIN).amount == "37.05"


def test_a_receipt_names_the_lines_as_the_authorisation_numbers_them() -> None:
    """A standalone or hand-made authorisation numbers its lines in its own way."""
    own = {"item": {"items": [
        {"line": 1, "item": {"id": "5002", "refName": "HAT-1"}, "custcol_order_line_id": "ol2"},
        {"line": 2, "item": {"id": "4711", "refName": "TEE-RED-M"}, "custcol_order_line_id": "ol1"},
    ]}}  # fmt: skip
    request = request_for(receipt("60"), PLAIN, authorisation=own)
    assert rows(request)[0]["orderLine"] == 2
    by_order = {"item": {"items": [{"line": 9, "orderLine": 1, "item": {"id": "4711"}}]}}
    assert rows(request_for(receipt("60"), PLAIN, authorisation=by_order))[0]["orderLine"] == 9
    assert rows(request_for(receipt("60"), PLAIN))[0]["orderLine"] == 1


def test_every_line_of_a_receipt_has_the_location() -> None:
    """S02, S03: NetSuite has no restock flag, so the location decides; a line without one is refused."""
    request = request_for(receipt("60", tee(), tee(order_line="2", item="5002", sku="HAT-1"), location="102"), PLAIN)
    assert [row["location"] for row in rows(request)] == [{"id": "102"}, {"id": "102"}]
    assert all(row["itemReceive"] is True for row in rows(request))


def test_an_exchange_costs_nothing_whatever_the_body_says() -> None:
    """X01: rate, amount, tax and gross are zero."""
    made = exchange("7", {"item": "TEE-RED-L", "sku": "TEE-RED-L", "quantity": 1, "amount": "40.00", "tax": "6.67"})
    row = rows(request_for(made, PLAIN))[0]
    assert [row[name] for name in ("rate", "amount", "tax1Amt", "grossAmt")] == [0, 0, 0, 0]


def test_a_movement_goes_from_one_location_to_the_other() -> None:
    """A disposition that changed moves what was received."""
    made = movement()
    request = request_for(made, PLAIN)
    assert (request.type, request.sublist) == ("inventoryTransfer", "inventory")
    assert request.body["location"] == {"id": "101"} and request.body["transferLocation"] == {"id": "102"}
    assert request.body["inventory"]["items"][0]["adjustQtyBy"] == 1
    assert differences(made, shown(made, request), PLAIN) == ()
    wrong = shown(made, request, transferLocation={"id": "109"})
    assert differences(made, wrong, PLAIN) == ("to location is 109, 102 was asked",)


def test_a_reversal_is_a_balanced_journal_that_names_its_memo() -> None:
    """R10: what the memo took off the customer's account is owed again."""
    made = reversal("900", "37.05")
    memo = {"account": {"id": "123"}, "entity": {"id": "7"}}
    request = request_for(made, PLAIN, parent=memo)
    debit, credit = request.body["line"]["items"]
    assert debit == {"account": {"id": "123"}, "debit": Decimal("37.05"), "entity": {"id": "7"}}
    assert credit == {"account": {"id": "54"}, "credit": Decimal("37.05")}
    assert request.body["custbody_reverses"] == "900"
    assert request.sublist == "line"
    assert differences(made, shown(made, request), PLAIN) == ()


def test_only_transforms_have_no_enforced_reference() -> None:
    """What may be sent twice without harm is what the dispatcher may resend at once."""
    assert is_transform(authorisation("55")) and is_transform(note("60", amount="1.00")) and is_transform(receipt("60"))
    others = (standalone_note("7", amount="1.00"), exchange("7"), movement(), reversal("9", "1.00"), closing("60"))
    assert not any(is_transform(made) for made in others)


def test_a_date_is_a_day_of_the_account() -> None:
    """Half past midnight in Madrid is the day before in UTC; the month end decides the period."""
    made = standalone_note("7", amount="5.00", date="2026-10-31T23:30:00Z")
    assert request_for(made, PLAIN).body["tranDate"] == "2026-10-31"
    madrid = AccountSettings.read({"time_zone": "Europe/Madrid"})
    assert request_for(made, madrid).body["tranDate"] == "2026-11-01"


def test_a_posting_in_the_next_period_keeps_its_original_date() -> None:
    """R22."""
    moved = request_for(standalone_note("7", amount="5.00", date="2026-10-31T12:00:00Z"), PLAIN).dated(
        date(2026, 11, 1)
    )
    assert moved.body["tranDate"] == "2026-11-01"
    assert moved.body["memo"].endswith("original date 2026-10-31")


CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"externalId": "other"}, "external id is other"),
    ({"otherRefNum": "5002"}, "original order (otherRefNum) is 5002, 5001 was asked"),
    ({"currency": {"id": "2", "refName": "USD"}}, "currency is USD, GBP was asked"),
    ({"createdFrom": {"id": "61"}}, "made from (createdFrom) is 61, 60 was asked"),
    ({"createdFrom": None}, "made from (createdFrom) is empty, 60 was asked"),
    ({"total": 41.0}, "amount is GBP 41.00, GBP 40.00 was asked"),
    ({"status": {"id": "voided", "refName": "Voided"}}, "it is void"),
]


@pytest.mark.parametrize(("changes", "sentence"), CHANGES)
def test_what_differs_in_the_header_is_said_in_words(changes: dict[str, Any], sentence: str) -> None:
    """200 or 204 is not done: the record is compared with what was asked."""
    made = note("60", tee(amount="40.00", tax="6.67", tax_code="5"), amount="40.00")
    record = shown(made, request_for(made, PLAIN), **changes)
    found = differences(made, record, PLAIN)
    assert len(found) == 1 and found[0].startswith(sentence)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"quantity": 2}, "line TEE-RED-M: quantity is 2, 1 was asked"),
        ({"grossAmt": 39.5}, "line TEE-RED-M: gross amount is 39.50, 40.00 was asked"),
        ({"tax1Amt": 6.66}, "line TEE-RED-M: tax is 6.66, 6.67 was asked"),
        ({"item": {"id": "1", "refName": "OTHER"}}, "line TEE-RED-M is missing"),
    ],
)
def test_what_differs_in_a_line_is_said_in_words(changes: dict[str, Any], sentence: str) -> None:
    """Item, quantity, gross and tax of each line."""
    made = note("60", tee(amount="40.00", tax="6.67", tax_code="5"), amount="40.00")
    request = request_for(made, PLAIN)
    record = shown(made, request, item={"items": [{**rows(request)[0], **changes}]})
    assert sentence in differences(made, record, PLAIN)


def test_a_line_nobody_asked_for_is_told_but_a_kits_members_are_not() -> None:
    """Forgetting replace=item returns every line of the order; a kit always brings its members."""
    made = authorisation("55")
    request = request_for(made, PLAIN)
    hat = {"item": {"id": "5002", "refName": "HAT-1"}, "quantity": 1}
    record = shown(made, request, item={"items": [*rows(request), hat]})
    assert differences(made, record, PLAIN) == ("line HAT-1 was not asked for",)
    member = shown(made, request, item={"items": [*rows(request), {**hat, "kitMemberOf": 1}]})
    assert differences(made, member, PLAIN) == ()


def test_the_location_of_a_receipt_is_part_of_the_proof() -> None:
    """Goods in another place than asked are a mismatch."""
    made = receipt("60")
    request = request_for(made, PLAIN)
    record = shown(made, request, item={"items": [{**rows(request)[0], "location": {"id": "102"}}]})
    assert differences(made, record, PLAIN) == ("line TEE-RED-M: location is 102, 101 was asked",)


def test_a_currency_may_be_named_by_the_accounts_own_number() -> None:
    """The reference's name need not be the ISO code; the profile then says the numbers."""
    settings = AccountSettings.read({"currencies": {"GBP": "4"}})
    made = note("60", tee(amount="40.00"), amount="40.00")
    request = request_for(made, settings)
    assert request.body["currency"] == {"id": "4", "refName": "GBP"}
    record = shown(made, request, currency={"id": "4", "refName": "British pound"})
    assert differences(made, record, settings) == ()
    assert document_of(DocumentKind.CREDIT_NOTE, record, settings).currency == "GBP"


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("4999.0", "JPY", "4999"),
        ("4.9", "KWD", "4.900"),
        ("37.05", "GBP", "37.05"),
        ("40.000000000000004", "GBP", "40.00"),
        ("54.949999999999996", "GBP", "54.95"),
        ("13.3333", "GBP", "13.33"),
        ("0.005", "GBP", "0.01"),
        ("-0.005", "GBP", "-0.01"),
        ("-0.004", "GBP", "0.00"),
        ("4999.5", "JPY", "5000"),
        ("0.00005", "CLF", "0.0001"),
        ("37.05", "no such", "37.05"),
        ("37", "no such", "37"),
        ("1E+2", "no such", "100"),
        ("40.000000000000004", "no such", "40.0000"),
    ],
)
def test_amounts_are_shown_in_the_currencys_digits_rounded_half_up(amount: str, currency: str, text: str) -> None:
    """C14: vendors show more digits than a currency has, by division or by floats; halves go away from zero."""
    assert money_text(Decimal(amount), currency) == text


MEMO: dict[str, Any] = {
    "id": "900",
    "externalId": "x",
    "otherRefNum": "5001",
    "currency": {"refName": "GBP"},
    "total": 40.0,
    "apply": {"items": [{"apply": True, "doc": {"id": "77"}, "amount": 30.0}, {"apply": False, "doc": {"id": "78"}}]},
}


def test_an_application_is_read_from_the_memos_apply_list() -> None:
    """It has no number or external id of its own: both are the memo's."""
    found = application_of(application("900", ("77", "30.00")), MEMO, PLAIN)
    assert found is not None
    assert (found.number, found.external_ref, found.amount, found.differences) == ("900", "x", "30.00", ())
    assert application_of(application("900", ("78", "30.00")), MEMO, PLAIN) is None
    wrong = application_of(application("900", ("77", "40.00")), MEMO, PLAIN)
    assert wrong is not None and wrong.differences == ("30.00 is applied to invoice 77, 40.00 was asked",)


TWICE: dict[str, Any] = {
    **MEMO,
    "apply": {"items": [{"apply": True, "doc": {"id": number}, "amount": 15.0} for number in ("78", "77")]},
}


def test_an_application_to_several_invoices_is_one_patch_and_one_proof() -> None:
    """Each invoice with its own amount; the document has the sum, and what is missing or otherwise is told."""
    asked = application("900", ("77", "15.00"), ("78", "15.00"))
    request = request_for(asked, PLAIN)
    rows = [(row["doc"]["id"], str(row["amount"])) for row in request.body["apply"]["items"]]
    assert (request.form, request.number, rows) == ("patch", "900", [("77", "15.00"), ("78", "15.00")])
    found = application_of(asked, TWICE, PLAIN)
    assert found is not None and (found.amount, found.differences) == ("30.00", ())
    assert [line["invoice"] for line in found.lines] == ["77", "78"]
    half = application_of(asked, MEMO, PLAIN)
    assert half is not None and half.differences == (
        "30.00 is applied to invoice 77, 15.00 was asked",
        "nothing is applied to invoice 78, 15.00 was asked",
    )


def test_an_application_asked_for_by_an_earlier_version_is_sent_and_proved() -> None:
    """A command that was begun before an upgrade keeps its body: it names one invoice."""
    new = application("900", ("77", "30.00"))
    old = command(DocumentKind.CREDIT_APPLICATION, {**new.body, "invoice": "77"}, "rf1")
    del old.body["invoices"], old.body["stays_open"]
    assert request_for(old, PLAIN).body == request_for(new, PLAIN).body
    found = application_of(old, MEMO, PLAIN)
    assert found is not None and found.differences == ()


def test_a_closing_is_read_from_the_authorisations_status() -> None:
    """By the header's status, or by every line."""
    open_ = {"id": "60", "status": {"id": "B", "refName": "Pending Receipt"}, "item": {"items": [{"isClosed": False}]}}
    assert closing_of(open_, PLAIN) is None
    assert closing_of({**open_, "status": {"id": "H", "refName": "Closed"}}, PLAIN) is not None
    assert closing_of({**open_, "item": {"items": [{"isClosed": True}]}}, PLAIN) is not None


@pytest.mark.parametrize(
    ("changes", "adopted"),
    [
        ({}, True),
        ({"externalId": "someone"}, False),
        ({"otherRefNum": "5002"}, False),
        ({"total": 40.01}, False),
        ({"currency": {"refName": "EUR"}}, False),
        ({"tranDate": "2026-11-19"}, False),
        ({"status": {"refName": "Voided"}}, False),
    ],
)
def test_a_hand_made_note_is_adopted_by_order_currency_amount_and_date(changes: dict[str, Any], adopted: bool) -> None:
    """L01."""
    wanted = note("60", tee(amount="40.00"), amount="40.00")
    made = command(wanted.kind, dict(wanted.body), adopt_since="2026-11-20T00:00:00Z")
    record = {"id": "1", "otherRefNum": "5001", "total": 40.0, "currency": {"refName": "GBP"}, "tranDate": "2026-11-20"}
    assert may_be_adopted(made, record | changes, PLAIN) is adopted


def test_a_hand_made_receipt_is_adopted_by_sku_and_quantity() -> None:
    """L01: goods have no amount."""
    made = command(DocumentKind.ITEM_RECEIPT, dict(receipt("60").body), adopt_since="2026-11-20T00:00:00Z")
    row = {"item": {"id": "4711"}, "quantity": 1, "location": {"id": "101"}}
    record = {"id": "1", "otherRefNum": "5001", "tranDate": "2026-11-21", "item": {"items": [row]}}
    assert may_be_adopted(made, record, PLAIN)
    assert not may_be_adopted(made, {**record, "item": {"items": [{**row, "quantity": 2}]}}, PLAIN)


def test_a_free_order_beside_the_sold_one_is_an_exchange() -> None:
    """Both carry the original order id."""
    sold, free = {"id": "1", "total": 40.0}, {"id": "2", "total": 0.0}
    assert originals([sold, free]) == [sold]
    assert originals([free]) == [free]
    assert originals([]) == []


@pytest.mark.parametrize(
    ("status", "name"),
    [
        ({"id": "B", "refName": "Pending Fulfillment"}, "pending"),
        ({"id": "E", "refName": "Pending Billing/Partially Fulfilled"}, "fulfilled"),
        ({"id": "pendingBilling", "refName": "Pending Billing"}, "fulfilled"),
        ({"id": "G", "refName": "Billed"}, "fulfilled"),
        ({"id": "H", "refName": "Closed"}, "closed"),
        ({"id": "Z", "refName": "Under Water"}, "under water"),
    ],
)
def test_an_orders_status_is_one_of_few_words_or_its_own(status: dict[str, str], name: str) -> None:
    """An unknown value is carried, not guessed."""
    assert status_name({"status": status}) == name


@pytest.mark.parametrize(
    ("letters", "names", "word"),
    [
        ("AB", ("Pending Approval", "Pending Fulfillment"), "pending"),
        (
            "DEFG",
            ("Partially Fulfilled", "Pending Billing/Partially Fulfilled", "Pending Billing", "Billed"),
            "fulfilled",
        ),
        ("CH", ("Cancelled", "Closed"), "closed"),
    ],
)
def test_every_status_that_netsuite_lists_is_known_by_its_letter_and_by_its_name(
    letters: str, names: tuple[str, ...], word: str
) -> None:
    """Accounts show the letter, the name, or both; `orderStatus` goes before `status`."""
    for letter in letters:
        assert status_name({"status": {"id": letter}}) == word
        assert status_name({"orderStatus": letter, "status": {"id": "Z"}}) == word
    for name in names:
        assert status_name({"status": {"id": name.title().replace(" ", ""), "refName": name}}) == word
        assert status_name({"status": name.upper()}) == word


def test_lines_of_one_order_line_are_authorised_as_one() -> None:
    """NetSuite keeps one return line for it: units, amounts and taxes are added up."""
    half = tee(quantity=1, amount="40.00", tax="6.67")
    hat = tee(item="5002", sku="HAT-1", order_line="2", order_line_id="ol2", amount="10.00", tax="1.67")
    body = [(row["quantity"], row["grossAmt"], row["tax1Amt"]) for row in rows(request_for(authorisation(
        "55", half, hat, {**half, "quantity": 2, "amount": "79.99", "tax": "13.33"}), PLAIN))]  # fmt: skip
    assert body == [(3, Decimal("119.99"), Decimal("20.00")), (1, Decimal("10.00"), Decimal("1.67"))]
    bare = {name: value for name, value in half.items() if name not in ("amount", "tax")}
    (row,) = rows(request_for(authorisation("55", half, bare), PLAIN))
    assert (row["quantity"], row["grossAmt"], row["tax1Amt"]) == (2, Decimal("40.00"), Decimal("6.67"))
    (row,) = rows(request_for(authorisation("55", bare, half), PLAIN))
    assert (row["quantity"], "grossAmt" in row) == (2, False)


def test_a_closing_closes_the_header_and_every_line_that_is_read() -> None:
    """R13: which of the two the service honours was not read; a line without a number cannot be named."""
    lines = [{"line": 3, "quantity": 1}, {"quantity": 1}, {"line": 5}]
    read = request_for(closing("60"), PLAIN, parent={"id": "60", "item": {"items": lines}})
    assert (read.form, read.type, read.number) == ("patch", "returnAuthorization", "60")
    assert read.body == {
        "orderStatus": {"id": "H"},
        "item": {"items": [{"line": 3, "isClosed": True}, {"line": 5, "isClosed": True}]},
    }
    for parent in (None, {"id": "60"}, {"id": "60", "item": {"items": []}}):
        assert request_for(closing("60"), PLAIN, parent=parent).body == {"orderStatus": {"id": "H"}}


def test_an_order_is_answered_with_its_bundles_as_they_were_sold() -> None:
    """S05: a kit's members are its components; what was sold alone stays a line."""
    order = {
        "id": "55", "currency": {"refName": "JPY"}, "entity": {"id": "7"}, "shippingCost": 500.0,
        "status": {"id": "F"},
        "item": {"items": [
            {"line": 1, "item": {"id": "10", "refName": "Sets : SET"}, "quantity": 3, "quantityFulfilled": 2,
             "grossAmt": 10000.0, "tax1Amt": 909.0, "taxCode": {"id": "5"}, "custcol_order_line_id": "ol1"},
            {"line": 2, "item": {"id": "11", "refName": "CUP"}, "quantity": 6, "quantityPerKit": 2, "grossAmt": 0,
             "kitMemberOf": 1, "custcol_list_price": "1200"},
        ]},
    }  # fmt: skip
    answer = order_answer(
        "2026-11-27T09:30:00Z", order, customer={"isInactive": True},
        items={"11": {"itemid": "CUP", "isinactive": "T"}},
        authorisations=[], invoices=[], settings=PLAIN,
    )  # fmt: skip
    assert (answer["total"], answer["shipping"], answer["customer"]) == (
        "10500",
        "500",
        {"number": "7", "active": False},
    )
    (line,) = answer["lines"]
    assert (line["sku"], line["unit_price"], line["amount"], line["fulfilled"]) == ("SET", "3333", "10000", 2)
    part = {"sku": "CUP", "item": "11", "quantity": 2, "order_line": "2", "list_price": "1200"}
    assert line["components"] == [part]


@pytest.mark.parametrize(
    ("member", "units"),
    [
        ({"quantityPerKit": 2, "quantity": 99}, 2),
        ({"quantityPerKit": "4"}, 4),
        ({"quantity": 9}, 3),
        ({"quantityPerKit": None, "quantity": 6.0}, 2),
        ({}, 0),
    ],
)
def test_a_parts_units_are_told_for_one_kit(member: dict[str, Any], units: int) -> None:
    """S05: by the definition that the order keeps, else by what it sent for all of its kits."""
    kit = {"line": 1, "item": {"id": "10", "refName": "SET"}, "quantity": 3, "grossAmt": 60}
    part = {"line": 2, "item": {"id": "11", "refName": "Cups : CUP"}, "kitMemberOf": 1, **member}
    order = {"id": "55", "currency": {"refName": "GBP"}, "item": {"items": [kit, part]}}
    (line,) = order_answer("t", order, customer=None, items={}, authorisations=[], invoices=[], settings=PLAIN)["lines"]
    assert line["components"] == [{"sku": "CUP", "item": "11", "quantity": units, "order_line": "2"}]


def test_an_order_is_answered_in_full() -> None:
    """Each word of the answer, with its time; what the record does not show is empty, never made up."""
    row = {"line": 3, "item": {"id": "10", "refName": "TEE"}, "quantity": 2, "grossAmt": 40}
    order = {"id": 55, "otherRefNum": "5001", "total": 40, "item": {"items": [row]}, "status": "Billed",
             "currency": {"id": "GBP"}}  # fmt: skip
    answer = order_answer("now", order, customer={}, items={}, authorisations=[], invoices=[], settings=PLAIN)
    assert {name: answer[name] for name in ("at", "found", "number", "status", "currency", "customer", "total")} == {  # type: ignore[literal-required]
        "at": "now",
        "found": 1,
        "number": "55",
        "status": "fulfilled",
        "currency": "GBP",
        "customer": {"number": "", "active": True},
        "total": "40.00",
    }
    (line,) = answer["lines"]
    assert {name: line[name] for name in line if name != "kind"} == {  # type: ignore[literal-required]
        "order_line": "3",
        "order_line_id": "",
        "sku": "TEE",
        "item": "10",
        "quantity": 2,
        "fulfilled": 0,
        "unit_price": "20.00",
        "amount": "40.00",
        "tax": "0.00",
        "tax_code": "",
        "components": [],
        "active": True,
    }
    assert (answer["returns"], answer["invoices"]) == ([], [])


@pytest.mark.parametrize(
    ("currency", "gross", "quantity", "price"),
    [
        ("GBP", 40, 3, "13.33"),
        ("JPY", 1000, 3, "333"),
        ("KWD", 10, 3, "3.333"),
        ("Pound", 40, 3, "13.33"),
        ("GBP", 0.05, 2, "0.03"),
        ("GBP", 40, 0, "0.00"),
        ("GBP", None, 2, "0.00"),
    ],
)
def test_a_unit_price_is_the_gross_shared_out(currency: str, gross: Any, quantity: int, price: str) -> None:
    """Rounded half up to the currency's digits, two where it is not known; what is not shown is nothing."""
    row = {"line": 1, "item": {"id": "10", "refName": "TEE"}, "quantity": quantity, "grossAmt": gross}
    order = {"id": "55", "currency": {"refName": currency}, "total": 40, "item": {"items": [row, {**row, "line": 2}]}}
    lines = order_answer("t", order, customer=None, items={}, authorisations=[], invoices=[], settings=PLAIN)["lines"]
    assert {line["unit_price"] for line in lines} <= {price} and (lines or not quantity or not gross)


def test_an_invoice_is_answered_with_its_time() -> None:
    """What is open on it, in its currency."""
    invoices = [{"id": 77, "currency": {"refName": "GBP"}, "amountRemaining": 54.949999999999996}]
    answer = invoice_answer("now", invoices, PLAIN)
    assert answer["at"] == "now"
    (invoice,) = answer["invoices"]
    assert (invoice["number"], invoice["open"], invoice["currency"]) == ("77", "54.95", "GBP")


def test_an_earlier_return_that_was_closed_holds_only_what_came_in() -> None:
    """R02: units that never came back may be returned again."""
    order = {"id": "55", "item": {"items": [{"line": 1, "item": {"id": "4711"}, "grossAmt": 40.0, "quantity": 2}]}}
    row = {"line": 1, "item": {"id": "4711", "refName": "TEE"}, "quantity": 2, "quantityReceived": 0}
    closed = {"id": "60", "status": {"id": "H", "refName": "Closed"}, "item": {"items": [row]}}
    part = {**closed, "id": "61", "item": {"items": [{**row, "quantityReceived": 1}]}}
    open_ = {**closed, "id": "62", "status": {"id": "B", "refName": "Pending Receipt"}, "externalId": "mine"}
    answer = order_answer(
        "t", order, customer=None, items={}, authorisations=[closed, part, open_], invoices=[], settings=PLAIN
    )
    units = {"order_line": "1", "sku": "TEE"}
    assert answer["returns"] == [
        {"number": "60", "external_ref": "", "status": "closed", "lines": []},
        {"number": "61", "external_ref": "", "status": "closed after receipt", "lines": [{**units, "quantity": 1}]},
        {"number": "62", "external_ref": "mine", "status": "pending receipt", "lines": [{**units, "quantity": 2}]},
    ]


def test_secrets_are_in_no_repr() -> None:
    """G03."""
    credentials = Credentials("TSTDRV1", "key-1", "secret-2", "token-3", "secret-4")
    wire = HttpWire(credentials)
    text = repr(credentials) + repr(wire) + repr(Client("https://example.com", wire))
    assert text.count("TSTDRV1") == 3 and "https://example.com" in text
    assert not any(word in text for word in ("key-1", "secret-2", "token-3", "secret-4"))
