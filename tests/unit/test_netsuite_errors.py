"""What NetSuite's answers mean, by table."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest

from adapters.netsuite.errors import CLOSED_PERIOD, ErrorDetail, classify, is_absence, read_details
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


RULES: list[tuple[str, str, str, ErrorKind, Owner | None]] = [
    ("DUP_ITEM", "no", "", ErrorKind.DUPLICATE, None),
    ("UNIQUE_CUST_ID_REQD", "no", "", ErrorKind.DUPLICATE, None),
    ("USER_ERROR", "A duplicate external id.", "", ErrorKind.DUPLICATE, None),
    ("USER_ERROR", "There is a duplicate record.", "", ErrorKind.DUPLICATE, None),
    ("USER_ERROR", "This number has already been used.", "", ErrorKind.DUPLICATE, None),
    ("USER_ERROR", "It has already been created.", "", ErrorKind.DUPLICATE, None),
    ("PERIOD_CLOSED", "no", "", ErrorKind.CLOSED, None),
    ("ACCTNG_PERIOD_LOCKED", "no", "", ErrorKind.CLOSED, None),
    ("CLOSED_PERIOD_ERROR", "no", "", ErrorKind.CLOSED, None),
    ("USER_ERROR", "A locked period.", "", ErrorKind.CLOSED, None),
    ("USER_ERROR", "not within the date range of an accounting period", "", ErrorKind.CLOSED, None),
    ("USER_ERROR", "The record is inactive.", "customer", ErrorKind.REFUSED, Owner.CX),
    ("USER_ERROR", "The record is inactive.", "item", ErrorKind.REFUSED, Owner.ECOMMERCE),
    ("USER_ERROR", "Nothing is due.", "", ErrorKind.CLOSED, None),
    ("USER_ERROR", "It is paid in full.", "", ErrorKind.CLOSED, None),
    ("USER_ERROR", "The amount exceeds what is due.", "", ErrorKind.MISMATCH, None),
    ("USER_ERROR", "This is larger than remains.", "", ErrorKind.MISMATCH, None),
    ("USER_ERROR", "Quantity is greater than allowed.", "", ErrorKind.MISMATCH, None),
    ("USER_ERROR", "There is no line left.", "", ErrorKind.MISMATCH, None),
    ("USER_ERROR", "An over-return.", "", ErrorKind.MISMATCH, None),
    ("USER_ERROR", "The lines are closed.", "", ErrorKind.CLOSED, None),
    ("USER_ERROR", "It has been closed.", "", ErrorKind.CLOSED, None),
    ("USER_ERROR", "A closed transaction.", "", ErrorKind.CLOSED, None),
    ("USER_ERROR", "A closed record.", "", ErrorKind.CLOSED, None),
    ("INVALID_RCRD_REF", "no", "item.items[0].item.id", ErrorKind.UNMAPPED, Owner.ECOMMERCE),
    ("INVALID_ITEM", "no", "item.items[0].item", ErrorKind.UNMAPPED, Owner.ECOMMERCE),
    ("INVALID_CONTENT", "no", "item.items[0].taxCode", ErrorKind.UNMAPPED, Owner.FINANCE),
    ("INVALID_CONTENT", "no", "item.items[0].location.id", ErrorKind.UNMAPPED, Owner.WAREHOUSE),
    ("INVALID_KEY_OR_REF", "no", "transferLocation", ErrorKind.UNMAPPED, Owner.WAREHOUSE),
    ("INVALID_KEY_OR_REF", "no", "line.items[1].account", ErrorKind.UNMAPPED, Owner.FINANCE),
    ("INVALID_KEY_OR_REF", "no", "currency.refName", ErrorKind.UNMAPPED, Owner.FINANCE),
    ("INVALID_KEY_OR_REF", "no", "item.items[0].price", ErrorKind.UNMAPPED, Owner.FINANCE),
    ("INVALID_RCRD_REF", "no", "entity", ErrorKind.INVALID, Owner.CX),
    ("USER_ERROR", "Invalid tax code reference.", "", ErrorKind.UNMAPPED, Owner.FINANCE),
    ("USER_ERROR", "Invalid transferLocation reference.", "", ErrorKind.UNMAPPED, Owner.WAREHOUSE),
    ("USER_ERROR", "Invalid customer reference.", "", ErrorKind.INVALID, Owner.CX),
    ("INVALID_RCRD_REF", "no", "createdFrom", ErrorKind.NOT_FOUND, None),
    ("INVALID_KEY_OR_REF", "no", "custbody_reverses", ErrorKind.NOT_FOUND, None),
    ("USER_ERROR", "Please enter value(s) for: Location", "", ErrorKind.UNMAPPED, Owner.WAREHOUSE),
    ("USER_ERROR", "Please enter value(s) for: Adjustment Account", "", ErrorKind.UNMAPPED, Owner.FINANCE),
    ("USER_ERROR", "Please enter value for the memo.", "", ErrorKind.INVALID, None),
    ("NONEXISTENT_ID", "no", "", ErrorKind.NOT_FOUND, None),
    ("RCRD_DSNT_EXIST", "no", "", ErrorKind.NOT_FOUND, None),
    ("NOT_FOUND", "no", "", ErrorKind.NOT_FOUND, None),
    ("PERMISSION_VIOLATION", "no", "", ErrorKind.AUTH, None),
    ("INSUFFICIENT_PERMISSION", "no", "", ErrorKind.AUTH, None),
    ("USER_PERMISSION_REQD", "no", "", ErrorKind.AUTH, None),
    ("MISSING_REQD_FLD", "no", "", ErrorKind.INVALID, None),
    ("NONEXISTENT_FIELD", "no", "", ErrorKind.INVALID, None),
    ("NONEXISTENT_RECORD_TYPE", "no", "", ErrorKind.INVALID, None),
    ("METHOD_NOT_ALLOWED", "no", "", ErrorKind.INVALID, None),
    ("INVALID_PARAMETER", "no", "", ErrorKind.INVALID, None),
    ("MY_NONEXISTENT_ID", "no", "", ErrorKind.REFUSED, None),
    ("USER_ERROR", "The period begins on Monday.", "", ErrorKind.REFUSED, None),
    ("USER_ERROR", "A disclosed periodical.", "", ErrorKind.REFUSED, None),
]


@pytest.mark.parametrize(("code", "detail", "path", "kind", "owner"), RULES)
def test_each_way_of_saying_no_is_known(
    code: str, detail: str, path: str, kind: ErrorKind, owner: Owner | None
) -> None:
    """One row for each word that the rules look for, in any case of its letters."""
    for words in (detail, detail.upper()):
        error = told(400, problem(code, words, path))
        assert isinstance(error, Refused)
        assert (error.kind, error.owner) == (kind, owner)
        assert (error.type == CLOSED_PERIOD) is ("PERIOD" in (code + words).upper() and kind is ErrorKind.CLOSED)


@pytest.mark.parametrize("name", ["o:errorPath", "o:urlPath", "o:errorQueryParam", "o:errorHeader"])
def test_the_place_of_an_error_is_told_however_it_is_called(name: str) -> None:
    """In the body, the address, its query or a header."""
    body = json.dumps({"o:errorDetails": [{"detail": "Odd.", "o:errorCode": "USER_ERROR", name: "x" * 300}]})
    (detail,) = read_details(body)
    assert detail.path == "x" * 200
    assert str(told(400, body)) == f"PUT creditMemo: Odd. (at {'x' * 200})"


def test_an_error_document_is_read_within_bounds() -> None:
    """Twenty details, short codes and sentences; a document of more than 64 kB is none."""
    many = json.dumps({"o:errorDetails": [{"o:errorCode": "C" * 100, "detail": f"no {n}"} for n in range(30)]})
    details = read_details(many)
    assert (len(details), details[0].code, details[-1].text) == (20, "C" * 80, "no 19")
    for length, fits in ((65_000, True), (65_536, False)):
        body = json.dumps({"o:errorDetails": [{"o:errorCode": "C", "detail": "x" * length}]})
        assert bool(read_details(body)) is fits
    assert len(str(told(400, "y " * 40_000))) < 500


def test_an_address_is_left_out_of_every_sentence() -> None:
    """Within its word only: what stands around it stays, and so does a lone @."""
    text = str(told(400, problem("USER_ERROR", "No <a.b@example.com> at price @ 5, x@ or @y; mailto:c@d.")))
    assert text == "PUT creditMemo: No [e-mail] at price @ 5, x@ or @y; [e-mail]"


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
        (400, "REQUEST_LIMIT_EXCEEDED"),
        (403, "CONCURRENCY_LIMIT_EXCEEDED"),
        (400, "WS_CONCUR_SESSION_DISALLWD"),
        (500, "WS_REQUEST_BLOCKED"),
    ],
)
def test_a_concurrency_fault_is_throttling_whatever_its_status(status: int, code: str) -> None:
    """RESTlets and SOAP answer 400 or 500 for what REST calls 429; none of them was applied."""
    error = told(status, problem(code, "Please wait."))
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
        (403, ErrorKind.AUTH),
        (404, ErrorKind.NOT_FOUND),
        (405, ErrorKind.INVALID),
        (413, ErrorKind.TOO_LARGE),
        (415, ErrorKind.INVALID),
        (418, ErrorKind.REFUSED),
    ],
)
def test_a_code_that_nobody_listed_is_of_its_statuss_kind(status: int, kind: ErrorKind) -> None:
    """NetSuite's own document with a new code is a refusal all the same."""
    error = told(status, problem("BRAND_NEW", "Computer says no."))
    assert isinstance(error, Refused)
    assert (error.kind, error.code, error.owner, error.type) == (kind, "BRAND_NEW", None, "")


