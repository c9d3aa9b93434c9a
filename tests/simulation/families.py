"""Families of faults: each puts acts of its kind somewhere into a run, and all of them are over by its end.

Swarm testing: a run takes a few families and leaves the others off, since faults that always come together hide one
another (Groce and others, "Swarm Testing", ISSTA 2012).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from adapters.simulators.faults import RETRY_AFTER_STYLES
from tests.simulation.plan import (
    Act,
    BrokerFault,
    Compact,
    Corrupt,
    Join,
    Jump,
    Kill,
    Leave,
    Operate,
    Pause,
    Rebalance,
    VendorFault,
)
from tests.simulation.profiles import ACCOUNT

SEQUENCER_POINTS = tuple(
    f"sequencer.{name}" for name in ("decided", "changelog", "installed", "published", "acknowledged")
)
DISPATCHER_POINTS = tuple(
    f"dispatcher.{name}"
    for name in (
        "owned",
        "after-read",
        "begun-written",
        "before-send",
        "after-send",
        "outcome-published",
        "done-written",
    )
)
POINTS = {"sequencer": SEQUENCER_POINTS, "dispatcher": DISPATCHER_POINTS}
_BEFORE_A_WRITE = {
    "sequencer": ("sequencer.decided", "sequencer.decided", "sequencer.installed"),
    "dispatcher": tuple(
        f"dispatcher.{name}" for name in ("begun-written", "before-send", "before-send", "before-send")
    ),
}
SESSIONS = {"sequencer": 8.0, "dispatcher": 15.0}
TOPICS = ("", "", "orders-changelog", "begun", "dead.letters", "erp.commands", "erp.outcomes", "events.")
SLIPS = ("", "", "", "stale", "twice", "wrong_target")
LONGEST_OUTAGE = 600.0


@dataclass(slots=True)
class Trouble:
    """Acts as they are thought up, and when the last of them is over. Times in virtual seconds."""

    dice: Random
    traffic: float  # how long webhooks come
    document: Mapping[str, Any]  # the profile: what the account may do is said there
    told: Sequence[float] = ()  # when Reveni and the warehouse say something: soon after, calls are in flight
    acts: list[Act] = field(default_factory=list)
    until: float = 0.0

    def moment(self, share: float = 1.1) -> float:
        """Some time in the traffic, or (a share above 1) a little after it, while the backlog is worked off."""
        return round(self.dice.uniform(0.0, self.traffic * share), 3)

    def span(self, least: float, most: float) -> float:
        """A length of time; short ones are as likely as long ones."""
        return round(float(least * (most / least) ** self.dice.random()), 3)

    def role(self) -> str:
        return self.dice.choice(("sequencer", "dispatcher", "dispatcher"))

    def add(self, act: Act, lasts: float = 0.0) -> None:
        self.acts.append(act)
        self.until = max(self.until, act.at + lasts)

    def rule(self, fault: str, at: float, lasts: float, **fields: Any) -> None:
        """A rule of the simulator for so long."""
        rule = {"account": ACCOUNT, "fault": fault, "from": 0, "until": lasts, **fields}
        self.add(VendorFault(0, at, rule), lasts)


Family = Callable[[Trouble], None]


def _vendor(*faults: str, most: float = 0.3, **fixed: Callable[[Trouble], Any]) -> Family:
    """Each of the faults at a low rate all the time, in bursts, or a few times for certain."""

    def family(trouble: Trouble) -> None:
        dice = trouble.dice
        for fault in dice.sample(faults, dice.randint(1, len(faults))):
            fields = {name: value(trouble) for name, value in fixed.items()}
            manner = dice.randrange(3)
            if manner == 0:
                trouble.rule(fault, 0.0, trouble.traffic, probability=round(dice.uniform(0.01, most), 3), **fields)
                continue
            for _ in range(dice.randint(1, 3)):
                at = trouble.moment()
                if manner == 1:
                    odds = round(dice.uniform(most, 1.0), 3)
                    trouble.rule(fault, at, trouble.span(0.5, 20.0), probability=odds, **fields)
                else:
                    trouble.rule(fault, at, trouble.span(5.0, 60.0), count=dice.randint(1, 4), **fields)

    return family


def _slow_seconds(trouble: Trouble) -> float:
    """Never longer than the account may take over a call that was cut off."""
    account = trouble.document["accounts"][ACCOUNT]
    longest = account["deadline_seconds"] / 2 + account["longest_execution_seconds"] * 0.9
    return round(min(trouble.span(0.2, 30.0), float(longest)), 3)


def _outage(trouble: Trouble) -> None:
    """The whole system is away, in one of the ways in which that looks from outside; perhaps flapping."""
    dice = trouble.dice
    at, left = trouble.moment(1.0), trouble.span(2.0, LONGEST_OUTAGE)
    fault = dice.choice(("503", "502", "reset-before-apply", "hang", "429"))
    for _ in range(dice.choice((1, 1, 4))):
        seconds = round(left * dice.uniform(0.5, 1.0), 3)
        fields = {"on": "any", "probability": 1.0}
        if fault == "429":
            fields |= {"retry_after": dice.choice(RETRY_AFTER_STYLES), "seconds": trouble.span(0.5, 20.0)}
        trouble.rule(fault, at, seconds, **fields)
        at, left = at + seconds + trouble.span(0.1, 10.0), left / 3


def _broker(fault: str) -> Family:
    def family(trouble: Trouble) -> None:
        dice = trouble.dice
        for _ in range(dice.randint(1, 3)):
            seconds = trouble.span(0.2, 12.0 if fault == "away" else 40.0)
            certain = fault == "away" or dice.random() < 0.3
            trouble.add(
                BrokerFault(
                    0,
                    trouble.moment(),
                    fault,
                    seconds,
                    probability=1.0 if certain else round(dice.uniform(0.02, 0.6), 3),
                    topic="" if fault == "away" else dice.choice(TOPICS),
                    delay=trouble.span(0.05, 5.0) if fault == "slow" else 0.0,
                ),
                seconds,
            )

    return family


def _kill(trouble: Trouble) -> None:
    for _ in range(trouble.dice.randint(1, 4)):
        _one_kill(trouble, trouble.role(), trouble.moment())


def _kill_at_points(trouble: Trouble) -> None:
    for _ in range(trouble.dice.randint(1, 4)):
        role = trouble.role()
        _one_kill(trouble, role, trouble.moment(1.0), trouble.dice.choice(POINTS[role]))


def _kill_again_and_again(trouble: Trouble) -> None:
    """As a process does that is restarted into the same trouble: at one point, or at any moment."""
    dice, role, at = trouble.dice, trouble.role(), trouble.moment(0.8)
    point = dice.choice((*POINTS[role], "", ""))
    worker = dice.randrange(3)
    for _ in range(dice.randint(3, 10)):
        back = trouble.span(0.1, 5.0)
        trouble.add(Kill(0, round(at, 3), role, worker, point, back), back)
        at += back + trouble.span(0.2, 15.0)


def _one_kill(trouble: Trouble, role: str, at: float, point: str = "") -> None:
    """The process comes back, sooner or later than its session ends."""
    back = trouble.span(0.1, 2 * SESSIONS[role])
    trouble.add(Kill(0, at, role, trouble.dice.randrange(3), point, back), back)


def _pause(trouble: Trouble) -> None:
    """Shorter and longer than the session time-out, at any moment or in a gap of a protocol."""
    dice = trouble.dice
    for _ in range(dice.randint(1, 3)):
        role = trouble.role()
        seconds = round(SESSIONS[role] * dice.choice((0.2, 0.6, 0.9, 1.1, 1.5, 3.0)) * dice.uniform(0.8, 1.2), 3)
        point = dice.choice(POINTS[role]) if dice.random() < 0.5 else ""
        trouble.add(Pause(0, trouble.moment(), role, dice.randrange(3), seconds, point), seconds)


def _zombie(trouble: Trouble) -> None:
    """Stopped before a write or a call for longer than its session; another takes over, and it wakes and goes on.

    What it wrote late matters when the table is read again, so somebody has to read it.
    """
    dice, role = trouble.dice, trouble.dice.choice(("sequencer", "dispatcher"))
    for _ in range(dice.randint(1, 2)):
        at, seconds = trouble.moment(0.7), round(SESSIONS[role] * dice.uniform(2.0, 5.0), 3)
        trouble.add(Join(0, at, role))
        point = dice.choice(_BEFORE_A_WRITE[role])
        trouble.add(Pause(0, at, role, dice.choice((0, 0, 0, 1)), seconds, point), seconds)
        back = round(at + seconds + trouble.span(2.0, 90.0), 3)
        trouble.add(Rebalance(0, back, role) if dice.random() < 0.5 else Kill(0, back, role, dice.randrange(3)), 1.0)


def _overtaken(trouble: Trouble) -> None:
    """A command waits in a stopped process; meanwhile it is asked by another, refused, and asked anew by a person."""
    dice = trouble.dice
    at, seconds = trouble.moment(0.6), round(SESSIONS["sequencer"] * dice.uniform(4.0, 7.0), 3)
    trouble.add(Join(0, at, "sequencer"))
    for worker in (0, 1):
        trouble.add(Pause(0, at, "sequencer", worker, seconds, "sequencer.installed"), seconds)
    trouble.rule("refuse", at, seconds, probability=1.0)
    for _ in range(6):
        trouble.add(
            Operate(0, round(at + seconds * dice.uniform(0.3, 0.95), 3), "decide", round(dice.random(), 6)), 0.0
        )


def _unseen(trouble: Trouble) -> None:
    """A write is applied at the last moment and nobody hears of it; and reads are as stale as they may be."""
    dice, account = trouble.dice, trouble.document["accounts"][ACCOUNT]
    lasts = min(float(account["longest_execution_seconds"]), 60.0) + account["read_lag_seconds"] + 20.0
    for _ in range(dice.randint(1, 2)):
        at = trouble.moment(0.9)
        fault = dice.choice(("late-apply", "late-apply", "apply-then-timeout", "reset-after-apply"))
        fields: dict[str, Any] = {"seconds": 900} if fault == "late-apply" else {}
        if dice.random() < 0.5:
            fields["kind"] = ["item_receipt", "return_authorisation"]
        trouble.rule(fault, at, lasts, count=dice.randint(1, 4), **fields)
        trouble.rule("stale-read", at, lasts, probability=1.0)


def _crowded(trouble: Trouble) -> None:
    """The account's slots are all taken by a process that stops, and its calls end just after another took over."""
    dice, account = trouble.dice, trouble.document["accounts"][ACCOUNT]
    deadline = account["deadline_seconds"]
    seconds = SESSIONS["dispatcher"] + deadline * dice.uniform(0.3, 0.9)
    at = trouble.moment(0.7)
    stopped = round(at + trouble.span(0.5, 10.0), 3)
    trouble.rule("hang", at, 60.0, probability=1.0, hold_seconds=round(seconds, 3))
    for worker in range(3):
        trouble.add(Pause(0, stopped, "dispatcher", worker, round(dice.uniform(40.0, 60.0), 3)), 60.0)
    trouble.add(Join(0, round(stopped + 0.1, 3), "dispatcher"))


