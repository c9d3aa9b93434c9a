"""Odd ways in which an ordinary return is told: each changes a story that is whole already, by dice of its own.

So a new one leaves every other story of a seed as it is. Each says what it calls for, if anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from adapters.generator import catalogue
from adapters.generator.amounts import rounded, text
from adapters.generator.plots import PLAIN
from adapters.generator.story import Story, Told, rfc3339

# 23:30 in one zone is the next day in another; an hour's offset at noon is neither.
_CLOCKS = ("T23:30:00Z", "T23:30:00-03:00", "T00:15:00+05:30", "T12:00:00+01:00", "T10:00:00.250Z")
_NO_TIMES: tuple[Any, ...] = ("27/11/2026 09:30", 1795000000, "0001-01-01T00:00:00+14:00", "yesterday", True, "")


@dataclass(frozen=True, slots=True)
class Odd:
    """`change` returns False where the story has nothing to change. `kinds`: of which one has to be open at the end."""

    change: Callable[[Random, Story], bool]
    kinds: frozenset[str] = frozenset()


def twist(seed: int, stories: Sequence[Story], shares: Mapping[str, float]) -> None:
    """Give each plain story at most one oddity; `shares`: of the stories that it fits, by name."""
    if shares.get("days-apart"):
        _days_apart(seed, stories, shares["days-apart"])
    names = [name for name in ODD if shares.get(name)]
    for story in stories:
        story.tags |= story.order.odd
        if story.plot is not PLAIN:
            continue
        for name in names:
            dice = Random(f"{seed}/odd/{name}/{story.return_id}")
            if dice.random() < shares[name] and ODD[name].change(dice, story):
                story.tags.add(name)
                story.odd = name
                break


def _snapshots(story: Story) -> list[dict[str, Any]]:
    """What Reveni told, oldest first."""
    return [told.data for told in story.told if told.source == "reveni"]


def _refunds(story: Story, refund_id: str) -> Iterator[dict[str, Any]]:
    """One refund as each snapshot has it."""
    for data in _snapshots(story):
        yield from (refund for refund in data["refunds"] if refund["refund_id"] == refund_id)


def _paid(rng: Random, story: Story) -> str:
    """The id of a refund that was paid in the end; empty: there is none."""
    refunds = _snapshots(story)[-1]["refunds"]
    paid = [refund["refund_id"] for refund in refunds if refund["state"] == "paid" and refund["kind"] == "goods"]
    return rng.choice(paid) if paid else ""


# -- times


def _other_clock(rng: Random, story: Story) -> bool:
    """`executed_at` near midnight, or with an offset."""
    chosen, clock = _paid(rng, story), rng.choice(_CLOCKS)
    for refund in _refunds(story, chosen):
        if "executed_at" in refund:
            refund["executed_at"] = refund["executed_at"][:10] + clock
    return bool(chosen)


def _no_time(rng: Random, story: Story) -> bool:
    chosen = _paid(rng, story)
    for refund in _refunds(story, chosen):
        refund.pop("executed_at", None)
    return bool(chosen)


def _unreadable_time(rng: Random, story: Story) -> bool:
    chosen, time = _paid(rng, story), rng.choice(_NO_TIMES[:-1])
    for refund in _refunds(story, chosen):
        if "executed_at" in refund:
            refund["executed_at"] = time
    return bool(chosen)


def _days_apart(seed: int, stories: Sequence[Story], share: float) -> None:
    """All but the last return of an order, and what was found of it, happened days or weeks before."""
    later: dict[str, Story] = {}
    for story in reversed(stories):
        order_id = story.order.order_id
        if order_id not in later:
            later[order_id] = story
            continue
        dice = Random(f"{seed}/odd/days-apart/{story.return_id}")
        if dice.random() < share and story.plot is PLAIN:
            _shift(story, -timedelta(days=dice.choice((2, 5, 9, 16, 24)), hours=dice.randrange(24)))
            story.tags.add("days-apart")


def _shift(story: Story, by: timedelta) -> None:
    moved = []
    for told in story.told:
        data = told.data
        if "updated_at" in data:
            data["updated_at"] = rfc3339(told.at + by)
        for refund in data.get("refunds", ()):
            time = refund.get("executed_at")
            if isinstance(time, str) and time.endswith("Z") and len(time) == len("2026-11-27T09:00:00Z"):
                refund["executed_at"] = rfc3339(datetime.fromisoformat(time) + by)
        moved.append(Told(told.source, told.version, told.at + by, data))
    story.told = moved


# -- ids


def _nameless(rng: Random, story: Story) -> bool:
    """A refund never has an id: none, null or empty."""
    chosen = _paid(rng, story)
    how = rng.choice(("none", "null", "empty"))
    for refund in list(_refunds(story, chosen)):
        if how == "none":
            del refund["refund_id"]
        else:
            refund["refund_id"] = None if how == "null" else ""
    return bool(chosen)


def _one_id_twice(rng: Random, story: Story) -> bool:
    """Two refunds of a list have one id, wherever they stand."""
    lists = [[refund["refund_id"] for refund in data["refunds"]] for data in _snapshots(story)]
    if not lists[-1][1:]:
        return False
    first, second = lists[-1][:2]
    if any((first in ids) != (second in ids) for ids in lists) or not _is_goods(story, first, second):
        return False
    for refund in list(_refunds(story, second)):
        refund["refund_id"] = first
    return True


def _is_goods(story: Story, *refund_ids: str) -> bool:
    return all(refund["kind"] == "goods" for refund_id in refund_ids for refund in _refunds(story, refund_id))


def _refunds_as_object(rng: Random, story: Story) -> bool:
    """`refunds` is an object by id, always."""
    if not _paid(rng, story):
        return False
    for data in _snapshots(story):
        data["refunds"] = {refund["refund_id"]: refund for refund in data["refunds"]}
    return True


def _big_numbers(rng: Random, story: Story) -> bool:
    """Ids are JSON numbers above 2^64: of the return, and of its refunds."""
    number = rng.randrange(10**20, 10**24)
    story.return_id = str(number)
    for told in story.told:
        told.data["return_id"] = number
    names = sorted({refund["refund_id"] for data in _snapshots(story) for refund in data["refunds"]})
    for place, refund_id in enumerate(names, 1):
        for refund in list(_refunds(story, refund_id)):
            refund["refund_id"] = number * 10 + place
    return True


# -- fields


_OPTIONAL = ("order_number", "customer", "replacements", "fees", "bonuses", "shipping_refund", "location", "type")


def _omitted(rng: Random, story: Story) -> bool:
    """Optional fields that say nothing are left out; what was said before still stands (docs/join.md)."""
    said: set[str] = set()
    for data in _snapshots(story):
        for name in _OPTIONAL:
            value = data.get(name)
            empty = not value or (name == "shipping_refund" and not Decimal(value))
            if not empty:
                said.add(name)
            if (empty or name in ("order_number", "customer")) and name not in said - {"order_number", "customer"}:
                data.pop(name, None)
        for line in data["lines"]:
            line.pop("reason", None)
            if rng.random() < 0.5 and line["verdict"] == "pending":
                del line["verdict"]
    return True


def _said_once(rng: Random, story: Story) -> bool:
    """`restock` is false in the version that says the goods arrived, and in no other."""
    for data in _snapshots(story):
        if data["state"] == "received" and data["lines"]:
            rng.choice(data["lines"])["restock"] = False
            return True
    return False


def _only_rejected(rng: Random, story: Story) -> bool:
    """Of a partly accepted line only the rejected units are told; in instant mode, where they are no money."""
    found = False
    for data in _snapshots(story):
        for line in data["lines"]:
            if data["mode"] == "instant" and line.get("rejected_quantity"):
                line.pop("accepted_quantity", None)
                found = True
    return found


def _unknown_state(rng: Random, story: Story) -> bool:
    """A refund is in a state that nobody has heard of before it is paid."""
    chosen, before = _paid(rng, story), False
    for refund in _refunds(story, chosen):
        if refund["state"] == "pending":
            refund["state"], before = "awaiting_bank", True
    return before


def _stays_unknown(rng: Random, story: Story) -> bool:
    """A refund ends in a state that nobody has heard of: no note, and no news that it failed."""
    chosen = _paid(rng, story)
    for refund in _refunds(story, chosen):
        refund["state"] = "escheated"
        refund.pop("executed_at", None)
    return bool(chosen)


# -- replacements and shipping


def _two_replacements(rng: Random, story: Story) -> bool:
    """Of several units of one line each half is exchanged for something else, at the price of the one it was for."""
    wanted = [entry for entry in _snapshots(story)[-1]["replacements"] if entry["quantity"] > 1]
    if not wanted or any(entry.get("order_ref") for entry in wanted):
        return False
    line_id, whole = wanted[0]["replaces_line_id"], wanted[0]["quantity"]
    part = rng.randint(1, whole - 1)
    other = next(sku for sku in sorted(catalogue.skus()) if sku != wanted[0]["sku"])
    for data in _snapshots(story):
        split = []
        for entry in data["replacements"]:
            if entry["replaces_line_id"] != line_id:
                split.append(entry)
            else:
                split += [{**entry, "quantity": part}, {**entry, "sku": other, "quantity": whole - part}]
        data["replacements"] = split
    return True


def _shipping(rng: Random, story: Story, share: Decimal) -> bool:
    """So much of the order's shipping comes back with this return, from the first payment on."""
    chosen, amount = _paid(rng, story), rounded(story.order.shipping * share, story.order.currency)
    last = _snapshots(story)[-1]
    if not chosen or not amount or Decimal(last["shipping_refund"]) or not _is_goods(story, chosen):
        return False
    for data in _snapshots(story):
        data["shipping_refund"] = text(amount, data["currency"])
        for refund in data["refunds"]:
            if refund["refund_id"] == chosen:
                refund["amount"] = text(Decimal(refund["amount"]) + amount, data["currency"])
    return True


