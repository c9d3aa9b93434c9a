"""What NetSuite's answers mean: from status, headers and error body to the `VendorError` that the dispatcher acts on.

Pure. The body's shape (`o:errorDetails`) is NetSuite's; which sentence goes with which code is not documented, so the
kinds are read from code, path and text together, in the order of the table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from streams import retry_after
from streams.adapter import InDoubt, Refused, SignInRefused, Throttled, Unavailable, VendorError
from streams.vocabulary import ErrorKind, Owner

CLOSED_PERIOD = "closed-period"
"""`Refused.type` of a posting into a closed accounting period: the one refusal that the adapter may answer (R22)."""

# RESTlet and SOAP codes come through gateways and older endpoints; REST itself says 429 (section_0827103226.html).
_THROTTLE_CODES = frozenset(
    {
        "SSS_REQUEST_LIMIT_EXCEEDED",
        "WS_REQUEST_BLOCKED",
        "WS_CONCUR_SESSION_DISALLWD",
        "CONCURRENCY_LIMIT_EXCEEDED",
        "REQUEST_LIMIT_EXCEEDED",
    }
)
_LONGEST_SENTENCE = 300
_MARKUP = re.compile(r"<[^>]*>")
_ADDRESS = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+\.[^\s@<>\"']+")


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """One entry of `o:errorDetails`, or what stands in for it when the body is something else."""

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


_LISTS = r"(^|\.|\])(item|taxCode|location|transferLocation|account|currency|price)$"
_PERIOD = r"\bperiod\b.*\b(closed|locked)\b|\b(closed|locked)\b.*\bperiod\b"
# The first that fits. More telling words stand before codes that NetSuite uses for many things (USER_ERROR).
_RULES = (
    _Rule(ErrorKind.DUPLICATE, code=r"^(DUP_|UNIQUE_CUST_ID)"),
    _Rule(ErrorKind.DUPLICATE, text=r"already exists|duplicate (external|record)|has already been (used|created)"),
    _Rule(ErrorKind.CLOSED, code=r"PERIOD_(CLOSED|LOCKED)|CLOSED_PERIOD", type=CLOSED_PERIOD),
    _Rule(ErrorKind.CLOSED, text=_PERIOD, type=CLOSED_PERIOD),
    _Rule(ErrorKind.REFUSED, path=r"entity|customer", text=r"\binactive\b", owner=Owner.CX),
    _Rule(ErrorKind.REFUSED, text=r"\binactive\b", owner=Owner.ECOMMERCE),
    _Rule(ErrorKind.CLOSED, text=r"paid in full|nothing is due"),
    _Rule(ErrorKind.MISMATCH, text=r"\b(more|greater|larger|exceeds?)\b.*\b(remain|due|quantity|invoice|holds|amount)"),
    _Rule(ErrorKind.MISMATCH, text=r"quantity.*\b(more|greater|exceeds?)\b|no line left|over.?return"),
    _Rule(ErrorKind.CLOSED, text=r"\b(is|been|are) closed\b|\bclosed (order|transaction|record)\b"),
    _Rule(ErrorKind.UNMAPPED, code=r"INVALID_(KEY_OR_REF|RCRD_REF|ITEM)", path=_LISTS),
    _Rule(ErrorKind.INVALID, code=r"INVALID_(KEY_OR_REF|RCRD_REF)", path=r"entity|customer", owner=Owner.CX),
    _Rule(ErrorKind.UNMAPPED, text=r"invalid (item|tax ?code|location|transferlocation|account|currency) reference"),
    _Rule(ErrorKind.INVALID, text=r"invalid (entity|customer) reference", owner=Owner.CX),
    _Rule(ErrorKind.NOT_FOUND, code=r"INVALID_(KEY_OR_REF|RCRD_REF)", path=r"doc$|createdFrom|reverses"),
    _Rule(ErrorKind.UNMAPPED, text=r"enter value\(s\) for:? *(tax ?code|location|account|adjustment account)"),
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
    """The exception that an answer other than 2xx stands for; `what` names the call in the sentence."""
    details = read_details(status, body)
    first = details[0]
    sentence = f"{what}: {_sentence(details)}"
    if status == 429 or any(detail.code in _THROTTLE_CODES for detail in details):
        return Throttled(sentence, retry_after.parse(headers, now))
    if status == 401:
        if "nonce_used" in _header(headers, "WWW-Authenticate"):
            return nonce_refused(what, write=write)
        return SignInRefused(sentence)
    if status >= 500 or status == 408:
        return InDoubt(sentence) if write else Unavailable(sentence)
    if status < 400:  # a redirect: nothing was done, and nobody sends credentials to another address
        return Refused(ErrorKind.INVALID, f"{what}: answered {status}, a redirect", code=str(status))
    for detail in details:
        for rule in _RULES:
            if rule.fits(detail):
                return Refused(rule.kind, sentence, code=detail.code, owner=rule.owner, type=rule.type)
    return Refused(_BY_STATUS.get(status, ErrorKind.REFUSED), sentence, code=first.code)


def nonce_refused(what: str, *, write: bool) -> VendorError:
    """A request that arrived twice was refused the second time: the first may have been carried out."""
    text = f"{what}: the request reached NetSuite twice, and the first one may have been carried out"
    return InDoubt(text) if write else Unavailable(text)


def read_details(status: int, body: str) -> tuple[ErrorDetail, ...]:
    """The error details of a body; one made up from the status where the body is not NetSuite's document."""
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        raw = None
    if isinstance(raw, Mapping):
        listed = raw.get("o:errorDetails")
        details = tuple(
            ErrorDetail(_text(one.get("o:errorCode")), _clean(_text(one.get("detail"))), _path(one))
            for one in (listed if isinstance(listed, list) else ())
            if isinstance(one, Mapping)
        )
        if details:
            return details
        # RESTlets and gateways: {"error": {"code", "message"}}
        error = raw.get("error")
        if isinstance(error, Mapping):
            return (ErrorDetail(_text(error.get("code")), _clean(_text(error.get("message")))),)
        title = _clean(_text(raw.get("title") or raw.get("message") or raw.get("detail")))
        return (ErrorDetail(_text(raw.get("code")) or str(status), title or f"answered {status} without a reason"),)
    words = _clean(_MARKUP.sub(" ", body))
    return (ErrorDetail(str(status), f"answered {status}: {words}" if words else f"answered {status} without a body"),)


def _sentence(details: tuple[ErrorDetail, ...]) -> str:
    parts = []
    for detail in details:
        at = f" (at {detail.path})" if detail.path else ""
        parts.append(f"{detail.text or detail.code or 'no reason given'}{at}")
    return _clean("; ".join(parts))


def _path(detail: Mapping[str, object]) -> str:
    for name in ("o:errorPath", "o:urlPath", "o:errorQueryParam", "o:errorHeader"):
        if detail.get(name):
            return _text(detail[name])
    return ""


def _clean(text: str) -> str:
    """One line, cut, and without e-mail addresses: vendors repeat what was sent, and sentences end up in reports."""
    text = _ADDRESS.sub("[e-mail]", " ".join(text.split()))
    return text if len(text) <= _LONGEST_SENTENCE else text[: _LONGEST_SENTENCE - 3] + "..."


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")


def _text(value: object) -> str:
    return "" if value is None else str(value)
