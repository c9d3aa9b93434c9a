"""The original order as the account keeps it, and which of its lines a return is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streams.case import Case
from streams.documents.sold import is_service
from streams.returns import Return, ReturnLine
from streams.verdicts import Held, hold, skip
from streams.vocabulary import DocumentKind, ErrorKind, Owner

CLOSED_RETURN = frozenset({"rejected", "cancelled"})
ARRIVED = frozenset({"received", "for_review", "accepted", "partly_accepted"})


def snapshot(case: Case, return_id: str) -> Mapping[str, Any]:
    """The original order, read once for each return, so that the history it is checked against is of its own time."""
    answer = case.ask(
        DocumentKind.ORDER_SNAPSHOT,
        f"order/{return_id}",
        {"order_id": case.order_name()},
        return_id=return_id,
    )
    name = case.order_name()
    if answer.get("found") == 0:
        raise hold(
            ErrorKind.NOT_FOUND,
            Owner.OPERATIONS,
            f"Order {name} is not in {case.title}; it may be archived or have another number.",
        )
    if answer.get("found") != 1:
        raise hold(
            ErrorKind.NOT_FOUND,
            Owner.OPERATIONS,
            f"{answer.get('found')} orders in {case.title} are called {name}; name the one that is meant.",
        )
    if answer.get("status") == "archived":
        raise hold(ErrorKind.NOT_FOUND, Owner.OPERATIONS, f"Order {name} is archived in {case.title}.")
    return answer


def in_scope(case: Case, ret: Return) -> None:
    """L01: a return whose news all date from before the cut-over belongs to whoever handled it then."""
    start = case.profile.merchant.start_from
    if start is not None and case.latest_news(ret.return_id) < start:
        raise skip("before the cut-over date")


@dataclass(frozen=True, slots=True)
class Matched:
    """A returned line and the order line it was sold on."""

    line: ReturnLine
    order_line: Mapping[str, Any]
    sku: str  # as the account calls it now
    component: Mapping[str, Any] | None = None  # the bundle's part that came back

    @property
    def number(self) -> str:
        """The account's line number: the part's own where one part of a bundle came back."""
        if self.component is not None:
            return str(self.component.get("order_line") or self.order_line["order_line"])
        return str(self.order_line["order_line"])

    @property
    def is_service(self) -> bool:
        return is_service(self.order_line)

    @property
    def sold(self) -> int:
        """Units that may come back: fulfilled ones, in component units for a part."""
        fulfilled = int(self.order_line["fulfilled"])
        return fulfilled * int(self.component["quantity"]) if self.component is not None else fulfilled

    @property
    def bought(self) -> int:
        quantity = int(self.order_line["quantity"])
        return quantity * int(self.component["quantity"]) if self.component is not None else quantity


def match(case: Case, order: Mapping[str, Any], line: ReturnLine) -> Matched | Held:
    """The order line of a returned line, or why there is none; by its id, else by a SKU on one line only."""
    sku = case.sku_name(line.sku)
    lines = [entry for entry in order.get("lines", ()) if entry["order_line_id"] == line.order_line_id]
    if not lines:
        lines = [entry for entry in order.get("lines", ()) if entry["sku"] == sku]
    if len(lines) != 1:
        return Held(
            ErrorKind.NOT_FOUND,
            f"Line {line.line_id} ({line.sku}) was not bought on order {case.order_name()}.",
            Owner.OPERATIONS,
            part=line.line_id,
        )
    entry = lines[0]
    mapped = sku != line.sku  # an operator said for this order what the item is called now (R16)
    if entry["sku"] != sku and not mapped:
        return Held(
            ErrorKind.UNMAPPED,
            f"Line {line.line_id} was sold as {entry['sku']}, the return says {line.sku}: say which item it is now.",
            Owner.ECOMMERCE,
            mapping_key=f"skus.{line.sku}",
            part=line.line_id,
        )
    if entry.get("active") is False and not mapped:
        return Held(
            ErrorKind.UNMAPPED,
            f"Item {entry['sku']} of line {line.line_id} is archived in {case.title}: say which item it is now.",
            Owner.ECOMMERCE,
            mapping_key=f"skus.{line.sku}",
            part=line.line_id,
        )
    if line.component_sku is None:
        return Matched(line, entry, sku)
    components = entry.get("components") or []
    part = next((c for c in components if c["sku"] == line.component_sku), None)
    if part is None:
        return Held(
            ErrorKind.NOT_FOUND,
            f"Order line {entry['order_line']} has no stored component {line.component_sku}; "
            "a bundle is taken apart by its definition at the time of sale only.",
            Owner.ECOMMERCE,
            part=line.line_id,
        )
    return Matched(line, entry, sku, part)


def services(case: Case, ret: Return, order: Mapping[str, Any]) -> dict[str, str]:
    """The return's lines that were billed and never sent, by line id: the order line that each was sold on."""
    found: dict[str, str] = {}
    for line in ret.lines:
        matched = match(case, order, line)
        if isinstance(matched, Matched) and matched.is_service:
            found[line.line_id] = matched.number
    return found


def known_services(case: Case, ret: Return) -> dict[str, str]:
    """The same, as far as the order has been read: nothing is asked for its sake."""
    order = case.answered(DocumentKind.ORDER_SNAPSHOT, f"order/{ret.return_id}")
    return services(case, ret, order) if order is not None and order.get("found") == 1 else {}


def expect_currency(case: Case, order: Mapping[str, Any], currency: str, what: str) -> None:
    """R21: currencies are never mixed on one document."""
    if order.get("currency") not in (None, "", currency):
        raise hold(
            ErrorKind.MISMATCH,
            Owner.FINANCE,
            f"{what} is in {currency}, order {case.order_name()} in {case.title} is in {order['currency']}.",
        )
