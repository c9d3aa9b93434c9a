"""The twists of a story: what goes wrong on purpose, how often, and what has to come of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from adapters.generator import catalogue
from adapters.generator.chances import PEAK, Chances
from adapters.generator.orders import Order, OrderLine


def _any(order: Order) -> bool:
    return order.status in ("fulfilled", "closed")


def _no_bundle(order: Order) -> bool:
    plain = not any(line.components or line.service for line in order.lines)
    return _any(order) and plain and not has_archived(order)


def _shipping(order: Order) -> bool:
    return _no_bundle(order) and order.shipping > 0


def _several_of_one(order: Order) -> bool:
    return _no_bundle(order) and any(can_have_twin(line) for line in order.lines)


def can_have_twin(line: OrderLine) -> bool:
    """Whether two returns may each send one unit of it back, for the same amount."""
    return line.quantity > 1 and line.line_total is None and not line.components


def has_archived(order: Order) -> bool:
    return any(line.sku in catalogue.ARCHIVED for line in order.lines)


@dataclass(frozen=True, slots=True)
class Plot:
    """A twist. `exceptions`: kinds of which one has to be open for the return at the end; none: nothing has to be."""

    name: str
    share: float = 0.0  # of all returns; at least one of each in a run of some size
    exceptions: frozenset[str] = frozenset()
    fits: Callable[[Order], bool] = _no_bundle


def _kinds(*names: str) -> frozenset[str]:
    return frozenset(names)


PLAIN = Plot("")
PLOTS = {
    plot.name: plot
    for plot in (
        Plot("line-not-bought", 0.006, _kinds("not-found", "mismatch", "invalid", "refused")),
        Plot("over-return", 0.006, _kinds("mismatch", "invalid", "refused", "not-found")),
        Plot("unmapped-tax", 0.006, _kinds("unmapped")),
        Plot("unmapped-method", 0.004, _kinds("unmapped")),
        Plot("unknown-reason", 0.004),
        Plot("unknown-disposition", 0.006, _kinds("unmapped")),
        Plot("wrong-item", 0.006, _kinds("mismatch")),
        Plot("sold-out-exchange", 0.008, _kinds("out-of-stock")),
        Plot("order-not-found", 0.004, _kinds("not-found")),
        Plot("amount-more", 0.006, _kinds("mismatch")),
        Plot("amount-less", 0.003),
        Plot("paid-then-failed", 0.010),
        Plot("amount-raised", 0.005, fits=_shipping),
        Plot("never-inspected", 0.020),
        Plot("never-paid", 0.015),
    )
}
# Twists of what changes while a document waits, is on its way, or is made; and of what is told twice. Not of a peak:
# they are cast where `Chances.twisted` asks for them.
CHANGES = {
    plot.name: plot
    for plot in (
        Plot("lines-changed"),
        Plot("amount-lowered"),
        Plot("address-changed"),
        Plot("verdict-changed"),
        Plot("cancelled-late"),
        Plot("version-repeated"),  # one version with two contents: the later updated_at wins
        Plot("refund-forgotten", exceptions=_kinds("mismatch")),
        Plot("failed-then-paid"),
        # The expectation is negative: no note, CX is told, and the exchange goes on.
        Plot("dearer-exchange", exceptions=_kinds("mismatch")),
        Plot("over-inspected", exceptions=_kinds("mismatch")),
        Plot("twins", fits=_several_of_one),  # R11: two returns of equal lines and amount
    )
}
# Twists that the order brings with it, rather than the return.
ARCHIVED_ITEM = Plot("archived-item", exceptions=_kinds("unmapped", "not-found", "closed", "refused", "invalid"))
ARCHIVED_ORDER = Plot("order-archived", exceptions=_kinds("not-found"))
ALL = PLOTS | {plot.name: plot for plot in (ARCHIVED_ITEM, ARCHIVED_ORDER)}
_TWISTS = (*PLOTS.values(), *CHANGES.values(), *[CHANGES["twins"]] * 4)  # few orders can have twins
_FEW = 40
_NOBODYS = frozenset({"amount-raised", "never-inspected", "never-paid"})  # nobody has to do anything about them


def cast(rng: Random, slots: Sequence[Order], chances: Chances = PEAK) -> list[Plot]:
    """A plot for each return that is to be told, `PLAIN` for most."""
    chosen = [PLAIN] * len(slots)
    times = Counter(order.order_id for order in slots)
    free = []
    for position, order in enumerate(slots):
        if order.status == "archived":
            chosen[position] = ARCHIVED_ORDER
        elif times[order.order_id] > 1:
            pass  # which of two returns of one order wins may depend on arrival: no twist on top of that
        elif has_archived(order):
            chosen[position] = ARCHIVED_ITEM
        else:
            free.append(position)
    if chances.twisted:
        for position in free:
            if rng.random() < chances.twisted:
                chosen[position] = rng.choice([plot for plot in _TWISTS if plot.fits(slots[position])] or [PLAIN])
        return chosen
    rng.shuffle(free)
    for plot in PLOTS.values():
        wanted = round(plot.share * len(slots))
        if chances.plots != 1 and plot.name not in _NOBODYS:
            exactly = plot.share * chances.plots * len(slots)
            wanted = int(exactly) + (rng.random() < exactly % 1)
        elif len(slots) >= _FEW:
            wanted = max(1, wanted)
        for position in [one for one in free if plot.fits(slots[one])][:wanted]:
            chosen[position] = plot
            free.remove(position)
    return chosen
