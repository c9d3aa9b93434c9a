"""From a seed to a plan: a merchant, a few orders and what becomes of them, how it is told, and what goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Any

import orjson

from adapters.generator import catalogue, causes, deliveries, expected, odd_orders, plots, poison, telling, world
from adapters.generator.chances import Chances
from adapters.generator.deliveries import Delivery, Habits
from adapters.generator.expected import Expected
from adapters.generator.story import Story
from adapters.generator.world import World
from tests.simulation import families, odd, profiles, seldom
from tests.simulation.families import Trouble
from tests.simulation.plan import Act, Plan, Publish, Webhook

_LARGE = 100_000  # bytes: a hostile body above this costs more than the rest of a run
_ABOUT_GOODS = frozenset({"unknown-disposition", "wrong-item", "over-inspected"})


_MAPPED_LATER = frozenset({"unmapped-tax", "unmapped-method", "unknown-disposition"})
_RARE = ("over-inspected", "over-inspected", "twins", "amount-raised")  # plots that chance alone seldom brings
_FED_IN = 0.6  # of runs that lose a message: those in which it is fed in by hand
_ZONES = ("Europe/London", "Europe/London", "Pacific/Auckland", "America/New_York", "Asia/Kolkata")
_ODDLY_TOLD = (
    "days-apart",
    "executed-at-missing",
    "executed-at-unreadable",
    "executed-near-midnight",
    "fields-omitted",
    "ids-above-64-bits",
    "only-rejected-units-told",
    "part-of-the-shipping",
    "refund-id-twice",
    "refund-state-stays-unknown",
    "refund-state-unknown",
    "refund-without-id",
    "refunds-an-object",
    "restock-said-once",
    "shipping-asked-for-again",
    "two-replacements",
)
_ODDLY_SOLD = (*sorted(odd_orders.ODD), odd_orders.NO_LINE_IDS)
_BARE = 0.12  # of accounts: they have no custom fields
_SEEKS, _TRIES = 0.06, 15  # the share of runs that look for one, and in how many worlds
_SETTLING = frozenset({"operator", "refused", "corrupt", "lies", "overtaken"})


@dataclass(frozen=True, slots=True)
class Size:
    """Bounds of a run: orders, returns, and virtual seconds of traffic."""

    orders: tuple[int, int] = (1, 4)
    returns: tuple[int, int] = (2, 4)
    traffic: tuple[float, float] = (15.0, 200.0)


SMALL = Size()


def make(seed: int, *, size: Size = SMALL) -> Plan:
    """Everything that is going to happen in the run of a seed; the same seed gives the same plan."""
    dice = Random(f"{seed}/plan")
    inspection_dice = Random(f"{seed}/profile")
    made, stories = _told(seed, dice, size)
    skus = _skus(made, stories)
    document = profiles.profile(inspection_dice, skus)
    document["merchant"]["time_zone"] = Random(f"{seed}/zone").choice(_ZONES)
    vendor = profiles.vendor(inspection_dice, document)
    bare = Random(f"{seed}/bare").random() < _BARE
    if bare:
        profiles.without_custom_fields(document, vendor)
    traffic = round(size.traffic[0] * (size.traffic[1] / size.traffic[0]) ** dice.random(), 3)
    zone = "" if vendor.get("closed_periods") else document["merchant"]["time_zone"]
    expectations = replace(expected.of(made, stories), time_zone=zone)
    if bare:
        expectations.causes.extend(causes.without_list_prices(stories))
    sent, notes = _deliveries(Random(f"{seed}/deliveries"), Random(f"{seed}/fed-in"), stories, traffic, expectations)
    acts: list[Act] = [Webhook(0, delivery.offset, delivery) for delivery in sent]
    names = families.chosen(Random(f"{seed}/families"))
    trouble = Trouble(Random(f"{seed}/trouble"), traffic, document)
    for name in names:
        families.FAMILIES[name](trouble)
    besides = Random(f"{seed}/seldom")
    rare = seldom.chosen(besides)
    trouble.dice, trouble.told = besides, [one.offset for one in sent if one.sort in ("reveni", "warehouse")]
    for name in rare:
        seldom.SELDOM[name][1](trouble)
    trouble.dice = Random(f"{seed}/odd")
    strange = odd.chosen(trouble.dice)
    for name in strange:
        odd.ODD[name][1](trouble)
    publications = _publications(Random(f"{seed}/publish"), document, skus, traffic)
    acts += trouble.acts
    acts += publications
    ends = max([traffic, trouble.until, *(act.at for act in acts)])
    if publications:
        notes.append("publish")
    settled = _settled(document, bool(publications))
    uncertain = _is_uncertain(names, document, vendor, skus)
    if uncertain:
        expectations.demands.clear()
    complete = not (uncertain or rare or "webhook-lost" in notes) and _is_the_demos(document)
    expectations = replace(expectations, complete=complete)
    expectations.demands[:] = [one for one in expectations.demands if one.why not in settled]
    # Webhooks first at equal times: a stable sort, so that the numbers say nothing but the order.
    acts.sort(key=lambda act: act.at)
    roles = Random(f"{seed}/workers")
    return Plan(
        seed=seed,
        profile=document,
        vendor=vendor,
        world=_shelves(made, skus),
        expected=expectations,
        acts=tuple(replace(act, number=number) for number, act in enumerate(acts, 1)),
        partitions=roles.choice((1, 2, 2, 4)),
        sequencers=roles.choice((1, 2, 2, 3)),
        dispatchers=roles.choice((1, 2, 2)),
        look_seconds=2.0 if "owns-late" in rare else 60.0,  # what is rare made common
        heal_at=round(ends + 1.0, 3),
        tags={
            "families": (*names, *rare, *strange),
            "plots": tuple(sorted({story.plot.name for story in stories if story.plot.name})),
            "told": tuple(sorted({tag for story in stories for tag in story.tags})),
            "notes": tuple(sorted(set(notes))),
            "inspection": document["merchant"]["inspection"],
            "mode": document["merchant"]["mode"],
        },
    )


def _is_uncertain(names: Sequence[str], document: dict[str, Any], vendor: dict[str, Any], skus: Sequence[str]) -> bool:
    """Whether an operator may have settled what was made to go wrong, or something else may stop it before that."""
    return bool(
        not _SETTLING.isdisjoint(names)
        or document["policies"]["approval"]
        or document["merchant"]["mode"] == "shadow"
        or vendor.get("closed_periods")
        or vendor["strict_credit_quantity"]
        or profiles.gaps(document)
        or not (document["skus"]["identity"] or set(skus) <= set(document["skus"]))
    )


def _is_the_demos(document: dict[str, Any]) -> bool:
    """Whether the causes that the generator names are right for this profile as well: they are the demo's."""
    return bool(
        document["merchant"]["inspection"] == "warehouse"
        and document["policies"]["on_mismatch"] == "hold"
        and document["tolerances"]["minor_units_per_line"]
    )


