"""What the outside check found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

ABOUT_GOODS = frozenset({"item_receipt", "stock_movement"})
_NOT_ABOUT_MONEY = ABOUT_GOODS | {"return_authorisation", "exchange_order", "fulfilment", "stock_level", "customer"}
_NOT_ABOUT_GOODS = frozenset({"credit_note", "journal_entry", "credit_application", "exchange_order", "reversal"})
_NOT_ABOUT_EXCHANGES = ABOUT_GOODS | {"credit_note", "journal_entry", "credit_application", "reversal"}


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was not kept."""

    invariant: str  # I1, I2, ...
    name: str
    order_id: str
    what: str
    about: str = ""  # the one refund (its id) or document (its external reference) that it is about


@dataclass(slots=True)
class Verdict:
    """Counts in the words of CONTRACTS section 8, and every violation."""

    counts: dict[str, int] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    explained: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Each open exception with what explains it, in a word; an empty word where nothing in the run calls for it."""

    @property
    def unexplained(self) -> list[dict[str, Any]]:
        return [entry for word, entry in self.explained if not word]

    @property
    def ok(self) -> bool:
        return not self.violations

    def add(self, invariant: str, name: str, order_id: str, what: str, about: str = "") -> None:
        self.violations.append(Violation(invariant, name, order_id, what, about))

    def tally(self) -> dict[str, int]:
        """Violations by name."""
        return dict(sorted(Counter(violation.name for violation in self.violations).items()))


@dataclass(frozen=True, slots=True)
class Open:
    """The open exceptions and the waiting steps, by what they can account for.

    An entry without a reason accounts for nothing. One that names no refund may stand for all refunds of its return
    (and one without a return, for its order) unless its step is about something else: that goods or an authorisation
    wait says nothing about where the money is.
    """

    exceptions: list[Mapping[str, Any]]
    waiting: list[Mapping[str, Any]]

    def money(self, order_id: str, return_id: str, refund_id: str, *, exceptions_only: bool = False) -> bool:
        for entry in self._all(exceptions_only):
            if not _reason(entry):
                continue
            if entry.get("refund_id"):
                if entry["refund_id"] == refund_id:
                    return True
            elif _names(entry, order_id, return_id) and entry.get("step") not in _NOT_ABOUT_MONEY:
                return True
        return False

    def goods(self, order_id: str, return_ids: Iterable[str], sku: str) -> bool:
        """An entry that names a SKU says nothing of the others."""
        return self._any(order_id, return_ids, _NOT_ABOUT_GOODS, sku)

    def exchange(self, order_id: str, return_ids: Iterable[str], sku: str) -> bool:
        return self._any(order_id, return_ids, _NOT_ABOUT_EXCHANGES, sku)

    def authorisation(self, order_id: str, return_id: str) -> bool:
        return self._any(order_id, [return_id], _NOT_ABOUT_EXCHANGES | {"exchange_order"})

    def application(self) -> bool:
        """Whether somebody has to see to an application of the order, to a note before it or to the whole order, or it
        waits for a reason."""
        before = any(
            (entry.get("step") in ("credit_note", "reversal") or _is_about_the_order(entry)) and _reason(entry)
            for entry in self.exceptions
        )
        return before or any(entry.get("step") == "credit_application" and _reason(entry) for entry in self._all(False))

    def moves(self) -> list[str]:
        """Subjects of the moves of goods that somebody has to see to, or that wait for a reason."""
        return [
            str(entry.get("subject") or "")
            for entry in self._all(False)
            if entry.get("step") == "stock_movement" and _reason(entry)
        ]

    def demanded(self, order_id: str, return_id: str, kinds: Iterable[str]) -> bool:
        """Whether an exception of one of these kinds is open for the return."""
        wanted = set(kinds)
        return any(
            _names(entry, order_id, return_id) and entry.get("kind") in wanted and _reason(entry)
            for entry in self.exceptions
        )

    def _any(self, order_id: str, return_ids: Iterable[str], other_steps: frozenset[str], sku: str = "") -> bool:
        names = list(return_ids)
        return any(
            _reason(entry)
            and entry.get("step") not in other_steps
            and entry.get("sku") in (None, "", sku)
            and any(_names(entry, order_id, return_id) for return_id in names)
            for entry in self._all(False)
        )

    def _all(self, exceptions_only: bool) -> list[Mapping[str, Any]]:
        return self.exceptions if exceptions_only else [*self.exceptions, *self.waiting]


def by_order(exceptions: Iterable[Mapping[str, Any]], waiting: Iterable[Mapping[str, Any]]) -> dict[str, Open]:
    """The open entries of each order; those without an order under the empty name."""
    result: dict[str, Open] = {}
    for entry in exceptions:
        result.setdefault(str(entry.get("order_id") or ""), Open([], [])).exceptions.append(entry)
    for entry in waiting:
        result.setdefault(str(entry.get("order_id") or ""), Open([], [])).waiting.append(entry)
    return result


def _is_about_the_order(entry: Mapping[str, Any]) -> bool:
    """Nothing of an order goes on that stands still; what is about one return or refund says nothing of the others."""
    return entry.get("step") == "order" and not entry.get("return_id") and not entry.get("refund_id")


def _names(entry: Mapping[str, Any], order_id: str, return_id: str) -> bool:
    return str(entry.get("order_id") or "") == order_id and entry.get("return_id") in (None, "", return_id)


def _reason(entry: Mapping[str, Any]) -> bool:
    return bool(str(entry.get("reason") or "").strip())
