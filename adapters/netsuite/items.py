"""Internal ids of the items that a command names by their SKU.

NetSuite takes an item by its internal id only, a number. Where the profile maps a SKU to itself (`identity = true`) the
SKU is the item's name in the account, so its id is looked up, once in a while for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from adapters.netsuite.client import Client
from adapters.netsuite.records import flag_of, text_of
from streams.adapter import Calls
from streams.commands import Command

KNOWN_FOR = timedelta(minutes=10)
"""How long a name is believed to mean the same item: a renamed one is found again before long."""


class Items:
    """One account's items by name."""

    def __init__(self, client: Client, now: Callable[[], datetime]) -> None:
        self._client, self._now = client, now
        self._known: dict[str, tuple[str, datetime]] = {}

    async def named(self, command: Command, calls: Calls) -> Command:
        """The command with internal ids for names. A name that no item has, or several have, is left for NetSuite."""
        names = sorted(set(_names(command.body)))
        if not names:
            return command
        since = self._now() - KNOWN_FOR
        known = {name: number for name, (number, at) in self._known.items() if at > since}
        if missing := [name for name in names if name not in known]:
            known |= await self._look_up(missing, calls)
        return replace(command, body=_with_numbers(command.body, known))

    async def _look_up(self, names: list[str], calls: Calls) -> dict[str, str]:
        listed = ", ".join("'" + name.replace("'", "''") + "'" for name in names)
        rows = await self._client.suiteql(
            f"SELECT id, itemid, isinactive FROM item WHERE itemid IN ({listed})", calls, needs="id"
        )
        found: dict[str, str] = {}
        for name in names:
            same = [row for row in rows if text_of(row.get("itemid")) == name]
            active = [row for row in same if flag_of(row.get("isinactive")) is not True]
            if len(active or same) == 1:
                found[name] = text_of((active or same)[0].get("id"))
                self._known[name] = (found[name], self._now())
        return found


def _names(value: Any) -> Iterator[str]:
    """Every item code in a body that is no internal id."""
    if isinstance(value, Mapping):
        item = value.get("item")
        if isinstance(item, str) and item and not item.isdecimal():
            yield item
        for inner in value.values():
            yield from _names(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _names(inner)


def _with_numbers(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        made = {name: _with_numbers(inner, known) for name, inner in value.items()}
        if isinstance(item := value.get("item"), str):
            made["item"] = known.get(item, item)
        return made
    if isinstance(value, list | tuple):
        return [_with_numbers(inner, known) for inner in value]
    return value