# What is not NetSuite's (B9).

FOREIGN = (
    "",
    "<html><h1>Access denied</h1></html>",
    "Down for maintenance",
    "null",
    "5",
    "[]",
    "[1, 2]",
    "{}",
    '{"status": "maintenance"}',
    '{"type": "about:blank", "title": "Forbidden", "status": 403, "detail": "no"}',
    '{"error": {"code": "UNEXPECTED", "message": "Oh no"}}',
    '{"o:errorDetails": []}',
    '{"o:errorDetails": {}}',
    '{"o:errorDetails": "not a list"}',
    '{"o:errorDetails": [7]}',
    '{"o:errorDetails": [{}]}',
    '{"o:errorDetails": [{"o:errorCode": "", "detail": null}]}',
    '{"o:errorDetails": [{"o:errorCode": "USER_ERROR", "detail": "no"}, 7]}',
    '{"o:errorDetails": [{"o:errorCode": "USER_ERROR", "detail": "cut o',
    "[" * 100_000,
    '{"a":' * 100_000,
    "\ud800\x00\ufffd",
)


@pytest.mark.parametrize(
    "status", [300, 302, 307, 400, 401, 403, 404, 405, 407, 409, 410, 413, 418, 422, 423, 451, 499]
)
@pytest.mark.parametrize("body", FOREIGN, ids=range(len(FOREIGN)))
def test_a_page_that_is_not_netsuites_is_no_refusal(status: int, body: str) -> None:
    """B9: a proxy, a maintenance notice, a redirect: a read is asked again, and a write may have got through."""
    assert type(told(status, body)) is InDoubt
    assert type(told(status, body, write=False)) is Unavailable


