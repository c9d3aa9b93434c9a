"""What NetSuite's answers mean, by table."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from adapters.netsuite.errors import CLOSED_PERIOD, classify, read_details
from streams.adapter import InDoubt, Refused, SignInRefused, Throttled, Unavailable, VendorError
from streams.vocabulary import ErrorKind, Owner

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)


def problem(code: str, detail: str, path: str = "") -> str:
    return json.dumps({"o:errorDetails": [{"detail": detail, "o:errorCode": code, "o:errorPath": path}]})


def told(status: int, body: str = "", *, write: bool = True, **headers: str) -> VendorError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return classify(status, named, body, write=write, now=NOW, what="PUT creditMemo")


@pytest.mark.parametrize(
    ("code", "detail", "path", "kind"),
    [
        ("USER_ERROR", "The posting period Oct 2026 is closed.", "postingPeriod", ErrorKind.CLOSED),
        ("INVALID_INITIALIZE_REF", "The salesOrder #5001 is Closed.", "", ErrorKind.CLOSED),
        ("USER_ERROR", "The invoice INV-1 is paid in full: nothing is due.", "apply.items[0].amount", ErrorKind.CLOSED),
        ("INVALID_KEY_OR_REF", "Invalid item reference key 9.", "item.items[0].item", ErrorKind.UNMAPPED),
        ("INVALID_KEY_OR_REF", "Invalid taxCode reference key 9.", "item.items[0].taxCode", ErrorKind.UNMAPPED),
        ("INVALID_KEY_OR_REF", "Invalid location reference key 9.", "item.items[0].location", ErrorKind.UNMAPPED),
        ("INVALID_KEY_OR_REF", "Invalid entity reference key 9.", "entity", ErrorKind.INVALID),
        ("INVALID_KEY_OR_REF", "Invalid entity reference key 9 (inactive).", "entity", ErrorKind.REFUSED),
        ("INVALID_KEY_OR_REF", "Invalid item reference key 9 (inactive).", "item.items[0].item", ErrorKind.REFUSED),
        ("INVALID_KEY_OR_REF", "Invalid doc reference key 9.", "apply.items[0].doc", ErrorKind.NOT_FOUND),
        ("USER_ERROR", "The quantity 2 of line 1 is more than remains (1).", "item.items[0]", ErrorKind.MISMATCH),
        ("USER_ERROR", "The amount is more than is due on the invoice (9).", "apply", ErrorKind.MISMATCH),
        ("USER_ERROR", "More is applied than the credit memo holds.", "apply", ErrorKind.MISMATCH),
        ("DUP_RCRD", "A creditMemo with externalId x exists already.", "externalId", ErrorKind.DUPLICATE),
        ("USER_ERROR", "This record already exists", "", ErrorKind.DUPLICATE),
        ("USER_ERROR", "Please enter value(s) for: Tax Code", "item.items[0].taxCode", ErrorKind.UNMAPPED),
        ("USER_ERROR", "Please enter value(s) for: Name", "lastName", ErrorKind.INVALID),
        ("INVALID_CONTENT", "tranDate is a date as 2026-11-27.", "tranDate", ErrorKind.INVALID),
        ("INSUFFICIENT_PERMISSION", "You need the permission Credit Memo.", "", ErrorKind.AUTH),
        ("USER_ERROR", "Computer says no.", "", ErrorKind.REFUSED),
    ],
)  # fmt: skip
def test_a_user_error_becomes_a_refusal_of_its_kind(code: str, detail: str, path: str, kind: ErrorKind) -> None:
    """Code, path and sentence together say which team can mend it."""
    error = told(400, problem(code, detail, path))
    assert isinstance(error, Refused)
    assert (error.kind, error.code) == (kind, code)
    assert detail in error.message


def test_only_a_closed_period_may_be_answered_with_another_date() -> None:
    """A closed order is closed too, but no other date opens it."""
    period = told(400, problem("USER_ERROR", "The posting period Oct 2026 is closed."))
    order = told(400, problem("INVALID_INITIALIZE_REF", "The salesOrder #5001 is Closed."))
    assert isinstance(period, Refused) and isinstance(order, Refused)
    assert (period.type, order.type) == (CLOSED_PERIOD, "")


def test_an_inactive_customer_is_for_cx_and_an_inactive_item_for_ecommerce() -> None:
    """The owner is the team that can mend it, where the kind alone does not tell."""
    customer = told(400, problem("INVALID_KEY_OR_REF", "Invalid entity reference key 9 (inactive).", "entity"))
    item = told(400, problem("INVALID_KEY_OR_REF", "Invalid item reference key 9 (inactive).", "item.items[0].item"))
    assert isinstance(customer, Refused) and isinstance(item, Refused)
    assert (customer.owner, item.owner) == (Owner.CX, Owner.ECOMMERCE)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "CONCURRENCY_LIMIT_EXCEEDED"),
        (400, "SSS_REQUEST_LIMIT_EXCEEDED"),
        (400, "WS_CONCUR_SESSION_DISALLWD"),
        (500, "WS_REQUEST_BLOCKED"),
    ],
)
def test_a_concurrency_fault_is_throttling_whatever_its_status(status: int, code: str) -> None:
    """RESTlets and SOAP answer 400 or 500 for what REST calls 429; none of them was applied."""
    error = told(status, problem(code, "Request limit exceeded."))
    assert isinstance(error, Throttled)
    assert error.retry_after.seconds is None


def test_a_retry_after_is_read_where_one_is_sent() -> None:
    """NetSuite documents none, but what stands in front of it may send one."""
    error = told(429, "", Retry_After="7")
    assert isinstance(error, Throttled)
    assert error.retry_after.seconds == 7.0


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_broken_server_leaves_a_write_in_doubt_and_a_read_unavailable(status: int) -> None:
    """Nobody knows how far a write came; a read may simply be asked again."""
    assert isinstance(told(status), InDoubt)
    assert isinstance(told(status, write=False), Unavailable)


def test_a_refused_sign_in_is_not_a_refusal_of_the_command() -> None:
    """The account waits; nothing is dead-lettered for it."""
    assert isinstance(told(401, problem("INVALID_LOGIN_ATTEMPT", "Invalid login attempt.")), SignInRefused)


def test_a_nonce_that_was_used_is_no_bad_credential() -> None:
    """Somebody on the way sent the request twice: the first may have been carried out."""
    header = 'OAuth realm="TSTDRV1", error="nonce_used", error_description="Nonce already used"'
    assert isinstance(told(401, WWW_Authenticate=header), InDoubt)
    assert isinstance(told(401, write=False, WWW_Authenticate=header), Unavailable)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, ErrorKind.INVALID),
        (403, ErrorKind.AUTH),
        (404, ErrorKind.NOT_FOUND),
        (413, ErrorKind.TOO_LARGE),
        (418, ErrorKind.REFUSED),
    ],
)
def test_a_status_without_an_error_body_still_has_a_kind(status: int, kind: ErrorKind) -> None:
    """A proxy in front answers in its own way."""
    error = told(status, "<html>nothing to see</html>")
    assert isinstance(error, Refused)
    assert error.kind is kind


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "answered 400 without a body"),
        ("<html><h1>Bad  gateway</h1></html>", "answered 400: Bad gateway"),
        ("[1, 2]", "answered 400: [1, 2]"),
        ('{"title": "Bad Request"}', "Bad Request"),
        ('{"error": {"code": "UNEXPECTED", "message": "Oh no"}}', "Oh no"),
        ('{"o:errorDetails": "not a list", "title": "Odd"}', "Odd"),
        ('{"o:errorDetails": [7], "title": "Odd"}', "Odd"),
        ("[" * 100_000, "answered 400: [[["),
    ],
)
def test_any_body_gives_a_sentence(body: str, sentence: str) -> None:
    """Not JSON, another JSON, no body: a person still reads what happened."""
    assert read_details(400, body)[0].text.startswith(sentence)
    assert str(told(400, body)).startswith(f"PUT creditMemo: {sentence}")


def test_a_sentence_is_short_and_holds_no_address() -> None:
    """Vendors repeat what they were sent; reports and logs must not carry a shopper's e-mail."""
    text = str(told(400, problem("USER_ERROR", "Bad value anna.b@example.com " + "x" * 2_000)))
    assert "example.com" not in text
    assert "[e-mail]" in text
    assert len(text) < 400
