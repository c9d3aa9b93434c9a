"""What a run has besides its families, seldom: each aimed at one moment that chance alone hardly ever hits.

They have dice of their own, so that a new one leaves the other plans as they are.
"""

from __future__ import annotations

from random import Random

from tests.simulation.families import SESSIONS, Family, Trouble
from tests.simulation.plan import BrokerFault, Deploy, Join, Pause, Rebalance

GIVING_UP, REVOKED = "dispatcher.giving-up", "rows.revoked"  # fault points struck here alone


def _bad_deploy(trouble: Trouble) -> None:
    """A build that fails on every order, or on some, is rolled out, and after a while taken back."""
    down = trouble.span(0.1, 15.0)
    at, lasts = round(max(0.0, trouble.dice.choice(trouble.told) - down / 2), 3), down + trouble.span(4.0, 60.0)
    trouble.add(Deploy(0, at, trouble.dice.choice(("bad", "faulty")), trouble.span(0.1, 5.0), down))
    trouble.add(Deploy(0, round(at + lasts, 3), "", trouble.span(0.1, 5.0)), 10.0)


def _misreads(trouble: Trouble) -> None:
    """A build whose dispatchers fail on what the vendor answers about some commands, and after a while it is mended."""
    at = round(max(0.0, trouble.dice.choice(trouble.told) - trouble.span(0.1, 5.0)), 3)
    trouble.add(Deploy(0, at, "misreads", trouble.span(0.1, 5.0)))
    trouble.add(Deploy(0, round(at + trouble.span(5.0, 90.0), 3), "", trouble.span(0.1, 5.0)), 10.0)


def _upgrade(trouble: Trouble) -> None:
    """The workers are of the release before, and are replaced one after the other by those of this one."""
    trouble.add(Deploy(0, 0.0, "older"))
    down = trouble.dice.choice((0.0, trouble.span(0.1, 15.0)))
    trouble.add(Deploy(0, trouble.moment(0.9), "", trouble.span(0.1, 20.0), down), 20.0 + down)


def _cut_short(trouble: Trouble) -> None:
    """A process is asked for its partitions while calls hang, stops until its time to give them up is over, and wakes
    to have them again: what it had in hand must not go on beside what it begins anew."""
    dice = trouble.dice
    for at in dice.sample(trouble.told, min(2, len(trouble.told))):
        asked, seconds = round(at + trouble.span(0.2, 5.0), 3), round(dice.uniform(14.0, 24.0), 3)
        trouble.rule("hang", at, 12.0, on="write", probability=1.0, hold_seconds=60.0)
        trouble.add(Rebalance(0, asked, "dispatcher"))
        for worker in range(3):
            trouble.add(Pause(0, at, "dispatcher", worker, seconds, GIVING_UP), seconds)


def _owns_late(trouble: Trouble) -> None:
    """A process is given the account, stops before it hears of it, and takes the account over when it wakes:
    another one has it by then, and finds what it wrote beside its own (in these runs it looks every two seconds)."""
    dice = trouble.dice
    trouble.add(Join(0, 0.5, "dispatcher"))
    asked = dice.uniform(0.0, 20.0)
    for _ in range(dice.randint(4, 7)):
        seconds = round(dice.uniform(17.0, 24.0), 3)
        asked = round(asked + seconds + trouble.span(3.0, 12.0), 3)
        trouble.add(Pause(0, asked, "dispatcher", dice.choice((0, 0, 1)), seconds, REVOKED), seconds)
        trouble.add(Rebalance(0, asked, "dispatcher"))
        # When it wakes, nobody tells it for a while that it was thrown out.
        away = BrokerFault(0, round(asked + seconds - 0.5, 3), "coordinator", 5.0)
        trouble.add(away, 5.0)


def _handed_on(trouble: Trouble) -> None:
    """The account goes from one process to another and back before the first is told that its own record is stored."""
    dice, at = trouble.dice, trouble.moment(0.9)
    delay = trouble.span(1.0, 8.0)
    trouble.add(Join(0, at, "dispatcher"))
    trouble.add(BrokerFault(0, at, "slow", 40.0, probability=0.7, topic="begun", delay=delay), 40.0 + delay)
    for _ in range(dice.randint(3, 6)):
        at = round(at + trouble.span(0.5, 8.0), 3)
        trouble.add(Rebalance(0, at, "dispatcher"))
        if dice.random() < 0.3:
            worker, seconds = dice.randrange(3), round(SESSIONS["dispatcher"] * dice.uniform(0.3, 1.5), 3)
            trouble.add(Pause(0, at, "dispatcher", worker, seconds), seconds)


SELDOM: dict[str, tuple[float, Family]] = {  # with the share of runs that have it, whatever else they have
    "bad-deploy": (0.05, _bad_deploy),
    "misreads": (0.05, _misreads),
    "upgrade": (0.03, _upgrade),
    "cut-short": (0.05, _cut_short),
    "handed-on": (0.03, _handed_on),
    "owns-late": (0.04, _owns_late),
}


def chosen(dice: Random) -> list[str]:
    """What a run has besides, by name."""
    return [name for name, (share, _) in SELDOM.items() if dice.random() < share]