def test_a_redirect_is_no_refusal_whatever_it_says() -> None:
    """NetSuite refuses with 4xx."""
    body = problem("USER_ERROR", "Computer says no.")
    assert type(told(302, body)) is InDoubt
    assert type(told(399, problem("INVALID_LOGIN", "no"), write=False)) is Unavailable
    assert type(told(302, problem("SSS_REQUEST_LIMIT_EXCEEDED", "no"), write=False)) is Unavailable


def test_a_foreign_page_is_told_with_its_status_and_its_first_words() -> None:
    """Operators and `doctor` should see who answered."""
    text = str(told(403, "<html><style>p{}</style><h1>Access  denied</h1> by Acme <a.b@example.com></html>"))
    assert text == "PUT creditMemo: answered 403 in a form that is not NetSuite's: p{} Access denied by Acme"
    assert str(told(404)) == "PUT creditMemo: answered 404 in a form that is not NetSuite's, without a body"


@pytest.mark.parametrize("code", ["NONEXISTENT_ID", "RCRD_DSNT_EXIST", "NOT_FOUND"])
def test_only_netsuites_own_404_is_an_absence(code: str) -> None:
    """B8, B9: whoever else answers 404 knows nothing of the record."""
    body = problem(code, "The record instance does not exist.")
    assert is_absence(404, body)
    assert not any(is_absence(status, body) for status in (200, 400, 403, 410, 500))
    assert not is_absence(404, problem("INSUFFICIENT_PERMISSION", "You may not see it."))
    assert not any(is_absence(404, foreign) for foreign in FOREIGN)


