"""What a playbook can say of one step about one subject: ready, waiting, held for a person, or not needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.commands import Body
from streams.vocabulary import ErrorKind, Owner


@dataclass(frozen=True, slots=True)
class Held:
    """Needs a person: becomes an exception with an owner, and closes by itself when its cause goes."""

    kind: ErrorKind
    sentence: str
    owner: Owner
    body: Body | None = None  # what would be sent, if it can be said: lets an operator say "post anyway"
    # (a `date` that is empty in it is the day on which somebody says so)
    mapping_key: str = ""  # the missing mapping, so that a new profile version wakes exactly what waits for it
    code: str = ""
    type: str = ""
    disposition: str = "rejected"
    attempts: int = 0
    part: str = ""  # only this part of the subject is held (a line id); the rest goes on
    stack: str = ""  # of a fault of ours
    worth: tuple[str, str] = ("", "")  # amount and currency, where it is not the subject's own


@dataclass(frozen=True, slots=True)
class Waits:
    """Goes on by itself when something else happens: an outcome, an answer, an event, an approval."""

    waits_for: str  # a document kind, "inspection", "refund", "approval", "profile:<key>", "letter:<dlq id>", ...
    why: str
    deadline: str = ""  # the profile deadline by which it is owed
    body: Body | None = None  # what would be sent, where an operator may say "post anyway"
    held: tuple[Held, ...] = ()  # the parts that a person has to see to
    withdraw: bool = False  # what was asked for already is called off until then, unless it has begun


@dataclass(frozen=True, slots=True)
class NotNeeded:
    """Nothing is to be made; if it was asked for already it is voided."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything is there: this is what to send. `held` names parts that stay behind with a person."""

    body: Body
    held: tuple[Held, ...] = field(default_factory=tuple)
    flagged: Held | None = None  # posted all the same, with an exception beside it (post_and_flag)


Verdict = Ready | Waits | Held | NotNeeded


class Stop(Exception):
    """Carries a verdict out of a gate or a body builder: the step ends here for now."""

    def __init__(self, verdict: Waits | Held | NotNeeded) -> None:
        super().__init__(verdict)
        self.verdict = verdict


def hold(
    kind: ErrorKind, owner: Owner, sentence: str, *, body: Body | None = None, key: str = "", part: str = ""
) -> Stop:
    """A `Held` to raise."""
    return Stop(Held(kind, sentence, owner, body=body, mapping_key=key, part=part))


def wait(waits_for: str, why: str, deadline: str = "") -> Stop:
    """A `Waits` to raise."""
    return Stop(Waits(waits_for, why, deadline))


def skip(reason: str) -> Stop:
    """A `NotNeeded` to raise."""
    return Stop(NotNeeded(reason))


_MAPPED = frozenset({"item", "tax_code", "tax_rate", "location", "from_location", "to_location", "reason", "method"})
_SETTINGS = frozenset({"on_closed_period", "date"})


def intent(body: Mapping[str, Any]) -> Any:
    """A body without the account's own codes: two bodies with one intent differ only by mapping.

    A command already issued keeps its meaning when the profile changes, so a waiting command is revised only when its
    intent changes.
    """
    return {
        name: [_bare(line) for line in value] if name == "lines" else value
        for name, value in body.items()
        if name not in _MAPPED and name not in _SETTINGS
    }


def _bare(line: Any) -> Any:
    return {name: value for name, value in line.items() if name not in _MAPPED} if isinstance(line, dict) else line