def _membership(trouble: Trouble) -> None:
    dice = trouble.dice
    for _ in range(dice.randint(1, 5)):
        at, role = trouble.moment(), trouble.role()
        acts = (Join(0, at, role), Leave(0, at, role, dice.randrange(3)), Rebalance(0, at, role))
        trouble.add(dice.choice(acts))


def _clocks(trouble: Trouble) -> None:
    dice = trouble.dice
    for _ in range(dice.randint(1, 3)):
        size = trouble.span(0.5, 3600.0)
        trouble.add(Jump(0, trouble.moment(), trouble.role(), dice.randrange(3), dice.choice((-size, size))))


def _compact(trouble: Trouble) -> None:
    for _ in range(trouble.dice.randint(1, 4)):
        trouble.add(Compact(0, trouble.moment()))


def _corrupt(trouble: Trouble) -> None:
    """A byte that has rotted is found when the table is read again: somebody has to read it."""
    at = trouble.moment(0.9)
    trouble.add(Corrupt(0, at, trouble.dice.randrange(8)))
    _one_kill(trouble, "sequencer", round(at + trouble.span(0.1, 5.0), 3))


def _operator(trouble: Trouble) -> None:
    dice = trouble.dice
    for _ in range(dice.randint(1, 6)):
        at = round(dice.uniform(0.1, 1.2) * trouble.traffic, 3)
        trouble.add(
            Operate(0, at, dice.choice(("decide", "decide", "replay")), round(dice.random(), 6), dice.choice(SLIPS))
        )