@pytest.mark.parametrize(
    "piece", ["[", "<", "a", "a@", "<a ", "a.", " ", '{"', "period closed ", "quantity more ", "duplicate ", '\\"']
)
def test_reading_an_error_takes_no_more_than_linear_time(piece: str) -> None:
    """A1: 100 kB of `[` took 41 s in the event loop. Two megabytes of anything are read in a blink."""
    text = piece * (2_000_000 // len(piece))
    began = time.process_time()
    told(400, text)
    told(400, json.dumps({"o:errorDetails": [{"o:errorCode": text[:60_000], "detail": text[:60_000]}]})[:60_000])
    told(400, problem("USER_ERROR", text[:50_000], text[:10_000]))
    assert time.process_time() - began < 5  # a deadline, no measurement: it took 41 s


# At the wrong moment (B11).


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "RCRD_HAS_BEEN_CHANGED"),
        (400, "CUSTOM_RECORD_COLLISION"),
        (409, "USER_ERROR"),
        (423, "USER_ERROR"),
        (409, "RCRD_HAS_BEEN_CHANGED"),
    ],
)
def test_a_collision_is_tried_again_and_nothing_was_applied(status: int, code: str, write: bool) -> None:
    """B11: somebody else saved the record first; the request itself is good."""
    assert type(told(status, problem(code, "Record has been changed."), write=write)) is Unavailable


def test_a_duplicate_is_one_whatever_its_status() -> None:
    """409 is a collision, unless it says that the record is there already."""
    error = told(409, problem("DUP_RCRD", "This record already exists."))
    assert isinstance(error, Refused) and error.kind is ErrorKind.DUPLICATE


def test_an_unexpected_error_is_one_whatever_its_status() -> None:
    """B11: a 400 that says UNEXPECTED_ERROR broke in the middle; how far it came is not known."""
    for detail in ("An unexpected error occurred. Error ID: m1abc", "Oops."):
        body = problem("UNEXPECTED_ERROR", detail)
        assert type(told(400, body)) is InDoubt
        assert type(told(400, body, write=False)) is Unavailable


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize("status", [400, 403, 429, 500, 503])
@pytest.mark.parametrize(
    "body",
    [
        "error code: SSS_REQUEST_LIMIT_EXCEEDED\nerror message: Request Limit Exceeded.",
        "Concurrent request limit exceeded. Request blocked.",
        '{"error": {"code": "SSS_REQUEST_LIMIT_EXCEEDED", "message": "Request limit exceeded."}}',
        problem("SSS_REQUEST_LIMIT_EXCEEDED", "Request limit exceeded."),
        problem("USER_ERROR", "Concurrent request limit exceeded. Request blocked."),
    ],
)
def test_a_concurrency_fault_is_known_by_its_words(status: int, body: str, write: bool) -> None:
    """B11: as text, as a RESTlet says it, or as NetSuite's document."""
    assert type(told(status, body, write=write)) is Throttled


