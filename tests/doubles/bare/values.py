"""Values as they come in a body, and the words for those that cannot be taken."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.doubles.bare.records import Problem

Body = Mapping[str, Any]


def ref(value: Any) -> str:
    """The internal id of a reference, which may be an object or the id alone."""
    if isinstance(value, Mapping):
        value = value.get("id", "")
    return "" if value is None else str(value)


def number(value: Any, path: str) -> Decimal:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or isinstance(value, bool):
        raise invalid(value, path)
    return found


def invalid(value: Any, path: str) -> Problem:
    sentence = "Error while accessing resource: You have entered an Invalid Field Value {} for the following field: {}"
    return Problem(400, "INVALID_CONTENT", sentence.format(value, path.rsplit(".", 1)[-1]), path)


def user_error(sentence: str) -> Problem:
    return Problem(400, "USER_ERROR", f"Error while accessing a resource. {sentence}")
