"""`POST /{source}/{id}/!transform/{target}`: a document made from another one's lines.

Without `replace=item` every line of the source is copied and the body's lines are merged in by `orderLine`; with it
only the body's lines are made. `orderLine` is the `line` of the source; a return authorisation's lines keep the numbers
of the sales order's, so one number serves for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from adapters.netsuite.simulator import credits, invoices, receipts, returns, sales_orders
from adapters.netsuite.simulator.account import Account, Draft
from adapters.netsuite.simulator.errors import cannot_transform, invalid_content, user_error
from adapters.netsuite.simulator.lines import Line, copy_of, read_line
from adapters.netsuite.simulator.records import Record

Remaining = Callable[[Line], Decimal]
PAIRS = {
    "salesOrder": ("invoice", "itemFulfillment", "returnAuthorization"),
    "invoice": ("creditMemo", "returnAuthorization"),
    "returnAuthorization": ("itemReceipt", "creditMemo", "cashRefund"),
}


def transform(account: Account, source: Record, target: str, body: Mapping[str, Any], replace: bool) -> Draft:
    """The document made from `source`; every rule is checked first."""
    if target not in PAIRS.get(source.type, ()):
        raise cannot_transform(f"A {source.type} cannot be transformed to {target}.")
    if source.type == "salesOrder":
        sales_orders.open_for_transform(source)
    if source.type == "returnAuthorization":
        returns.open_for_transform(source)
    merge = _Merge(account, source, body, replace)
    match source.type, target:
        case "salesOrder", "returnAuthorization":
            return returns.from_source(account, source, body, merge(sales_orders.returnable(account, source)))
        case "salesOrder", "invoice":
            return invoices.create(account, source, body, merge(lambda line: line.quantity - line.billed))
        case "salesOrder", _:
            return sales_orders.fulfil(account, source, body, merge(sales_orders.to_send))
        case "invoice", "returnAuthorization":
            return returns.from_source(account, source, body, merge(_of_invoice(account, source)))
        case "invoice", _:
            return credits.from_invoice(account, source, body, merge(lambda line: line.quantity, extra=True))
        case _, "itemReceipt":
            return receipts.create(account, source, body, merge(returns.receivable, receiving=True))
        case _:
            if account.settings.strict_credit_quantity:
                return credits.from_return(account, source, body, merge(_uncredited, extra=True), target)
            return credits.from_return(
                account, source, body, merge(_uncredited, most=lambda line: line.quantity, extra=True), target
            )


def _uncredited(line: Line) -> Decimal:
    return max(Decimal(0), line.quantity - line.credited)


def _of_invoice(account: Account, invoice: Record) -> Remaining:
    order = account.books.find("salesOrder", invoice.order)

    def units(line: Line) -> Decimal:
        if order is None or line.order_line is None:
            return line.quantity
        return max(Decimal(0), line.quantity - sales_orders.held(account, order, line.order_line))

    return units


class _Merge:
    """Lines of the source and of the body, made into the new document's lines."""

    def __init__(self, account: Account, source: Record, body: Mapping[str, Any], replace: bool) -> None:
        self._account, self._source, self._replace = account, source, replace
        self._rows = account.items_of(body)

    def __call__(
        self, remaining: Remaining, *, most: Remaining | None = None, extra: bool = False, receiving: bool = False
    ) -> list[Line]:
        """`remaining` units are copied; up to `most` may be asked for; `extra` allows lines the source has not."""
        made: list[Line] = []
        named: dict[int, Decimal] = {}
        for position, raw in enumerate(self._rows or ()):
            at = f"item.items[{position}]"
            origin = self._origin(raw, at, extra)
            if origin is not None:
                named.setdefault(origin.number, Decimal(0))
            if receiving and raw.get("itemReceive") is False:
                continue
            limit = (most or remaining)(origin) if origin else None
            left = None if limit is None or origin is None else limit - named[origin.number]
            line = read_line(
                raw,
                at,
                len(made) + 1,
                origin,
                self._account.chart,
                self._source.currency,
                learn=self._account.settings.learn_item_ids,
                most=left,
            )
            if origin is not None and left is not None:
                if receiving and origin.is_kit:
                    raise user_error("A kit is received by its components.", at)
                if line.quantity > left:
                    rest = max(left, Decimal(0))
                    raise user_error(
                        f"The quantity {line.quantity} of line {origin.number} is more than remains ({rest}).",
                        f"{at}.quantity",
                    )
                named[origin.number] += line.quantity
            made.append(line)
        if not self._replace:
            made = self._copies(named, remaining) + made
            made.sort(key=lambda line: line.order_line or 10**9)
        if not made:
            raise cannot_transform(f"The {self._source.type} has no line left for it.")
        return made

    def _copies(self, named: dict[int, Decimal], remaining: Remaining) -> list[Line]:
        currency = self._source.currency
        return [
            copy_of(line, units, position, currency)
            for position, line in enumerate(self._source.lines, 1)
            if line.number not in named and not line.closed and (units := remaining(line)) > 0
        ]

    def _origin(self, raw: dict[str, Any], at: str, extra: bool) -> Line | None:
        """The source's line that a row names by `orderLine`."""
        if raw.get("orderLine") is None:
            if extra:
                return None
            raise user_error("The line names no line of the source (orderLine).", f"{at}.orderLine")
        text = str(raw["orderLine"])
        if not text.isdecimal():
            raise invalid_content("orderLine is a line number.", f"{at}.orderLine")
        line = self._source.line(int(text))
        if line is None:
            raise user_error(f"The {self._source.type} has no line {text}.", f"{at}.orderLine")
        return line