def _settled(document: dict[str, Any], published: bool) -> frozenset[str]:
    """Plots that need no exception with this profile: what is not the warehouse's word, and what is mapped later."""
    not_theirs = _ABOUT_GOODS if document["merchant"]["inspection"] != "warehouse" else frozenset()
    return not_theirs | (_MAPPED_LATER if published else frozenset())


def _told(seed: int, dice: Random, size: Size) -> tuple[World, list[Story]]:
    """Few orders with many returns, and what is rare in a peak made common."""
    chances = Chances(
        statuses={"fulfilled": 80, "closed": 12, "archived": 4, "pending": 4},
        currencies=dice.choice(({"GBP": 1}, {"GBP": 3, "EUR": 1}, {"JPY": 1}, {"KWD": 1}, {"JPY": 1, "KWD": 1})),
        quantities=dice.choice(((72, 20, 8), (30, 40, 30))),
        bundle=dice.choice((0.06, 0.4)),
        archived_line=0.04,
        line_total=dice.choice((0.03, 0.3)),
        settled=dice.choice((0.2, 0.6)),
        returned=1.0,
        returns=dice.choice(((100, 0, 0), (70, 20, 10), (0, 50, 50))),
        types=dice.choice(({"refund": 1}, {"refund": 2, "exchange": 1, "mixed": 1}, {"exchange": 1, "mixed": 1})),
        instant=dice.choice((0.2, 0.6, 1.0)),
        no_lines=0.08,
        everything=dice.choice((0.35, 0.8)),
        cheaper=0.4,
        ordered_already=0.15,
        numeric_id=0.05,
        unknown_field=0.05,
        twisted=dice.choice((0.2, 0.5, 0.9)),
        cancelled_instant=0.12,
        cancelled_standard=0.12,
        unknown_state=0.05,
        rejected=0.1,
        line_rejected=0.1,
        partly_accepted=0.3,
        fees=0.35,
        bonuses=0.25,
        shipping_only=0.5,
        goodwill=0.15,
        dispositions=dice.choice((0.0, 0.3, 0.9)),
        not_restocked=dice.choice((0.0, 0.3)),
        never_inspected=dice.choice((0.0, 0.1)),
        corrected=0.25,
        several_of_a_part=Random(f"{seed}/parts").choice((0.0, 0.0, 0.5)),
        odd=_odd(Random(f"{seed}/odd"), _ODDLY_TOLD, (0, 1, 2, 3)) | _odd(Random(f"{seed}/odd-orders"), _ODDLY_SOLD),
    )
    wanted, most = dice.randint(*size.orders), dice.randint(*size.returns)
    attempt, rare = 0, Random(f"{seed}/rare")
    sought = rare.choice(_RARE) if rare.random() < _SEEKS else ""
    while True:
        made = world.build(seed + (attempt << 40), wanted, chances)
        stories = telling.tell(made, chances=chances)[:most]
        attempt += 1
        if not stories:
            continue  # every order is still pending: nothing could come back
        if not sought or attempt >= _TRIES or any(story.plot.name == sought for story in stories):
            return replace(made, seed=seed), stories


