"""Trouble that people have reported in public with NetSuite's REST interface, made again small.

Each row names where it was told. The words and codes are NetSuite's; what must come of them is ours.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.netsuite.adapter import NetSuite
from adapters.netsuite.client import Client
from adapters.netsuite.errors import CLOSED_PERIOD, classify, is_absence
from adapters.netsuite.wire import Answer
from streams.adapter import InDoubt, Limits, Refused, SignInRefused, Throttled, Unavailable, VendorError
from streams.vocabulary import DocumentKind, ErrorKind, Owner
from tests.scenarios.messages import order
from tests.unit.netsuite_commands import authorisation, command
from tests.unit.simulated_netsuite import Account, Call, Freely

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)


def problem(status: int, *details: dict[str, str]) -> str:
    kind = "https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html#sec10.4.1"
    return json.dumps({"type": kind, "title": "Bad Request", "status": status, "o:errorDetails": list(details)})


def told(status: int, body: str, *, write: bool = True) -> VendorError:
    return classify(status, {}, body, write=write, now=NOW, what="PUT creditMemo")


def refused(status: int, *details: dict[str, str]) -> tuple[ErrorKind, Owner | None, str]:
    error = told(status, problem(status, *details))
    assert isinstance(error, Refused), error
    return error.kind, error.owner, error.type


def test_an_item_that_is_not_in_the_account() -> None:
    """NetSuite's help, section_156570709583, "Request with an Invalid Body"."""
    detail = (
        "Error while accessing resource: You have entered an Invalid Field Value 9999 for the following field: item"
    )
    shown = {"detail": detail, "o:errorCode": "INVALID_CONTENT", "o:errorPath": "item.items[0].item"}
    assert refused(400, shown) == (ErrorKind.UNMAPPED, Owner.ECOMMERCE, "")


@pytest.mark.parametrize(
    ("field", "kind", "owner"),
    [
        ("item", ErrorKind.UNMAPPED, Owner.ECOMMERCE),
        ("location", ErrorKind.UNMAPPED, Owner.WAREHOUSE),
        ("taxcode", ErrorKind.UNMAPPED, Owner.FINANCE),
        ("custbody_region", ErrorKind.REFUSED, None),
    ],
)
def test_the_same_without_a_path(field: str, kind: ErrorKind, owner: Owner | None) -> None:
    """A public connector's notes on an item of another subsidiary: the field stands in the sentence alone."""
    detail = "Error while accessing a resource. You have entered an Invalid Field Value 18099 for the following field: "
    detail += f"{field}."
    assert refused(400, {"detail": detail, "o:errorCode": "USER_ERROR"}) == (kind, owner, "")


def test_a_field_that_is_wanted() -> None:
    """ehmad11/netsuite-rest, issue 26."""
    detail = "Error while accessing a resource. Please enter value(s) for: First Name, Last Name."
    assert refused(400, {"detail": detail, "o:errorCode": "USER_ERROR"})[0] is ErrorKind.INVALID


def test_a_retry_that_meets_what_the_first_try_made() -> None:
    """Seen live by two public clients: the refusal proves that the first one was applied."""
    detail = "Error while accessing a resource. This entity already exists."
    assert refused(400, {"detail": detail, "o:errorCode": "USER_ERROR"})[0] is ErrorKind.DUPLICATE


def test_a_record_that_a_workflow_holds() -> None:
    """A public client's fixture: it is refused for good; neither a collision nor a closed period."""
    detail = "Error while accessing a resource. This record has been locked by a user defined workflow."
    assert refused(400, {"detail": detail, "o:errorCode": "USER_ERROR"}) == (ErrorKind.REFUSED, None, "")


def test_a_date_outside_the_accounting_period() -> None:
    """Two expense tools' help pages and tests."""
    detail = "The transaction date you specified is not within the date range of your accounting period."
    assert refused(400, {"detail": detail, "o:errorCode": "USER_ERROR"}) == (ErrorKind.CLOSED, None, CLOSED_PERIOD)


def test_a_record_that_is_not_there() -> None:
    """julbrs/netsuite-api-client's own test, and NetSuite's help."""
    detail = "The record instance does not exist. Provide a valid record instance ID."
    assert is_absence(404, problem(404, {"detail": detail, "o:errorCode": "NONEXISTENT_ID"}))


