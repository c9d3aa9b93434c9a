"""Whether a JSON value has the fields and types that a `TypedDict` says; fields that it does not know are carried.

A field that came later than its record is `NotRequired`: records of earlier versions lack it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, NotRequired, get_args, get_origin, get_type_hints, is_typeddict

MAX_WHOLE = 2**53
"""Whole numbers beyond it are not the same in every language; nothing is counted so far."""

Check = Callable[[Any, str], None]


class Misshapen(ValueError):
    """A value is not of the type that its place has."""


def expect(value: Any, shape: Any, where: str = "") -> None:
    """Raises `Misshapen` with the path of the first value that is not of its type."""
    _check(shape)(value, where)


@cache
def _check(shape: Any) -> Check:
    origin = get_origin(shape)
    if shape is Any:
        return lambda value, where: None
    if is_typeddict(shape):
        marked = get_type_hints(shape, include_extras=True)
        needed = frozenset(name for name, hint in marked.items() if get_origin(hint) is not NotRequired)
        return _fields({name: _check(hint) for name, hint in get_type_hints(shape).items()}, needed)
    if origin in (dict, Mapping):
        return _fields({}, frozenset())
    if origin is list:
        return _entries(_check(get_args(shape)[0]))
    if origin is UnionType:
        (inner,) = (each for each in get_args(shape) if each is not NoneType)
        return _or_absent(_check(inner))
    return {str: _text, int: _whole, bool: _flag}[shape]


def _fields(checks: Mapping[str, Check], needed: frozenset[str]) -> Check:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise Misshapen(f"{where or 'it'} is {_kind(value)}, not an object")
        if not needed <= value.keys():
            raise Misshapen(f"{where or 'it'} has no {min(needed - value.keys())}")
        for name, entry in value.items():
            inner = checks.get(name)
            if inner is not None:
                inner(entry, f"{where}.{name}" if where else name)

    return check


def _entries(inner: Check) -> Check:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, list):
            raise Misshapen(f"{where} is {_kind(value)}, not a list")
        for number, entry in enumerate(value):
            inner(entry, f"{where}[{number}]")

    return check


def _or_absent(inner: Check) -> Check:
    def check(value: Any, where: str) -> None:
        if value is not None:
            inner(value, where)

    return check


def _text(value: Any, where: str) -> None:
    if type(value) is not str:
        raise Misshapen(f"{where} is {_kind(value)}, not text")


def _whole(value: Any, where: str) -> None:
    if type(value) is not int or not -MAX_WHOLE <= value <= MAX_WHOLE:
        raise Misshapen(f"{where} is {_kind(value)}, not a whole number that can be counted to")


def _flag(value: Any, where: str) -> None:
    if type(value) is not bool:
        raise Misshapen(f"{where} is {_kind(value)}, not true or false")


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"
