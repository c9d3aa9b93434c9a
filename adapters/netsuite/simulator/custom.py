"""Accounts that have no custom fields: they show none, and do not know those that are sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapters.netsuite.simulator.errors import invalid_content

_PREFIXES = ("custcol", "custbody", "custentity", "custitem")


def refuse_custom_fields(body: Any) -> None:
    """Raises `NetSuiteError` where a body names a custom field, at any depth."""
    for path in _named(body, ""):
        raise invalid_content(f"Unknown field {path.rpartition('.')[2]}.", path)


def without_custom_fields(shown: Any) -> Any:
    """A record or rows as such an account shows them."""
    if isinstance(shown, dict):
        return {name: without_custom_fields(value) for name, value in shown.items() if not name.startswith(_PREFIXES)}
    if isinstance(shown, list):
        return [without_custom_fields(entry) for entry in shown]
    return shown


def _named(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.startswith(_PREFIXES):
                yield f"{path}{name}"
            yield from _named(inner, f"{path}{name}.")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _named(inner, f"{path.removesuffix('.')}[{place}].")
