"""I14: whatever still waits at rest waits for something that can still happen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from adapters.generator.orders import ACCOUNT
from adapters.generator.truth import Truth
from streams.commands import command_id
from tests.simulation.checks.findings import Findings
from tests.simulation.checks.merchant import Merchant
from tests.simulation.checks.rows import RowRecord

Entry = Mapping[str, Any]

_QUESTIONS = frozenset({"order_snapshot", "invoice", "availability"})
_FROM_OUTSIDE = frozenset({"inspection", "refund", "return", "acceptance", "progress", "approval", "decision", "time"})


class Waits:
    """Goes over the list of what waits, one order at a time."""

    def __init__(self, findings: Findings, merchant: Merchant, sure: Truth, dead_outcomes: Collection[str]) -> None:
        """`dead_outcomes`: commands of which an outcome lies in an open dead letter."""
        self._findings, self._merchant, self._sure = findings, merchant, sure
        self._dead_outcomes = dead_outcomes

    def look(self, records: Mapping[str, RowRecord], exceptions: Iterable[Entry], waiting: Iterable[Entry]) -> None:
        shown: dict[str, list[Entry]] = {}
        for entry in exceptions:
            shown.setdefault(str(entry.get("order_id") or ""), []).append(entry)
        of_order: dict[str, list[Entry]] = {}
        for entry in waiting:
            of_order.setdefault(str(entry.get("order_id") or ""), []).append(entry)
        for order_id, entries in of_order.items():
            row = records.get(order_id)
            if row is not None and not row.quarantined:
                self._order(order_id, row, shown.get(order_id, []), entries)

    def _order(self, order_id: str, row: RowRecord, exceptions: list[Entry], waiting: list[Entry]) -> None:
        letters = dict(row.open_letters())
        mappings = {str(content.get("mapping_key") or "") for content in letters.values()}
        can_end = {(entry.get("step"), entry.get("return_id")) for entry in exceptions}
        unsure: list[tuple[Entry, str]] = []
        for entry in waiting:
            self._findings.check("I14")
            what, _, name = str(entry.get("for") or "").partition(":")
            why = ""
            if what == "account" or what in _QUESTIONS:
                why = self._unanswered(what, order_id, entry)
            elif what == "letter" and name not in letters:
                why = "that letter is not open"
            elif what == "profile" and name not in mappings:
                why = "no exception says that the mapping is missing"
            elif what in _FROM_OUTSIDE:
                why = self._came_already(what, entry, exceptions)
            elif what not in ("letter", "profile"):
                unsure.append((entry, what))
                continue
            if why:
                self._stuck(order_id, entry, why)
            else:
                can_end.add((entry.get("step"), entry.get("return_id")))
        self._chains(order_id, unsure, can_end)

    def _chains(self, order_id: str, unsure: list[tuple[Entry, str]], can_end: set[Any]) -> None:
        """A step that waits for another waits as lawfully as that one does."""
        while unsure:
            kinds = {step for step, _ in can_end}
            ended = [
                (entry, what)
                for entry, what in unsure
                # An application is about a note, and a closing about all of a return's notes.
                if (what, entry.get("return_id")) in can_end or (not entry.get("return_id") and what in kinds)
            ]
            if not ended:
                break
            can_end |= {(entry.get("step"), entry.get("return_id")) for entry, _ in ended}
            unsure = [pair for pair in unsure if pair not in ended]
        for entry, what in unsure:
            self._stuck(order_id, entry, f"no {what.replace('_', ' ')} of that return is open, under way or to come")

    def _stuck(self, order_id: str, entry: Entry, why: str) -> None:
        what = (
            f"{entry.get('step')} {entry.get('subject') or ''} of order {order_id} waits for {entry.get('for')}: {why}"
        )
        self._findings.add("I14", "waits-for-ever", order_id, what)

    def _unanswered(self, what: str, order_id: str, entry: Entry) -> str:
        """Why no outcome can come: none is under way, and none lies with a person (an order that stood still)."""
        subject = str(entry.get("subject") or "")
        if what == "account":
            asked = [(str(entry.get("step")), subject)]
        else:
            asked = [(what, subject), (what, f"order/{entry.get('return_id')}")]
        if any(command_id(ACCOUNT, order_id, *name) in self._dead_outcomes for name in asked):
            return ""
        if what == "account":
            return "the account was asked, and nothing is under way any more"
        return "nobody is asking any more"

    def _came_already(self, what: str, entry: Entry, exceptions: list[Entry]) -> str:
        """Why the event that it waits for cannot come: it was sent, and taken."""
        data = self._sure.returns.get(str(entry.get("return_id")))
        match what:
            case "refund":
                refund = self._sure.refunds.get(str(entry.get("refund_id")))
                if refund is not None and not refund.failed:
                    return f"the refund of {refund.amount} was told as paid"
            case "return" if data is not None:
                return "the return was told"
            case "acceptance" if data is not None:
                if all(line["verdict"] == "accepted" for line in data["lines"]):
                    return "every line was told as accepted"
            case "inspection" if data is not None and self._merchant.places() and not exceptions:
                if self._all_inspected(data):
                    return "every unit of the return was told as inspected"
        return ""

    def _all_inspected(self, data: Mapping[str, Any]) -> bool:
        units: dict[tuple[str, str], int] = {}
        for found in self._sure.found_finally():
            if found.return_id == data["return_id"]:
                key = (found.line_id, found.sku)
                units[key] = units.get(key, 0) + found.quantity
        return all(
            units.get((line["line_id"], line.get("component_sku") or line["sku"]), 0) >= line["quantity"]
            for line in data["lines"]
        )
