"""What NetSuite's answers mean: from status, headers and error body to the `VendorError` that the dispatcher acts on.

Pure. The body's shape (`o:errorDetails`) is NetSuite's; which sentence goes with which code is not documented, so the
kinds are read from code, path and text together, in the order of the table. No pattern sees more than a few thousand
characters of what came from outside, and none takes more than linear time on them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from adapters.netsuite.records import text_of
from streams import retry_after
from streams.adapter import InDoubt, Refused, SignInRefused, Throttled, Unavailable, VendorError
from streams.vocabulary import ErrorKind, Owner

CLOSED_PERIOD = "closed-period"
"""`Refused.type` of a posting into a closed accounting period: the one refusal that the adapter may answer (R22)."""

# RESTlet and SOAP codes come through gateways and older endpoints, also as text; REST itself says 429
# (section_0827103226.html).
_THROTTLE_WORDS = re.compile(
    r"REQUEST_LIMIT_EXCEEDED|CONCURRENCY_LIMIT_EXCEEDED|WS_REQUEST_BLOCKED|WS_CONCUR_SESSION_DISALLWD"
    r"|concurrent request limit exceeded",
    re.IGNORECASE,
)
# The account is there and the request is good, but it came at the wrong moment; nothing was applied.
_COLLISION_CODES = frozenset({"RCRD_HAS_BEEN_CHANGED", "CUSTOM_RECORD_COLLISION"})
_COLLISION_STATUSES = frozenset({409, 423})
# A server that broke in the middle says so with a user's status too.
_BROKEN_CODES = frozenset({"UNEXPECTED_ERROR"})
_BROKEN_WORDS = re.compile(
    r"unexpected error (has )?occurred|currently unavailable|scheduled maintenance|ConcurrentModificationException",
    re.IGNORECASE,
)
_SIGN_IN_CODES = frozenset({"INVALID_LOGIN", "INVALID_LOGIN_ATTEMPT", "INVALID_LOGIN_CREDENTIALS"})
_SIGN_IN_WORDS = re.compile(r"consecutive failed login attempts|invalid login attempt", re.IGNORECASE)
_ABSENCE_CODES = frozenset({"NONEXISTENT_ID", "RCRD_DSNT_EXIST", "NOT_FOUND"})

_LONGEST_BODY = 64 * 1024  # characters; a longer one is no error document
_MOST_READ = 2_000  # characters of a text from outside that any pattern is held against
_MOST_DETAILS = 20
_LONGEST_CODE, _LONGEST_PATH, _LONGEST_SENTENCE = 80, 200, 300
_MARKUP = re.compile(r"<[^<>]*>")


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """One entry of `o:errorDetails`."""

    code: str
    text: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class _Rule:
    """A refusal is of `kind` when code, path and text all match; an empty pattern matches all."""

    kind: ErrorKind
    code: str = ""
    path: str = ""
    text: str = ""
    owner: Owner | None = None
    type: str = ""

    def fits(self, detail: ErrorDetail) -> bool:
        return all(
            re.search(pattern, value, re.IGNORECASE)
            for pattern, value in ((self.code, detail.code), (self.path, detail.path), (self.text, detail.text))
            if pattern
        )


_ITEM = r"(\.|\])item(\.id|\.refName)?$"
# Whose list it is that lacks an entry: the profile's own gaps have the same owners.
_BOOKS = r"(^|\.|\])(taxCode|account|currency|price)(\.id|\.refName)?$"
_PLACES = r"(^|\.|\])(location|transferLocation)(\.id|\.refName)?$"
_VALUE = r"invalid field value .{1,100} for the following field: "
_MISSING = r"enter value\(s\) for:? *"
_PERIOD = r"\bperiod\b.*\b(closed|locked)\b|\b(closed|locked)\b.*\bperiod\b"
# The first that fits. More telling words stand before codes that NetSuite uses for many things (USER_ERROR).
_RULES = (
    _Rule(ErrorKind.DUPLICATE, code=r"^(DUP_|UNIQUE_CUST_ID)"),
    _Rule(ErrorKind.DUPLICATE, text=r"already exists|duplicate (external|record)|has already been (used|created)"),
    _Rule(ErrorKind.CLOSED, code=r"PERIOD_(CLOSED|LOCKED)|CLOSED_PERIOD", type=CLOSED_PERIOD),
    _Rule(ErrorKind.CLOSED, text=_PERIOD, type=CLOSED_PERIOD),
    _Rule(ErrorKind.CLOSED, text=r"date range of (your|the|an) accounting period", type=CLOSED_PERIOD),
    _Rule(ErrorKind.REFUSED, path=r"entity|customer", text=r"\binactive\b", owner=Owner.CX),
    _Rule(ErrorKind.REFUSED, text=r"\binactive\b", owner=Owner.ECOMMERCE),
    _Rule(ErrorKind.CLOSED, text=r"paid in full|nothing is due"),
    _Rule(ErrorKind.MISMATCH, text=r"\b(more|greater|larger|exceeds?)\b.*\b(remain|due|quantity|invoice|holds|amount)"),
    _Rule(ErrorKind.MISMATCH, text=r"quantity.*\b(more|greater|exceeds?)\b|no line left|over.?return"),
    _Rule(ErrorKind.CLOSED, text=r"\b(is|been|are) closed\b|\bclosed (order|transaction|record)\b"),
    _Rule(ErrorKind.UNMAPPED, code=r"INVALID_(CONTENT|KEY_OR_REF|RCRD_REF|ITEM)", path=_ITEM, owner=Owner.ECOMMERCE),
    _Rule(ErrorKind.UNMAPPED, code=r"INVALID_(CONTENT|KEY_OR_REF|RCRD_REF)", path=_BOOKS, owner=Owner.FINANCE),
    _Rule(ErrorKind.UNMAPPED, code=r"INVALID_(CONTENT|KEY_OR_REF|RCRD_REF)", path=_PLACES, owner=Owner.WAREHOUSE),
    _Rule(ErrorKind.INVALID, code=r"INVALID_(KEY_OR_REF|RCRD_REF)", path=r"entity|customer", owner=Owner.CX),
    _Rule(ErrorKind.UNMAPPED, text=_VALUE + r"item\b", owner=Owner.ECOMMERCE),
    _Rule(ErrorKind.UNMAPPED, text=_VALUE + r"(tax ?code|account|currency)\b", owner=Owner.FINANCE),
    _Rule(ErrorKind.UNMAPPED, text=_VALUE + r"location\b", owner=Owner.WAREHOUSE),
    _Rule(ErrorKind.UNMAPPED, text=r"invalid item reference", owner=Owner.ECOMMERCE),
    _Rule(ErrorKind.UNMAPPED, text=r"invalid (tax ?code|account|currency) reference", owner=Owner.FINANCE),
    _Rule(ErrorKind.UNMAPPED, text=r"invalid (location|transferlocation) reference", owner=Owner.WAREHOUSE),
    _Rule(ErrorKind.INVALID, text=r"invalid (entity|customer) reference", owner=Owner.CX),
    _Rule(ErrorKind.NOT_FOUND, code=r"INVALID_(KEY_OR_REF|RCRD_REF)", path=r"doc$|createdFrom|reverses"),
    _Rule(ErrorKind.UNMAPPED, text=_MISSING + r"(tax ?code|account|adjustment account)", owner=Owner.FINANCE),
    _Rule(ErrorKind.UNMAPPED, text=_MISSING + r"location", owner=Owner.WAREHOUSE),
    _Rule(ErrorKind.NOT_FOUND, code=r"^(NONEXISTENT_ID|RCRD_DSNT_EXIST|NOT_FOUND)$"),
    _Rule(ErrorKind.AUTH, code=r"INSUFFICIENT_PERMISSION|PERMISSION_VIOLATION|USER_PERMISSION"),
    _Rule(ErrorKind.INVALID, code=r"^(INVALID_|MISSING_|NONEXISTENT_FIELD|NONEXISTENT_RECORD_TYPE|METHOD_NOT_ALLOWED)"),
    _Rule(ErrorKind.INVALID, text=r"please enter value"),
)  # fmt: skip
_BY_STATUS = {
    403: ErrorKind.AUTH,
    404: ErrorKind.NOT_FOUND,
    405: ErrorKind.INVALID,
    413: ErrorKind.TOO_LARGE,
    415: ErrorKind.INVALID,
}


def classify(
    status: int, headers: Mapping[str, str], body: str, *, write: bool, now: datetime, what: str
) -> VendorError:
    """The exception that an answer other than 2xx stands for; `what` names the call in the sentence.

    A no is believed from NetSuite alone. Anybody's page in between (a proxy, a maintenance notice, a redirect) says
    nothing about the request: a read is asked again, and a write may have got through before the page was made.
    """
    details = read_details(body) if status >= 400 else ()
    own = bool(details)
    sentence = f"{what}: {_sentence(details) if own else _foreign(status, body)}"
    if status == 429 or (status >= 400 and _throttles(details, body)):
        return Throttled(sentence, retry_after.parse(headers, now))
    codes, challenge = {detail.code for detail in details}, _header(headers, "WWW-Authenticate")
    signed_out = codes & _SIGN_IN_CODES or _say(details, _SIGN_IN_WORDS)
    if signed_out or (status == 401 and (own or _is_sign_in(challenge, body))):
        return nonce_refused(what, write=write) if "nonce_used" in challenge else SignInRefused(sentence)
    if not own or status >= 500 or status == 408:
        return InDoubt(sentence) if write else Unavailable(sentence)
    refusal = _refusal(status, details, sentence)
    if refusal.kind is not ErrorKind.DUPLICATE:
        if codes & _COLLISION_CODES or status in _COLLISION_STATUSES:
            return Unavailable(sentence)
        if codes & _BROKEN_CODES or _say(details, _BROKEN_WORDS):
            return InDoubt(sentence) if write else Unavailable(sentence)
    return refusal


def is_absence(status: int, body: str) -> bool:
    """Whether an answer says, in NetSuite's own words, that there is no such record."""
    return status == 404 and any(detail.code in _ABSENCE_CODES for detail in read_details(body))