def _odd(dice: Random, names: Sequence[str], counts: Sequence[int] = (0, 0, 1, 2)) -> dict[str, float]:
    """A few ways of telling or selling oddly, each common in the runs that have it."""
    return dict.fromkeys(dice.sample(names, dice.choice(counts)), 0.7)


def _deliveries(
    dice: Random, by_hand: Random, stories: Sequence[Story], traffic: float, expectations: Expected
) -> tuple[list[Delivery], list[str]]:
    """What is sent and when, and what is to be noted about it."""
    habits = Habits(
        same_id_again=dice.choice((0.0, 0.12, 0.4)),
        same_body_new_id=dice.choice((0.0, 0.06, 0.3)),
        overtaken=dice.choice((0.0, 0.12, 0.5)),
        very_late=dice.choice((0.0, 0.04, 0.2)),
        too_early=dice.choice((0.0, 0.04, 0.4)),
    )
    timed = [entry for story in stories for entry in deliveries.of_story(dice, story, habits)]
    notes = []
    if dice.random() < 0.05:
        fed_in = by_hand.random() < _FED_IN
        timed = _without_one(dice, timed, expectations, fed_in=fed_in)
        notes.append("webhook-fed-in" if fed_in else "webhook-lost")
    first = min((due for due, _ in timed), default=0.0)
    span = max((due for due, _ in timed), default=1.0) - first or 1.0
    planned = [((due - first) / span, delivery) for due, delivery in timed]
    for kind in _hostile(dice, stories):
        planned.append((dice.random(), deliveries.of_poison(kind)))
        notes.append("poison")
    planned.sort(key=lambda entry: entry[0])
    sent = [
        replace(delivery, seq=seq, offset=round(share * traffic, 3)) for seq, (share, delivery) in enumerate(planned, 1)
    ]
    return sent, notes


