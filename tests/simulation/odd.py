"""Odd answers of the vendor, or of what stands before it: pages that are not its own, numbers with too many digits.

They have dice of their own, so that the other plans stay as they are.
"""

from __future__ import annotations

from random import Random

from adapters.simulators import foreign
from tests.simulation.families import Family, Trouble


def _foreign(trouble: Trouble) -> None:
    """A proxy or a maintenance page answers: now and then, in a burst, or to everything for a while; each style is met
    before the vendor's work and after it."""
    dice = trouble.dice
    for _ in range(dice.randint(1, 3)):
        fields = {"on": dice.choice(("any", "read", "write")), "applied": dice.random() < 0.4}
        if dice.random() < 0.6:
            fields["style"] = dice.choice(sorted(foreign.STYLES))
        manner = dice.randrange(3)
        if manner == 0:
            trouble.rule("foreign", 0.0, trouble.traffic, probability=round(dice.uniform(0.01, 0.15), 3), **fields)
        elif manner == 1:
            trouble.rule("foreign", trouble.moment(), trouble.span(1.0, 60.0), probability=1.0, **fields)
        else:
            trouble.rule("foreign", trouble.moment(), trouble.span(5.0, 60.0), count=dice.randint(1, 6), **fields)


def _veiled(trouble: Trouble) -> None:
    """Writes are applied and nobody hears of it, and whoever looks meets one page of somebody else's, for longer than
    it takes until "not there" would be believed."""
    dice, account = trouble.dice, trouble.document["accounts"]["ns"]
    settled = account["deadline_seconds"] * 2 + account["longest_execution_seconds"] + account["read_lag_seconds"]
    at = round(dice.choice(trouble.told or (0.0,)) + dice.uniform(0.0, 5.0), 3)
    lasts = round(float(settled) + dice.uniform(20.0, 60.0), 3)
    style = dice.choice(("maintenance-json", "maintenance-json", "json-404", "proxy-404", "wrong-shape", "empty"))
    hidden = dice.choice(("reset-after-apply", "apply-then-timeout"))
    kinds = dice.choice((["credit_note"], ["item_receipt"], ["credit_note", "item_receipt"]))
    trouble.rule("foreign", at, lasts, probability=1.0, on="read", kind=kinds, style=style)
    trouble.rule(hidden, at, lasts, count=dice.randint(1, 4), kind=kinds)


def _parent_veiled(trouble: Trouble) -> None:
    """Notes are made, and whoever wants to apply one meets somebody else's 404 for longer than reads may be stale."""
    dice, account = trouble.dice, trouble.document["accounts"]["ns"]
    lasts = round(float(account["read_lag_seconds"]) + dice.uniform(20.0, 90.0), 3)
    for _ in range(dice.randint(1, 4)):
        at = round(dice.choice(trouble.told or (0.0,)) + dice.uniform(0.2, 12.0), 3)
        style = dice.choice(("json-404", "proxy-404"))
        trouble.rule("foreign", at, lasts, probability=1.0, on="read", kind=["credit_note"], style=style)


def _conflict(trouble: Trouble) -> None:
    """The vendor says "not now" in its own words: somebody has the record open, or an unexpected error."""
    dice = trouble.dice
    for _ in range(dice.randint(1, 3)):
        trouble.rule(
            "conflict", trouble.moment(), trouble.span(1.0, 30.0), probability=round(dice.uniform(0.1, 1.0), 3)
        )


def _missing(trouble: Trouble) -> None:
    """Some reads are told that nothing is there, in the vendor's own words: a replica that does not know it yet.

    No longer than the account's reads may be stale.
    """
    dice, account = trouble.dice, trouble.document["accounts"]["ns"]
    lasts = float(account["read_lag_seconds"])
    if not lasts:
        return
    for _ in range(dice.randint(1, 3)):
        at = round(dice.choice(trouble.told or (0.0,)) + dice.uniform(0.0, 20.0), 3)  # when there is something to read
        seconds = round(lasts * dice.uniform(0.3, 0.95), 3)
        trouble.rule("missing", at, seconds, probability=round(dice.uniform(0.1, 1.0), 3))


def _odd_numbers(trouble: Trouble) -> None:
    """Amounts are shown as floating point has them."""
    trouble.rule("odd-numbers", 0.0, trouble.traffic + 60.0, probability=round(trouble.dice.uniform(0.2, 1.0), 3))


ODD: dict[str, tuple[float, Family]] = {  # with the share of runs that have it, whatever else they have
    "foreign": (0.12, _foreign),
    "veiled": (0.05, _veiled),
    "parent-veiled": (0.05, _parent_veiled),
    "conflict": (0.06, _conflict),
    "missing": (0.06, _missing),
    "odd-numbers": (0.10, _odd_numbers),
}


def chosen(dice: Random) -> list[str]:
    """What a run has of them, by name."""
    return [name for name, (share, _) in ODD.items() if dice.random() < share]
