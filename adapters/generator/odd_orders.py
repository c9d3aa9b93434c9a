"""Odd orders of the history: each changes an order that is whole already, by dice of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random

from adapters.generator import catalogue
from adapters.generator.amounts import ZERO, rounded, shares, tax_inside
from adapters.generator.catalogue import Bundle, Component
from adapters.generator.orders import RATES, DiscountRow, Order, OrderLine

Change = Callable[[Random, Order], Order | None]
NO_LINE_IDS = "no-line-ids"


def twist(seed: int, orders: Sequence[Order], chosen: Mapping[str, float]) -> tuple[Order, ...]:
    """Each order with at most one oddity of its lines or money; that the account has no line ids goes with most."""
    names = [name for name in ODD if chosen.get(name)]
    return tuple(_one(seed, order, names, chosen) for order in orders)


def _one(seed: int, order: Order, names: Sequence[str], chosen: Mapping[str, float]) -> Order:
    for name in names:
        dice = Random(f"{seed}/odd/{name}/{order.order_id}")
        if dice.random() < chosen[name]:
            changed = ODD[name](dice, order)
            if changed is not None:
                order = replace(changed, odd=frozenset({name}))
                break
    named = order.invoices or order.returned_before or any(row.covers for row in order.discount_rows)
    dice = Random(f"{seed}/odd/{NO_LINE_IDS}/{order.order_id}")
    if not named and dice.random() < chosen.get(NO_LINE_IDS, 0.0):
        order = replace(order, has_line_ids=False, odd=order.odd | {NO_LINE_IDS})
    return order


def _next_id(order: Order) -> str:
    return f"ol{len(order.lines) + 1}"


def _is_plain(line: OrderLine) -> bool:
    return not line.components and line.line_total is None and line.sku not in catalogue.ARCHIVED


# -- lines


def _again(order: Order, price: Decimal | None, rng: Random) -> Order | None:
    """A further line of a SKU that stands on the order."""
    plain = [line for line in order.lines if _is_plain(line)]
    if not plain:
        return None
    line = rng.choice(plain)
    unit = line.unit_price if price is None else rounded(line.unit_price * price, order.currency)
    again = replace(line, order_line_id=_next_id(order), unit_price=unit, quantity=rng.choice((1, 1, 2)))
    return replace(order, lines=(*order.lines, again))


def _same_price(rng: Random, order: Order) -> Order | None:
    return _again(order, None, rng)


def _other_price(rng: Random, order: Order) -> Order | None:
    return _again(order, Decimal("0.75"), rng)


def _bundle_line(order: Order, bundle: Bundle, quantity: int = 1) -> OrderLine:
    parts = tuple(
        Component(part.sku, part.quantity, catalogue.priced(part.list_price, order.currency))
        for part in bundle.components
    )
    unit = catalogue.priced(bundle.price, order.currency)
    return OrderLine(_next_id(order), bundle.sku, quantity, unit, "GB-STD", parts)


def _with_bundle(rng: Random, order: Order) -> Order:
    if any(line.components for line in order.lines):
        return order
    return replace(order, lines=(*order.lines, _bundle_line(order, rng.choice(catalogue.BUNDLES))))


def _part_alone(rng: Random, order: Order) -> Order | None:
    """A part of a bundle of the order is bought alone as well, at its own price."""
    order = _with_bundle(rng, order)
    part = rng.choice(next(line for line in order.lines if line.components).components)
    alone = OrderLine(_next_id(order), part.sku, rng.choice((1, 2)), part.list_price, "GB-STD")
    return replace(order, lines=(*order.lines, alone))


def _two_kits(rng: Random, order: Order) -> Order | None:
    """Two bundles: of two kinds, of one kind on two lines, or two on one line."""
    order = _with_bundle(rng, order)
    first = next(line for line in order.lines if line.components)
    manner = rng.randrange(3)
    if manner == 0:
        return replace(order, lines=tuple(replace(one, quantity=2) if one is first else one for one in order.lines))
    other = next(one for one in catalogue.BUNDLES if (one.sku == first.sku) is (manner == 1))
    return replace(order, lines=(*order.lines, _bundle_line(order, other)))


def _service(rng: Random, order: Order) -> Order | None:
    sku = rng.choice(sorted(catalogue.SERVICES))
    unit = catalogue.priced(catalogue.SERVICES[sku], order.currency)
    line = OrderLine(_next_id(order), sku, 1, unit, "GB-STD", service=True)
    return replace(order, lines=(*order.lines, line))


# -- money


def _reduced(order: Order, share: Decimal, covered: Sequence[OrderLine]) -> tuple[Order, Decimal, Decimal]:
    """The order with a share off these lines, spread by what they come to; with what is off, and the tax in it."""
    whole = sum((line.value for line in covered), ZERO)
    off = rounded(whole * share, order.currency)
    parts = dict(
        zip(
            (one.order_line_id for one in covered), shares(off, [o.value for o in covered], order.currency), strict=True
        )
    )
    lines, tax = [], ZERO
    for line in order.lines:
        part = parts.get(line.order_line_id)
        if part is None:
            lines.append(line)
            continue
        tax += tax_inside(line.value, RATES[line.tax_code], order.currency)
        left = line.value - part
        tax -= tax_inside(left, RATES[line.tax_code], order.currency)
        unit = rounded(left / line.quantity, order.currency)
        total = None if unit * line.quantity == left else left
        lines.append(replace(line, unit_price=unit, line_total=total, listed=line.value))
    return replace(order, lines=tuple(lines)), off, tax


def _header_discount(rng: Random, order: Order) -> Order | None:
    if any(line.components or line.line_total for line in order.lines):
        return None
    order, off, _ = _reduced(order, rng.choice((Decimal("0.1"), Decimal("0.25"))), order.lines)
    return replace(order, discount=off)


def _discount_rows(rng: Random, order: Order) -> Order | None:
    """A row for one line, and now and then one for the whole order."""
    if any(line.components or line.line_total for line in order.lines):
        return None
    if rng.random() < 0.5:
        order, off, tax = _reduced(order, Decimal("0.2"), order.lines)
        return replace(order, discount_rows=(DiscountRow(off, tax),))
    line = rng.choice(order.lines)
    order, off, tax = _reduced(order, Decimal("0.2"), [line])
    return replace(order, discount_rows=(DiscountRow(off, tax, (line.order_line_id,)),))


def _handling(rng: Random, order: Order) -> Order | None:
    return replace(order, handling=catalogue.priced(Decimal("3.50"), order.currency))


def _talking_rows(rng: Random, order: Order) -> Order | None:
    """Rows that sell nothing: a subtotal, a text, or both."""
    manner = rng.randrange(3)
    return replace(order, subtotal=manner != 1, texts=("Happy birthday!",) if manner else ())


def _several_invoices(rng: Random, order: Order) -> Order | None:
    if len(order.lines) < 2:
        return None
    names = [line.order_line_id for line in order.lines]
    cut = rng.randint(1, len(names) - 1)
    return replace(order, invoices=(tuple(names[:cut]), tuple(names[cut:])))


def _returned_before(rng: Random, order: Order) -> Order | None:
    """Somebody has taken a unit back by hand; now and then the shopper asks for it once more."""
    lines = [line for line in order.lines if _is_plain(line) and line.quantity > 1]
    if not lines or order.status != "fulfilled":
        return None
    before = ((rng.choice(lines).order_line_id, 1),)
    return replace(order, returned_before=before, before_is_known=rng.random() < 0.7)


ODD: Mapping[str, Change] = {
    "one-sku-twice": _same_price,
    "one-sku-at-two-prices": _other_price,
    "part-bought-alone": _part_alone,
    "two-kits": _two_kits,
    "service": _service,
    "discount": _header_discount,
    "discount-rows": _discount_rows,
    "handling": _handling,
    "rows-that-sell-nothing": _talking_rows,
    "several-invoices": _several_invoices,
    "returned-before": _returned_before,
}
