"""Adjustments that bring an order's refunds above what was paid for it: each is one for a person (I5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

from adapters.generator.amounts import ZERO
from adapters.generator.story import Story


def spare(rng: Random, stories: Sequence[Story], kept: float) -> None:
    """Leave a share of such orders as they are; in the others the adjustments become goodwill, given on top."""
    by_order: dict[str, list[Story]] = defaultdict(list)
    for story in stories:
        by_order[story.order.order_id].append(story)
    for told in by_order.values():
        adjusted = [story for story in told if "adjustment" in story.tags]
        if adjusted and sum(map(_counted, told), ZERO) > told[0].order.paid and rng.random() >= kept:
            for story in adjusted:
                _give_instead(story)


def _counted(story: Story) -> Decimal:
    """What a return's refunds come to, less what is given on top."""
    data = _last(story)
    refunds = [refund for refund in data["refunds"] if refund["kind"] != "goodwill" and refund["state"] != "failed"]
    paid = sum((Decimal(refund["amount"]) for refund in refunds), ZERO)
    return paid - sum((Decimal(bonus["amount"]) for bonus in data["bonuses"]), ZERO)


def _last(story: Story) -> dict[str, Any]:
    return [told.data for told in story.told if told.source == "reveni"][-1]


def _give_instead(story: Story) -> None:
    story.tags.discard("adjustment")
    story.tags.add("goodwill")
    for told in story.told:
        for refund in told.data.get("refunds", ()):
            if refund["kind"] == "adjustment":
                refund["kind"] = "goodwill"
