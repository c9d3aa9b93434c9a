"""How one field of a message is read: a word, an amount, a count, and the sentence for what makes no sense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from streams.money import InvalidMoney, to_minor

MAX_QUANTITY: Final = 1_000_000  # units on one line; beyond it a number is a slip, not a sale


class Senseless(ValueError):
    """What a piece says of itself cannot be; the message goes on after its name."""


def nonsense(what: str) -> str:
    """The sentence of an invalid message."""
    return f"The message from Reveni makes no sense: {what}."


def about(piece: str, fault: Senseless | InvalidMoney) -> str:
    """The sentence of a fault of one piece."""
    return nonsense(f"{piece}: {fault}" if isinstance(fault, InvalidMoney) else f"{piece} {fault}")


def short(name: str) -> str:
    """An id as a sentence may repeat it."""
    return (name if len(name) <= 64 else name[:61] + "...") or "(without an id)"


def word(data: Mapping[str, Any], name: str) -> str:
    """Text; a whole number is read as its text, anything else is no word."""
    value = data.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def amount(data: Mapping[str, Any], name: str, currency: str) -> int:
    """Minor units, none below nothing; raises `Senseless` or `InvalidMoney`."""
    minor = to_minor(data.get(name), currency, name)
    if minor < 0:
        raise Senseless(f"has {name} {data[name]}")
    return minor


def count(data: Mapping[str, Any], name: str, *, least: int) -> int:
    """A whole number of units; raises `Senseless`."""
    value = data.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Senseless(f"has no {name}" if value is None else f"has a {name} that is not a whole number")
    if not least <= value <= MAX_QUANTITY:
        raise Senseless(f"has {name} {value}" if abs(value) <= MAX_QUANTITY else f"has a {name} that cannot be")
    return value
