"""What a person called otherwise while the pipeline ran: orders and SKUs that count as one from then on."""

from __future__ import annotations

from collections.abc import Container


class Names:
    """What nobody called otherwise is itself."""

    def __init__(self, sold: Container[str] = ()) -> None:
        self._sold = sold
        self._orders: dict[str, str] = {}
        self._pairs: list[tuple[str, str, str]] = []  # order, SKU, what it was called there
        self._skus: dict[tuple[str, str], str] = {}  # by order: the first of all the names that count as one

    def call_order(self, order_id: str, name: str) -> None:
        """An order that was never sold goes by the name of one that was; any other name makes it no other order."""
        if order_id not in self._sold and name in self._sold:
            self._orders[order_id] = name
            self._join()

    def call_sku(self, order_id: str, sku: str, name: str) -> None:
        """Goods of this order that are told of as `sku` may be booked as `name`."""
        if sku and name:
            self._pairs.append((order_id, sku, name))
            self._join()

    def order(self, order_id: str) -> str:
        return self._orders.get(order_id, order_id)

    def orders(self, order_id: str) -> tuple[str, ...]:
        """All that is told of as this order: itself, and those that go by its name."""
        return (order_id, *(other for other, name in self._orders.items() if name == order_id))

    def sku(self, order_id: str, sku: str) -> str:
        """One name for all the SKUs of an order that count as one."""
        return self._skus.get((self.order(order_id), sku), sku)

    def skus(self, order_id: str, sku: str) -> list[str]:
        """All SKUs that count as the same one."""
        order, first = self.order(order_id), self.sku(order_id, sku)
        return [other for (key, other), name in self._skus.items() if (key, name) == (order, first)] or [sku]

    def _join(self) -> None:
        self._skus = {}
        for order_id, *pair in self._pairs:
            order = self.order(order_id)
            known = {self._skus.get((order, sku), sku) for sku in pair}
            for sku in (*pair, *(other for (key, other), name in self._skus.items() if key == order and name in known)):
                self._skus[order, sku] = min(known)