def _part_of_shipping(rng: Random, story: Story) -> bool:
    return _shipping(rng, story, Decimal("0.4"))


def _shipping_again(rng: Random, story: Story) -> bool:
    """All of the shipping, whatever other returns of the order say."""
    return _shipping(rng, story, Decimal(1))


ODD: Mapping[str, Odd] = {
    "executed-near-midnight": Odd(_other_clock),
    "executed-at-missing": Odd(_no_time),
    "executed-at-unreadable": Odd(_unreadable_time, frozenset({"invalid"})),
    "refund-without-id": Odd(_nameless, frozenset({"invalid"})),
    "refund-id-twice": Odd(_one_id_twice, frozenset({"invalid"})),
    "refunds-an-object": Odd(_refunds_as_object, frozenset({"invalid"})),
    "ids-above-64-bits": Odd(_big_numbers),
    "fields-omitted": Odd(_omitted),
    "restock-said-once": Odd(_said_once),
    "only-rejected-units-told": Odd(_only_rejected),
    "refund-state-unknown": Odd(_unknown_state),
    "refund-state-stays-unknown": Odd(_stays_unknown),
    "two-replacements": Odd(_two_replacements),
    "part-of-the-shipping": Odd(_part_of_shipping),
    "shipping-asked-for-again": Odd(_shipping_again),
}
