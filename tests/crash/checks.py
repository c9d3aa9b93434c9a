"""The outside check: the simulator's ledger against the list of what was sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.crash.traffic import Story

Entry = Mapping[str, Any]

# An application's reference is its parent's.
REFERENCED = frozenset({"return_authorisation", "credit_note", "item_receipt", "stock_movement", "exchange_order"})


@dataclass(slots=True)
class Verdict:
    """What is wrong, each with a sentence; all empty when every promise was kept."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    breaches: int = 0

    @property
    def counts(self) -> dict[str, int]:
        return {
            "lost": len(self.lost),
            "doubled": len(self.doubled),
            "early": len(self.early),
            "breaches": self.breaches,
        }

    @property
    def kept(self) -> bool:
        return not any(self.counts.values())

    def __str__(self) -> str:
        shown = [*self.lost[:5], *self.doubled[:5], *self.early[:5]]
        return f"{self.counts} " + "; ".join(shown)


def judge(stories: Iterable[Story], ledger: Sequence[Entry], calls: Mapping[str, Any]) -> Verdict:
    """The verdict on these orders; `calls` is the simulator's summary of its calls."""
    verdict = Verdict(breaches=int(calls["breaches"]))
    of_order: dict[str, list[Entry]] = defaultdict(list)
    for entry in ledger:
        of_order[entry["order_id"]].append(entry)
    for story in stories:
        entries = of_order[story.order_id]
        _documents(verdict, story, entries)
        _references(verdict, story, entries)
        _goods(verdict, story, entries)
    return verdict


def complete(stories: Iterable[Story], ledger: Sequence[Entry]) -> bool:
    """Whether every document that must come has come."""
    return not judge(stories, ledger, {"breaches": 0}).lost


def _documents(verdict: Verdict, story: Story, entries: Sequence[Entry]) -> None:
    """As many of each kind as the story wants; of credits, the very amounts."""
    made = Counter(entry["kind"] for entry in entries if entry["op"] == "create")
    wanted = {
        "return_authorisation": story.authorisations,
        "credit_application": len(story.credits),
        "exchange_order": story.exchanges,
    }
    for kind, count in wanted.items():
        name = f"{kind} of order {story.order_id}: {made[kind]} made, {count} wanted"
        if made[kind] < count:
            verdict.lost.append(name)
        if made[kind] > count:
            verdict.doubled.append(name)
    credited = Counter(
        Decimal(str(entry["amount"])) for entry in entries if entry["kind"] == "credit_note" and entry["op"] == "create"
    )
    paid = Counter(story.credits)
    for amount, count in (paid - credited).items():
        verdict.lost.append(f"refund of {amount} of order {story.order_id}: {count} not credited")
    for amount, count in (credited - paid).items():
        verdict.doubled.append(f"credit of {amount} of order {story.order_id}: {count} beyond what was refunded")


def _references(verdict: Verdict, story: Story, entries: Sequence[Entry]) -> None:
    """At most one document for an external reference."""
    numbers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in entries:
        if entry["op"] == "create" and entry["kind"] in REFERENCED and entry["external_ref"]:
            numbers[entry["kind"], entry["external_ref"]].add(entry["number"])
    for (kind, reference), found in numbers.items():
        if len(found) > 1:
            verdict.doubled.append(f"{kind} {reference} of order {story.order_id}: {', '.join(sorted(found))}")


def _goods(verdict: Verdict, story: Story, entries: Sequence[Entry]) -> None:
    """What was inspected is received once; nothing becomes sellable before, or beyond, its inspection."""
    received: Counter[str] = Counter()
    restocked: Counter[str] = Counter()
    for entry in entries:
        if entry["kind"] not in ("item_receipt", "stock_movement") or entry["op"] != "create":
            continue
        for line in entry["lines"]:
            if entry["kind"] == "item_receipt":
                received[line["sku"]] += int(Decimal(str(line["quantity"])))
            if entry["sellable"]:
                restocked[line["sku"]] += int(Decimal(str(line["quantity"])))
        if entry["sellable"] and (
            story.inspected_from is None or datetime.fromisoformat(entry["at"]) < story.inspected_from
        ):
            verdict.early.append(f"{entry['number']} of order {story.order_id} at {entry['at']}, before its inspection")
    wanted = Counter(story.received)
    for sku, count in (wanted - received).items():
        verdict.lost.append(f"receipt of {count} {sku} of order {story.order_id}")
    for sku, count in (received - wanted).items():
        verdict.doubled.append(f"receipt of {count} {sku} of order {story.order_id} beyond what was inspected")
    for sku, count in (restocked - Counter(story.restocked)).items():
        verdict.early.append(f"restock of {count} {sku} of order {story.order_id} beyond what was found sellable")
