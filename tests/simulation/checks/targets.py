"""What a command's id stands for where neither a command nor a letter said so: a step that only waits for a yes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from adapters.generator.names import Names
from adapters.generator.orders import ACCOUNT
from adapters.generator.truth import Truth
from streams.commands import command_id
from tests.simulation.checks.orders import GOODS

Name = tuple[str, str]  # step and subject, as CONTRACTS section 4 has them


class Targets:
    """All that the senders' words may come to be a command about."""

    def __init__(self, told: Truth, snapshots: Iterable[Mapping[str, Any]], names: Names) -> None:
        """`snapshots`: the data of every version, since goods may be decided upon by one that is superseded."""
        self._told, self._snapshots, self._names = told, snapshots, names
        self._origins = {found.inspection_id: found.return_id for found in told.found}
        self._sent: dict[str, str] = {}
        for one in told.exchanges:  # which of a line's several replacements a subject stands for may change
            first = f"{one.return_id}/{one.line_id}"
            self._sent[first] = one.sku if first not in self._sent else ""
        self._by_id: dict[str, Name] | None = None

    def of(self, target: str) -> Name:
        """Step and subject of a command id; empty where nothing that was told has it."""
        if self._by_id is None:
            self._by_id = {command_id(ACCOUNT, order_id, *name): name for order_id, name in self._all()}
        return self._by_id.get(target, ("", ""))

    def _all(self) -> Iterable[tuple[str, Name]]:
        for refund in self._told.refunds.values():
            for subject in (refund.refund_id, f"{refund.refund_id}~2"):
                yield refund.order_id, ("credit_note", subject)
                yield refund.order_id, ("reversal", subject)
        for exchange in self._told.exchanges:
            first = f"{exchange.return_id}/{exchange.line_id}"
            for subject in (first, *(f"{first}/{number}" for number in range(2, 6))):
                yield exchange.order_id, ("exchange_order", subject)
        for found in self._told.found:
            for sku in self._names.skus(found.order_id, found.sku):
                lot = f"{found.inspection_id}/{found.line_id}/{sku}/{found.disposition}"
                yield found.order_id, ("item_receipt", lot)
        for data in self._snapshots:
            for line in data["lines"]:
                order_id, disposition = str(data["order_id"]), line.get("disposition")
                if disposition:
                    for sku in self._names.skus(order_id, line.get("component_sku") or line["sku"]):
                        yield order_id, ("item_receipt", f"{data['return_id']}/{line['line_id']}/{sku}/{disposition}")

    def return_of(self, step: str, subject: str) -> str | None:
        """The return that a step is about; None where its subject does not say."""
        match step:
            case "return_authorisation":
                return subject.split("~")[0]
            case "exchange_order":
                return subject.split("/")[0]
            case "item_receipt" | "stock_movement":
                origin = subject.split("/")[0]
                return origin if origin in self._told.returns else self._origins.get(origin)
        return None

    def sku_of(self, order_id: str, step: str, subject: str) -> str | None:
        """The SKU that a step moves or sends, by the one name that counts; None where it is not about one."""
        sku = self._sent.get(subject) or None if step == "exchange_order" else None
        if step in GOODS and subject.count("/") > 1:
            sku = subject.split("/")[2]
        return self._names.sku(order_id, sku) if sku is not None else None
