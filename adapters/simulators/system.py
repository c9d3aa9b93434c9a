"""What the one process needs of each simulated system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from aiohttp import web


class BadSeed(ValueError):
    """The seeds or settings cannot be read."""


class System(Protocol):
    """One vendor, with any number of accounts."""

    name: str

    def accounts(self) -> Iterable[str]:
        """The ledger's names of its accounts."""
        ...

    def mount(self, app: web.Application) -> None:
        """Add the vendor's routes under `/<name>/`."""
        ...

    def seed(self, section: str, account: str, raw: Mapping[str, Any]) -> None:
        """One member of one list of `PUT /_orders`; raises `BadSeed`."""
        ...

    def settings(self, account: str) -> dict[str, Any]:
        """The settings in force."""
        ...

    def change(self, account: str, changes: Mapping[str, Any]) -> None:
        """Set some settings; raises `BadSeed`."""
        ...

    def reset(self) -> None:
        """Back to the configuration: no orders, no documents."""
        ...
