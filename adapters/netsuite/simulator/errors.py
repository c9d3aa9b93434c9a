"""NetSuite's way of saying no: a problem document with `o:errorDetails`.

The shape is NetSuite's (VENDORS 6.1). The sentences are ours; the codes are NetSuite's where public sources show them.
Unseen, so ours: the 429 body, and `INVALID_INITIALIZE_REF` (SuiteScript's code) for a transform that cannot be.
"""

from __future__ import annotations

from typing import Any

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


CONFLICTS = (
    (400, "RCRD_HAS_BEEN_CHANGED", "Record has been changed"),
    (409, "CUSTOM_RECORD_COLLISION", "Custom record collision"),
    (423, "RECORD_LOCKED", "The record is locked by another user"),
    (400, "UNEXPECTED_ERROR", "An unexpected error occurred."),
)
"""What NetSuite says when it may say yes a moment later: status, code, detail (VENDORS 6.1; the sentences are ours, and
so is the code that goes with 423)."""


class NetSuiteError(Exception):
    """The request is answered with an error document."""

    def __init__(self, status: int, code: str, detail: str, *, at: str = "", headers: dict[str, str] | None = None):
        super().__init__(detail)
        self.status, self.code, self.detail, self.at, self.headers = status, code, detail, at, headers or {}

    def body(self) -> dict[str, Any]:
        detail: dict[str, Any] = {"detail": self.detail, "o:errorCode": self.code}
        if self.at:
            detail["o:errorPath"] = self.at
        return {
            "type": f"https://www.rfc-editor.org/rfc/rfc9110.html#name-{self.status}",
            "title": _TITLES.get(self.status, "Error"),
            "status": self.status,
            "o:errorDetails": [detail],
        }


def user_error(detail: str, at: str = "") -> NetSuiteError:
    """A business rule says no."""
    return NetSuiteError(400, "USER_ERROR", detail, at=at)


def invalid_content(detail: str, at: str = "") -> NetSuiteError:
    """A value of the wrong form."""
    return NetSuiteError(400, "INVALID_CONTENT", detail, at=at)


def invalid_reference(what: str, value: object, at: str) -> NetSuiteError:
    """A key that names nothing, or something inactive."""
    return NetSuiteError(400, "INVALID_KEY_OR_REF", f"Invalid {what} reference key {value}.", at=at)


def missing_field(name: str, at: str) -> NetSuiteError:
    return user_error(f"Please enter value(s) for: {name}", at)


def cannot_transform(detail: str) -> NetSuiteError:
    return NetSuiteError(400, "INVALID_INITIALIZE_REF", detail)


def not_found(detail: str = "The record instance does not exist.") -> NetSuiteError:
    return NetSuiteError(404, "NONEXISTENT_ID", detail)


def login_refused(problem: str = "token_rejected") -> NetSuiteError:
    """One body for every reason; the header has OAuth's word for it (general knowledge of RESTlets, not re-read)."""
    header = f'OAuth error="{problem}", error_description="Invalid login attempt."'
    headers = {"WWW-Authenticate": header}
    return NetSuiteError(401, "INVALID_LOGIN_ATTEMPT", "Invalid login attempt.", headers=headers)


def too_many_requests(headers: dict[str, str] | None = None) -> NetSuiteError:
    detail = "Concurrent request limit exceeded. Request blocked."
    return NetSuiteError(429, "CONCURRENCY_LIMIT_EXCEEDED", detail, headers=headers)