def _replay(trouble: Trouble) -> None:
    """Dead records are sent in again, again and again, and most of them die again."""
    for _ in range(trouble.dice.randint(2, 4)):
        at = round(trouble.dice.uniform(0.5, 1.2) * trouble.traffic, 3)
        draw, slip = round(trouble.dice.random(), 6), trouble.dice.choice(("", "", "twice", "stale"))
        trouble.add(Operate(0, at, "replay", draw, slip))


FAMILIES: dict[str, Family] = {
    "throttled": _vendor(
        "429",
        retry_after=lambda trouble: trouble.dice.choice(RETRY_AFTER_STYLES),
        seconds=lambda trouble: trouble.span(0.2, 30.0),
    ),
    "broken": _vendor(
        "500", "502", "503", applied=lambda trouble: trouble.dice.random() < 0.3, on=lambda trouble: "write"
    ),
    "refused": _vendor("refuse", most=0.15),
    "slow": _vendor("slow", seconds=_slow_seconds),
    "hung": _vendor("hang", most=0.15, hold_seconds=lambda trouble: trouble.span(1.0, 60.0)),
    "reset": _vendor("reset-before-apply", "reset-after-apply"),
    "timeout": _vendor("apply-then-timeout"),
    "late": _vendor("late-apply"),
    "lies": _vendor("accept-and-lose", "wrong-amount", most=0.1),
    "stale": _vendor("stale-read", most=0.6),
    "outage": _outage,
    "broker-refused": _broker("refused"),
    "broker-unacknowledged": _broker("unacknowledged"),
    "broker-slow": _broker("slow"),
    "broker-away": _broker("away"),
    "kill": _kill,
    "kill-at-points": _kill_at_points,
    "kill-again": _kill_again_and_again,
    "pause": _pause,
    "zombie": _zombie,
    "unseen": _unseen,
    "crowded": _crowded,
    "overtaken": _overtaken,
    "membership": _membership,
    "clocks": _clocks,
    "compact": _compact,
    "corrupt": _corrupt,
    "operator": _operator,
    "replay": _replay,
}


_RARE = {"corrupt": 0.15, "crowded": 0.7}  # the share of runs that keep the family once it has come up
_OFTEN = {"zombie": 4, "unseen": 3, "outage": 2, "operator": 2, "lies": 2}  # so many times as likely as another
_HOW_MANY = (10, 25, 25, 18, 12, 10)  # weights of 0 to 5 families


def chosen(dice: Random) -> list[str]:
    """The families of a run, by name."""
    known = sorted(FAMILIES)
    times = [_OFTEN.get(name, 1) for name in known]
    drawn = dice.sample(known, dice.choices(range(len(_HOW_MANY)), _HOW_MANY)[0], counts=times)
    return [name for name in dict.fromkeys(drawn) if dice.random() < _RARE.get(name, 1.0)]
