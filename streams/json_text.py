"""JSON from outside, read within bounds: one rule for how deep it may be and for what becomes of numbers that are ids.

Everything that reads a body from outside (gateway, sequencer, profiles, views) reads it here. A value that was read can
always be written again: `orjson.loads` takes 1,024 levels, `orjson.dumps` gives up at 254, and a row or a letter adds
levels of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import chain
from typing import Any, Final

import orjson

MAX_DEPTH: Final = 100
"""Lists and objects inside each other; a return has 4 levels."""

MAX_ID: Final = 200

NAMES: Final = frozenset({"id", "sku", "number", "location", "tax_code", "order_number", "order_ref", "to"})
"""Fields that name something, besides those that end in `_id` and `_sku`: a JSON number in one is read as its text."""

_NUMBER = re.compile(rb'":\s*-?[0-9]')  # a name's end and the number it is given
_NUMBER_APART = re.compile(rb'"\s+:\s*-?[0-9]')
_APART: Final = (
    b'" ',
    b'"\t',
    b'"\n',
    b'"\r',
)  # few bodies have a space there, and looking for it costs three times more
_NUMBER_TEXT = re.compile(r"-?[0-9]+")
_INTEGERS: Final = range(-(2**63), 2**64)  # what orjson keeps whole


class Unreadable(ValueError):
    """The bytes are not JSON that is read here; the message says why, after "is "."""


class TooDeep(Unreadable):
    """It is JSON, nested deeper than anything may be that is kept. `found` is what it says."""

    def __init__(self, found: Any) -> None:
        super().__init__(f"nested more than {MAX_DEPTH} levels deep")
        self.found = found


def read_json(value: bytes) -> Any:
    """A JSON text as Python values; what stands in a field that names something is text. Raises `Unreadable`.

    NaN, a byte order mark, invalid UTF-8 and lone surrogates are not JSON; of two equal names the last one counts.
    """
    found = _loads(value)
    if _gives_a_number_to_a_name(value):
        try:
            found = _settled(json.loads(value, object_pairs_hook=_object, parse_int=_Written, parse_float=_Written))
        except RecursionError:
            raise TooDeep(found) from None
    return _within_depth(value, found)


def read_plain(value: bytes) -> Any:
    """The same for what has no ids of others in it: numbers stay numbers, whatever they are called."""
    return _within_depth(value, _loads(value))


def read_object(value: bytes) -> dict[str, Any]:
    """The same for what has to be an object."""
    found = read_json(value)
    if not isinstance(found, dict):
        raise Unreadable(f"a {type(found).__name__}, not an object")
    return found


def _loads(value: bytes) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error}") from None


def _within_depth(value: bytes, found: Any) -> Any:
    if value.count(b"[") + value.count(b"{") > MAX_DEPTH and _is_too_deep(found):
        raise TooDeep(found)
    return found


def id_text(value: Any) -> str | None:
    """An id as text: text as it was sent (nothing is trimmed or folded); None for what is no id."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and value.strip() and len(value) <= MAX_ID else None


def _names_something(name: str) -> bool:
    return name in NAMES or name.endswith(("_id", "_sku"))


def _gives_a_number_to_a_name(value: bytes) -> bool:
    """Whether it has to be read again, slowly: numbers are rare in bodies, numbers as ids still rarer."""
    loose = _NUMBER_APART.finditer(value) if any(apart in value for apart in _APART) else ()
    for found in chain(_NUMBER.finditer(value), loose):
        end = found.start()
        name = value[value.rfind(b'"', 0, end) + 1 : end]
        if _names_something(name.decode("utf-8", "replace")):
            return True
    return False


class _Written(str):
    """A number as it is written."""

    __slots__ = ()


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, _Written) and _names_something(name) else _settled(value)
        for name, value in pairs
    }


def _settled(value: Any) -> Any:
    """Numbers as orjson reads them. What is in an object was settled when it was read."""
    if isinstance(value, _Written):
        whole = int(value) if _NUMBER_TEXT.fullmatch(value) and len(value) < 30 else None
        return whole if whole is not None and whole in _INTEGERS else float(value)
    if isinstance(value, list):
        return [_settled(entry) for entry in value]
    return value


def _is_too_deep(found: Any) -> bool:
    level: list[Any] = [found]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