def test_an_item_that_the_account_does_not_know_is_for_ecommerce() -> None:
    """B11: `INVALID_CONTENT` at a row's item is a mapping that is missing; at other fields it is our mistake."""
    for path in ("item.items[0].item", "item.items[12].item.id", "inventory.items[0].item"):
        error = told(400, problem("INVALID_CONTENT", "Invalid content in the request body.", path))
        assert isinstance(error, Refused)
        assert (error.kind, error.owner) == (ErrorKind.UNMAPPED, Owner.ECOMMERCE)
    for path in ("item", "item.items[0].quantity", "tranDate", ""):
        error = told(400, problem("INVALID_CONTENT", "Invalid content in the request body.", path))
        assert isinstance(error, Refused) and error.kind is ErrorKind.INVALID


@pytest.mark.parametrize(
    "detail",
    [
        "The transaction date you specified is not within the date range of your accounting period.",
        "You cannot post into this period: it is closed.",
        "The accounting period Oct 2026 has been locked.",
    ],
)
def test_a_closed_period_is_known_by_its_sentence(detail: str) -> None:
    """B11, R22: so that `next_open` finds another day."""
    error = told(400, problem("USER_ERROR", detail))
    assert isinstance(error, Refused)
    assert (error.kind, error.type) == (ErrorKind.CLOSED, CLOSED_PERIOD)


# Who we are (B9).


@pytest.mark.parametrize(
    ("body", "challenge"),
    [
        (problem("INVALID_LOGIN", "Invalid login attempt."), ""),
        (problem("ANY", "Not signed in."), ""),
        ("", 'OAuth realm="1", error="token_rejected"'),
        ('{"error": {"code": "INVALID_LOGIN_ATTEMPT", "message": "Invalid login attempt."}}', ""),
    ],
)
def test_a_sign_in_is_refused_by_netsuite_alone(body: str, challenge: str) -> None:
    """Its document, its code, or OAuth's challenge; a proxy that wants its own sign-in says nothing about ours."""
    assert type(told(401, body, WWW_Authenticate=challenge)) is SignInRefused
    assert type(told(401, "<html>", WWW_Authenticate='Basic realm="proxy"')) is InDoubt
    assert type(told(407, "<html>", WWW_Authenticate='Basic realm="proxy"', write=False)) is Unavailable


def test_a_sign_in_may_be_refused_with_another_status() -> None:
    """Its code tells."""
    assert type(told(403, problem("INVALID_LOGIN_ATTEMPT", "Invalid login attempt."))) is SignInRefused


def test_the_details_of_an_error_are_told_together() -> None:
    """Each with its place; codes alone where there is no sentence."""
    details = [
        {"detail": "Bad  line", "o:errorCode": "USER_ERROR", "o:errorPath": "item.items[0]"},
        {"o:errorCode": "OTHER", "o:urlPath": "/x"},
        {"detail": [], "o:errorCode": 5, "o:errorHeader": 7},
        {"detail": {"not": "text"}},
    ]
    body = json.dumps({"o:errorDetails": details})
    assert (
        str(told(400, body)) == "PUT creditMemo: Bad line (at item.items[0]); OTHER (at /x); 5 (at 7); no reason given"
    )
    assert read_details(body)[0] == ErrorDetail("USER_ERROR", "Bad line", "item.items[0]")


def test_the_first_detail_that_tells_something_decides() -> None:
    """Not the order of the rules over all details, but of the details."""
    details = [
        {"detail": "Computer says no.", "o:errorCode": "USER_ERROR"},
        {"detail": "The order is closed.", "o:errorCode": "USER_ERROR"},
        {"detail": "This record already exists", "o:errorCode": "USER_ERROR"},
    ]
    error = told(400, json.dumps({"o:errorDetails": details}))
    assert isinstance(error, Refused) and error.kind is ErrorKind.CLOSED


def test_a_sentence_is_short_and_holds_no_address() -> None:
    """Vendors repeat what they were sent; reports and logs must not carry a shopper's e-mail."""
    text = str(told(400, problem("USER_ERROR", "Bad value anna.b@example.com " + "x" * 2_000)))
    assert "example.com" not in text
    assert "[e-mail]" in text
    assert len(text) < 400
