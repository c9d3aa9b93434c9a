"""Units on hand and committed, by SKU and location."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

Place = tuple[str, str]  # SKU, location
_NONE = Decimal(0)


class Stock:
    """On hand less committed is available; an order may commit more than there is (NetSuite back-orders it)."""

    def __init__(self) -> None:
        self._on_hand: dict[Place, Decimal] = {}
        self._committed: dict[Place, Decimal] = {}
        self._held: dict[str, set[str]] = {}  # SKU: locations that ever held it

    def on_hand(self, sku: str, location: str) -> Decimal:
        return self._on_hand.get((sku, location), _NONE)

    def committed(self, sku: str, location: str) -> Decimal:
        return self._committed.get((sku, location), _NONE)

    def available(self, sku: str, location: str) -> Decimal:
        return max(_NONE, self.on_hand(sku, location) - self.committed(sku, location))

    def set_available(self, sku: str, location: str, quantity: Decimal) -> None:
        """A seed says what is available; what is committed stays committed."""
        self._set(self._on_hand, sku, location, quantity + self.committed(sku, location))

    def receive(self, sku: str, location: str, quantity: Decimal) -> None:
        self._set(self._on_hand, sku, location, self.on_hand(sku, location) + quantity)

    def ship(self, sku: str, location: str, quantity: Decimal) -> None:
        """Units leave; their commitment, if any, ends."""
        self._set(self._on_hand, sku, location, self.on_hand(sku, location) - quantity)
        self._set(self._committed, sku, location, max(_NONE, self.committed(sku, location) - quantity))

    def commit(self, sku: str, location: str, quantity: Decimal) -> Decimal:
        """Commit what there is; returns how much is back-ordered."""
        taken = min(quantity, self.available(sku, location))
        self._set(self._committed, sku, location, self.committed(sku, location) + taken)
        return quantity - taken

    def places(self, skus: Iterable[str] | None = None) -> Iterator[Place]:
        """Every place that ever held something; with `skus`, of these alone."""
        if skus is None:
            yield from sorted(set(self._on_hand) | set(self._committed))
            return
        for sku in sorted(set(skus)):
            yield from ((sku, location) for location in sorted(self._held.get(sku, ())))

    def _set(self, quantities: dict[Place, Decimal], sku: str, location: str, quantity: Decimal) -> None:
        quantities[sku, location] = quantity
        self._held.setdefault(sku, set()).add(location)
