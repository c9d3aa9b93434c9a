"""What the vendor answered, against what the pipeline made of it: stated pauses, refusals, what is given up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from tests.simulation.checks.findings import Findings
from tests.simulation.plan import THE_FAULT, Jump, Pause, Plan, VendorFault

_ON_THEIR_WAY = 0.05  # seconds in which the answer gets there, and calls that were sent before it arrive
_SAYS_OF_ITSELF = frozenset({"mismatch", "duplicate", "unknown-outcome"})  # told by look-ups, not by a refusal
_NOT_THE_COMMANDS = frozenset({401, 408, 429})
_BY_THE_CLOCK = frozenset({"http_date", "unix", "iso"})
_OTHERS = 4  # calls answered between five failures: without them it is the account that fails, not the command


class Call(Protocol):
    """A call as the vendor's own log has it."""

    @property
    def account(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def in_flight(self) -> int: ...
    @property
    def status(self) -> int | None: ...
    @property
    def fault(self) -> str | None: ...


class Calls:
    """Hears each call begin and end, and each outcome."""

    def __init__(self, plan: Plan, findings: Findings) -> None:
        self._findings = findings
        self._rules = [
            (act.at, act.at + float(act.rule.get("until", 1e9)), _stated(act.rule, _is_skewed(plan)))
            for act in plan.acts
            if isinstance(act, VendorFault) and act.rule["fault"] == "429"
        ]
        # A process that was stopped hears of its answers when it wakes, together with all else.
        self._is_watched = not any(isinstance(act, Pause) and act.role == "dispatcher" for act in plan.acts)
        self._throttled_at = self._stay_away_until = 0.0
        self._answered = self._refusals = 0
        self._asked: dict[str, int] = {}  # command: calls answered before it was asked
        self._refused: set[tuple[str, int]] = set()

    def asked(self, command_id: str) -> None:
        self._asked.setdefault(command_id, self._answered)

    def taken_over(self) -> None:
        """Another process owns the account; nobody has told it what the one before was told."""
        self._stay_away_until = 0.0

    def began(self, call: Call) -> None:
        if not self._rules or not self._is_watched or not call.in_flight:
            return
        self._findings.check("I12")
        now = self._findings.now
        if self._throttled_at + _ON_THEIR_WAY < now < self._stay_away_until:
            what = f"account {call.account} was throttled at {self._throttled_at:.3f} and asked for no call before "
            what += f"{self._stay_away_until:.3f}; one came at {now:.3f}"
            self._findings.add("I12", "called-while-throttled", "", what, f"{self._throttled_at}")

    def ended(self, call: Call) -> None:
        status = call.status
        if status is None:
            return
        if status == 429 and call.fault == "429":
            self._pause()
        if status < 500 and status not in _NOT_THE_COMMANDS:
            self._answered += 1
            self._refusals += refuses(call)

    def _pause(self) -> None:
        now = self._findings.now
        stated = [seconds for begins, ends, seconds in self._rules if begins <= now <= ends]
        least = min(stated, default=0.0)
        if least > 0 and now + least > self._stay_away_until:
            self._throttled_at, self._stay_away_until = now, now + least

    def outcome(self, event: Mapping[str, Any]) -> None:
        """A refusal is the vendor's, and a command is not given up because the account is down."""
        name = (str(event["command_id"]), int(event["revision"]))
        failure = event.get("failure")
        if event["status"] != "refused" or not failure or name in self._refused:
            return
        about = f"{event['kind']} {event['subject']} of order {event['order_key']}"
        if failure.get("disposition") == "attempts-exhausted":
            self._findings.check("E02")
            others = self._answered - self._asked.get(name[0], 0)
            if others < _OTHERS:
                what = f"{about} was given up; since it was asked the account had answered {others} calls in all"
                self._findings.add("E02", "given-up-in-an-outage", str(event["order_key"]), what, name[0])
        elif failure["kind"] == "bug":
            self._findings.check("I1")
            if THE_FAULT not in failure["message"]:
                what = f"{about} ended by a fault of ours that nobody put there: {failure['message']}"
                self._findings.add("I1", "fault-of-ours", str(event["order_key"]), what, name[0])
        elif failure["kind"] not in _SAYS_OF_ITSELF:
            self._refused.add(name)
            self._findings.check("I1")
            self._findings.check("E02")  # a throttle or an outage that ends a command is a refusal by nobody
            if len(self._refused) > self._refusals:
                what = f"{about} ended as refused ({failure['message']}); so have {len(self._refused) - 1} commands "
                what += f"before, and the account has refused {self._refusals} calls"
                self._findings.add("I1", "refused-by-nobody", str(event["order_key"]), what, name[0])


def refuses(call: Call) -> bool:
    """Whether the answer refuses what was asked, and not the caller or the moment."""
    return call.status is not None and 400 <= call.status < 500 and call.status not in _NOT_THE_COMMANDS


def _is_skewed(plan: Plan) -> bool:
    return any(isinstance(act, Jump) for act in plan.acts)


def _stated(rule: Mapping[str, Any], skewed: bool) -> float:
    """Seconds that a rule's answers ask for at least; 0 where they do not say, or by a clock that jumps."""
    style = rule.get("retry_after", "absent")
    if style == "absent" or (style in _BY_THE_CLOCK and skewed):
        return 0.0
    seconds = float(rule.get("seconds", 1.0))
    return seconds - 1.0 if style in _BY_THE_CLOCK else seconds - 0.001