def test_a_number_of_another_kind_of_transaction_is_no_absence() -> None:
    """A public client's test log: GET of a transaction by a number of another type answers 400."""
    detail = "Error while accessing a resource. Transaction type specified is incorrect."
    body = problem(400, {"detail": detail, "o:errorCode": "USER_ERROR"})
    assert not is_absence(400, body)
    assert isinstance(told(400, body, write=False), Refused)


@pytest.mark.parametrize("status", [400, 429])
@pytest.mark.parametrize("code", [{"o:errorCode": "CONCURRENCY_LIMIT_EXCEEDED"}, {"o:errorCode": "USER_ERROR"}, {}])
def test_too_many_at_once(status: int, code: dict[str, str]) -> None:
    """oracle/netsuite-suitecloud-sdk, issues 227 and 908; some clients saw 400, some no code."""
    detail = "Concurrent request limit exceeded. Request blocked."
    assert type(told(status, problem(status, {"detail": detail, **code}))) is Throttled


def test_a_sign_in_that_fails_under_load_dead_letters_nothing() -> None:
    """julbrs/netsuite-api-client, issue 26: past the limit, some accounts answer "Invalid login attempt"."""
    detail = (
        "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI at Setup > Users/Roles "
        "> User Management > View Login Audit Trail."
    )
    assert type(told(401, problem(401, {"detail": detail, "o:errorCode": "INVALID_LOGIN"}))) is SignInRefused
    assert type(told(400, problem(400, {"detail": detail, "o:errorCode": "USER_ERROR"}))) is SignInRefused


def test_an_account_that_is_locked_after_failed_sign_ins() -> None:
    """CrossLead/netsuite-js, issue 2: told as a USER_ERROR."""
    detail = "Your account is disabled for 23 more minutes due to 6 consecutive failed login attempts."
    assert type(told(403, problem(403, {"detail": detail, "o:errorCode": "USER_ERROR"}))) is SignInRefused


@pytest.mark.parametrize(
    "detail",
    [
        "The account you are trying to access is currently unavailable while we undergo our regularly scheduled "
        "maintenance.",
        "An unexpected error occurred. Error ID: kj7x1z",
        "An unexpected error has occurred.",
        "java.util.ConcurrentModificationException",
    ],
)
def test_a_broken_server_that_answers_as_if_it_was_our_fault(detail: str) -> None:
    """A public Ruby client's list of messages after which it tries again; NetSweet/netsuite, pull request 323."""
    body = problem(400, {"detail": detail, "o:errorCode": "USER_ERROR"})
    assert type(told(400, body)) is InDoubt
    assert type(told(400, body, write=False)) is Unavailable


@pytest.mark.parametrize("status", [200, 400, 404, 503])
async def test_a_page_of_html_where_json_was_asked_for(status: int) -> None:
    """NetSweet/netsuite, pull request 403; suiteplus/nscabinet, issue 20: a server that was down answered a page."""
    account = Account(order("5001"))
    adapter, calls = NetSuite(Client("https://example.com", account), Limits()), Freely()
    number = (await adapter.answer(command(DocumentKind.ORDER_SNAPSHOT, {"order_id": "5001"}), calls))["number"]
    wanted = authorisation(number)
    await adapter.create(wanted, calls)

    def page(call: Call, honest: Any) -> Answer:
        return Answer(status, {"Content-Type": "text/html"}, "<!doctype html><title>We'll be back soon</title>")

    account.twist = page
    with pytest.raises(Unavailable):
        await adapter.look_up(wanted, calls)
    with pytest.raises(Unavailable):
        await adapter.answer(command(DocumentKind.ORDER_SNAPSHOT, {"order_id": "5001"}), calls)
    with pytest.raises(InDoubt):
        await adapter.create(authorisation(number, subject="ret-2"), calls)
    assert len(account.entries("return_authorisation")) == 1


def test_a_record_saved_by_somebody_else_meanwhile() -> None:
    """Many public scripts try again on these two codes, and on no others."""
    for code in ("RCRD_HAS_BEEN_CHANGED", "CUSTOM_RECORD_COLLISION"):
        body = problem(400, {"detail": "Record has been changed", "o:errorCode": code})
        assert type(told(400, body)) is Unavailable
