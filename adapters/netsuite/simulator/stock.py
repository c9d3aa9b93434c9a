"""Units on hand and committed, by SKU and location."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

Place = tuple[str, str]  # SKU, location
_NONE = Decimal(0)


class Stock:
    """On hand less committed is available; an order may commit more than there is (NetSuite back-orders it)."""

    def __init__(self) -> None:
        self._on_hand: dict[Place, Decimal] = {}
        self._committed: dict[Place, Decimal] = {}

    def on_hand(self, sku: str, location: str) -> Decimal:
        return self._on_hand.get((sku, location), _NONE)

    def committed(self, sku: str, location: str) -> Decimal:
        return self._committed.get((sku, location), _NONE)

    def available(self, sku: str, location: str) -> Decimal:
        return max(_NONE, self.on_hand(sku, location) - self.committed(sku, location))

    def set_available(self, sku: str, location: str, quantity: Decimal) -> None:
        """A seed says what is available; what is committed stays committed."""
        self._on_hand[sku, location] = quantity + self.committed(sku, location)

    def receive(self, sku: str, location: str, quantity: Decimal) -> None:
        self._on_hand[sku, location] = self.on_hand(sku, location) + quantity

    def ship(self, sku: str, location: str, quantity: Decimal) -> None:
        """Units leave; their commitment, if any, ends."""
        self._on_hand[sku, location] = self.on_hand(sku, location) - quantity
        self._committed[sku, location] = max(_NONE, self.committed(sku, location) - quantity)

    def commit(self, sku: str, location: str, quantity: Decimal) -> Decimal:
        """Commit what there is; returns how much is back-ordered."""
        taken = min(quantity, self.available(sku, location))
        self._committed[sku, location] = self.committed(sku, location) + taken
        return quantity - taken

    def places(self) -> Iterator[Place]:
        """Every place that ever held something."""
        yield from sorted(set(self._on_hand) | set(self._committed))