def _refusal(status: int, details: tuple[ErrorDetail, ...], sentence: str) -> Refused:
    for detail in details:
        for rule in _RULES:
            if rule.fits(detail):
                return Refused(rule.kind, sentence, code=detail.code, owner=rule.owner, type=rule.type)
    return Refused(_BY_STATUS.get(status, ErrorKind.REFUSED), sentence, code=details[0].code)


def _is_sign_in(challenge: str, body: str) -> bool:
    """Whether a 401 is NetSuite's though it has no error document: by OAuth's challenge, or a RESTlet's code."""
    return challenge.lower().startswith("oauth") or any(code in body[:_MOST_READ] for code in _SIGN_IN_CODES)


def _throttles(details: tuple[ErrorDetail, ...], body: str) -> bool:
    return _say(details, _THROTTLE_WORDS) if details else bool(_THROTTLE_WORDS.search(body[:_MOST_READ]))


def _say(details: tuple[ErrorDetail, ...], words: re.Pattern[str]) -> bool:
    return any(words.search(f"{detail.code} {detail.text}") for detail in details)


def nonce_refused(what: str, *, write: bool) -> VendorError:
    """A request that arrived twice was refused the second time: the first may have been carried out."""
    text = f"{what}: the request reached NetSuite twice, and the first one may have been carried out"
    return InDoubt(text) if write else Unavailable(text)


