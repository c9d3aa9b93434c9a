"""Faults on order: rules that say which calls go wrong, how, how often and when."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from enum import StrEnum
from typing import Any

from adapters.simulators import foreign, money


class Fault(StrEnum):
    """The list of CONTRACTS section 7, and four more."""

    TOO_MANY = "429"
    BROKEN = "5xx"
    REFUSE = "refuse"
    SLOW = "slow"
    HANG = "hang"
    RESET_BEFORE = "reset-before-apply"
    RESET_AFTER = "reset-after-apply"
    APPLY_THEN_TIMEOUT = "apply-then-timeout"
    LATE_APPLY = "late-apply"
    ACCEPT_AND_LOSE = "accept-and-lose"
    WRONG_AMOUNT = "wrong-amount"
    STALE_READ = "stale-read"
    # Beyond the contract's list.
    FOREIGN = "foreign"  # an answer that is not the vendor's (`style`), before the work or after it (`applied`)
    CONFLICT = "conflict"  # the vendor's own "not now": the record was changed, is locked, an unexpected error
    MISSING = "missing"  # a read is answered with the vendor's own 404
    ODD_NUMBERS = "odd-numbers"  # amounts with more digits than money has


_SPELLINGS = {
    "reset-before": Fault.RESET_BEFORE,
    "reset-after": Fault.RESET_AFTER,
    "apply-then-time-out": Fault.APPLY_THEN_TIMEOUT,
    "timeout-after-apply": Fault.APPLY_THEN_TIMEOUT,
}
# Where a fault makes sense only on a write (or a read), a rule without `on` waits for one.
_ON = {
    Fault.REFUSE: "write",
    Fault.RESET_BEFORE: "write",
    Fault.RESET_AFTER: "write",
    Fault.APPLY_THEN_TIMEOUT: "write",
    Fault.LATE_APPLY: "write",
    Fault.ACCEPT_AND_LOSE: "write",
    Fault.WRONG_AMOUNT: "write",
    Fault.STALE_READ: "read",
    Fault.CONFLICT: "write",
    Fault.MISSING: "read",
    Fault.ODD_NUMBERS: "read",
}
RETRY_AFTER_STYLES = ("seconds", "http_date", "unix", "iso", "milliseconds", "absent")


class BadRule(ValueError):
    """The rule cannot be read."""


@dataclass(slots=True)
class Rule:
    """One kind of misfortune. `seconds` is how long: to stay away (429), to be slow, to be stale, to apply late."""

    fault: Fault
    account: str = ""
    kinds: frozenset[str] = frozenset()
    on: str = "any"
    probability: float = 1.0
    left: int | None = None  # None: no count
    starts: float = 0.0
    ends: float = float("inf")
    retry_after: str = "absent"
    seconds: float | None = None
    status: int = 503
    applied: bool = False
    amount: Decimal = Decimal(1)
    hold_seconds: float | None = None
    style: str = ""  # of a foreign answer; empty: any

    def matches(self, account: str, kind: str | None, write: bool, now: float) -> bool:
        return (
            self.starts <= now < self.ends
            and self.left != 0
            and self.account in ("", account)
            and (not self.kinds or kind in self.kinds)
            and self.on in ("any", "write" if write else "read")
        )


class Faults:
    """The rules in force; the first that matches and whose die falls right is used."""

    def __init__(self, clock: Callable[[], float], seed: int | str) -> None:
        self._clock = clock
        self._seed = seed
        self._dice = random.Random(seed)
        self.rules: list[Rule] = []

    def put(self, payload: Any) -> int:
        """Replace all rules by a list of them (bare, or under `rules`); raises `BadRule`."""
        raw = payload.get("rules", payload.get("faults")) if isinstance(payload, Mapping) else payload
        if not isinstance(raw, list):
            raise BadRule('a list of rules is wanted: [...] or {"rules": [...]}')
        self.rules = [read_rule(one, self._clock()) for one in raw]
        return len(self.rules)

    def add(self, raw: Any) -> None:
        """One rule more, after those in force; those that are over are dropped. Raises `BadRule`."""
        now = self._clock()
        self.rules = [rule for rule in self.rules if rule.left != 0 and now < rule.ends]
        self.rules.append(read_rule(raw, now))

    def choose(self, account: str, kind: str | None, write: bool) -> Rule | None:
        """The fault for this call, counted as used."""
        now = self._clock()
        for rule in self.rules:
            if rule.matches(account, kind, write, now) and self._dice.random() < rule.probability:
                if rule.left is not None:
                    rule.left -= 1
                return rule
        return None

    def clear(self) -> None:
        self.rules = []
        self._dice = random.Random(self._seed)


def read_rule(raw: Any, now: float) -> Rule:
    """One rule from JSON; `from` and `until` count from now."""
    if not isinstance(raw, Mapping) or "fault" not in raw:
        raise BadRule(f"a rule needs a fault: {raw!r}")
    name = re.sub(r"[\s_]+", "-", str(raw["fault"]).strip().lower())
    status = 503
    if re.fullmatch(r"5\d\d", name):
        name, status = "5xx", int(name)
    try:
        fault = _SPELLINGS.get(name) or Fault(name)
        kind = raw.get("kind") or ()
        rule = Rule(
            fault=fault,
            account=str(raw.get("account") or ""),
            kinds=frozenset([kind] if isinstance(kind, str) else kind),
            on=str(raw.get("on") or _ON.get(fault, "any")),
            probability=float(raw.get("probability", 1.0)),
            left=int(raw["count"]) if raw.get("count") is not None else None,
            starts=now + float(raw.get("from") or 0),
            ends=now + float(raw["until"]) if raw.get("until") is not None else float("inf"),
            seconds=float(raw["seconds"]) if raw.get("seconds") is not None else None,
            status=int(raw.get("status", status)),
            applied=bool(raw.get("applied", False)),
            amount=money.read(raw.get("amount", "1")),
            hold_seconds=float(raw["hold_seconds"]) if raw.get("hold_seconds") is not None else None,
            style=str(raw.get("style") or ""),
        )
    except (TypeError, ValueError) as error:
        raise BadRule(f"{error} in {dict(raw)!r}") from None
    if rule.style and rule.style not in foreign.STYLES:
        raise BadRule(f"style is one of {', '.join(sorted(foreign.STYLES))}")
    style = raw.get("retry_after", "absent")
    if isinstance(style, int | float) and not isinstance(style, bool):
        rule.retry_after, rule.seconds = "seconds", float(style)
    elif style in RETRY_AFTER_STYLES:
        rule.retry_after = str(style)
    else:
        raise BadRule(f"retry_after is one of {', '.join(RETRY_AFTER_STYLES)}")
    return rule


def retry_after_headers(rule: Rule, now: datetime) -> dict[str, str]:
    """The header in the style asked for; milliseconds come in BigCommerce's own header."""
    seconds = 1.0 if rule.seconds is None else rule.seconds
    due = now + timedelta(seconds=seconds)
    match rule.retry_after:
        case "seconds":
            return {"Retry-After": f"{seconds:g}"}
        case "http_date":
            return {"Retry-After": format_datetime(due, usegmt=True)}
        case "unix":
            return {"Retry-After": str(int(due.timestamp()))}
        case "iso":
            return {"Retry-After": due.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
        case "milliseconds":
            return {"X-Rate-Limit-Time-Reset-Ms": str(int(seconds * 1000))}
        case _:
            return {}