def _without_one(
    dice: Random, timed: list[tuple[float, Delivery]], expectations: Expected, *, fed_in: bool
) -> list[tuple[float, Delivery]]:
    """One message does not come, nor any repeat of it. Most are fed in by hand after everything else, as from Reveni's
    list of what it paid; where that is not done, nothing can be demanded of the return any more."""
    if len(timed) < 3:
        return timed
    _, lost = dice.choice(timed)
    about = (lost.sort, lost.return_id, lost.version)
    others = [entry for entry in timed if (entry[1].sort, entry[1].return_id, entry[1].version) != about]
    if fed_in:  # two inspections of one return may have the same version: both were lost
        late = max(due for due, _ in timed) + 0.1
        gone = [one for _, one in timed if (one.sort, one.return_id, one.version) == about and not one.note]
        return [*others, *((late, replace(one, note="fed-in")) for one in gone)]
    known = expectations.tags.get(lost.return_id, [])
    expectations.tags[lost.return_id] = sorted({*known, "webhook-lost"})
    expectations.demands[:] = [one for one in expectations.demands if one.return_id != lost.return_id]
    return others


def _hostile(dice: Random, stories: Sequence[Story]) -> list[poison.Poison]:
    """None to four hostile bodies; those about a real order spare the orders that have a plot of their own."""
    small, large = _poison()
    spared = {story.order_id for story in stories if story.plot.name}
    known = {story.order_id for story in stories} - spared
    count = dice.choices((0, 1, 2, 3, 4), (50, 20, 15, 10, 5))[0]
    usable = [kind for kind, order_id in small if not order_id or order_id in known]
    kinds = [dice.choice(usable) for _ in range(count)]
    if dice.random() < 0.015:
        kinds.append(dice.choice(large))
    return kinds


@cache
def _poison() -> tuple[list[tuple[poison.Poison, str]], list[poison.Poison]]:
    """Every kind, made once in a process: small ones with the real order that they name, and large ones."""
    kinds = list(poison.every(Random("poison"), [str(500_000 + number) for number in (1, 2, 3)]))
    small = [
        (kind, str(orjson.loads(kind.body)["data"]["order_id"]) if kind.name.startswith("real-order") else "")
        for kind in kinds
        if len(kind.body) < _LARGE
    ]
    return small, [kind for kind in kinds if len(kind.body) >= _LARGE]


def _publications(dice: Random, document: dict[str, Any], skus: Sequence[str], traffic: float) -> list[Act]:
    """New versions of the profile: mostly where something is unmapped or dark, now and then for no such reason."""
    needed = bool(profiles.gaps(document)) or document["merchant"]["mode"] == "shadow"
    listed = not (document["skus"]["identity"] or set(skus) <= set(document["skus"]))
    acts: list[Act] = []
    if dice.random() < (0.8 if needed or listed else 0.15):
        for version in range(2, 2 + dice.choice((1, 1, 2))):
            document = profiles.next_version(dice, document, skus)
            acts.append(Publish(0, 0.0, document, version))
    moments = sorted(round(dice.uniform(0.05, 1.1) * traffic, 3) for _ in acts)
    return [replace(act, at=at) for act, at in zip(acts, moments, strict=True)]


def _skus(made: World, stories: Sequence[Story]) -> list[str]:
    """Every SKU that the run may speak of, in order."""
    found = {sku for order in made.orders for sku in order.sold()}
    for story in stories:
        for told in story.told:
            found.update(entry["sku"] for entry in told.data.get("replacements", ()))
            found.update(line["sku"] for line in told.data["lines"])
    return sorted(found)


def _shelves(made: World, skus: Sequence[str]) -> World:
    """The stock of what the run speaks of alone: seeding the shelves of a whole shop would cost more than the run."""
    wanted = {*skus, *catalogue.SOLD_OUT}
    return replace(made, stock={key: units for key, units in made.stock.items() if key[0] in wanted})


EVERY_PLOT = frozenset({*plots.ALL, *plots.CHANGES})