def read_details(body: str) -> tuple[ErrorDetail, ...]:
    """The error details of NetSuite's own document; nothing where the body is anything else."""
    if len(body) > _LONGEST_BODY:
        return ()
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    listed = raw.get("o:errorDetails") if isinstance(raw, Mapping) else None
    if not isinstance(listed, list) or not listed:
        return ()
    if not all(isinstance(one, Mapping) and (one.get("o:errorCode") or one.get("detail")) for one in listed):
        return ()
    return tuple(
        ErrorDetail(
            text_of(one.get("o:errorCode"))[:_LONGEST_CODE], _clean(text_of(one.get("detail"), _MOST_READ)), _path(one)
        )
        for one in listed[:_MOST_DETAILS]
    )


def _foreign(status: int, body: str) -> str:
    """What is said of an answer that is not NetSuite's."""
    words = _clean(_MARKUP.sub(" ", body[:_MOST_READ]))
    return f"answered {status} in a form that is not NetSuite's{f': {words}' if words else ', without a body'}"


def _sentence(details: tuple[ErrorDetail, ...]) -> str:
    parts = []
    for detail in details:
        at = f" (at {detail.path})" if detail.path else ""
        parts.append(f"{detail.text or detail.code or 'no reason given'}{at}")
    return _clean("; ".join(parts))


def _path(detail: Mapping[str, object]) -> str:
    names = ("o:errorPath", "o:urlPath", "o:errorQueryParam", "o:errorHeader")
    return next((path for name in names if (path := text_of(detail.get(name)))), "")[:_LONGEST_PATH]


def _clean(text: str) -> str:
    """One line, cut, and without e-mail addresses: vendors repeat what was sent, and sentences end up in reports."""
    words = ("[e-mail]" if 0 < word.find("@") < len(word) - 1 else word for word in text[:_MOST_READ].split())
    text = " ".join(words)
    return text if len(text) <= _LONGEST_SENTENCE else text[: _LONGEST_SENTENCE - 3] + "..."


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")
