"""What the protocol needs of the world, so that a simulation can stand in for Kafka and turn the clock."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from agents.dispatcher.entries import Begun, Ended, Entry
from streams.adapter import Adapter as BaseAdapter
from streams.adapter import Calls
from streams.commands import Command, Outcome
from streams.vocabulary import CommandClass, DocumentKind


class OwnershipLost(Exception):
    """The account has been given away: what is in hand is left as it is, its next owner goes on from the table."""


class Adapter(BaseAdapter, Protocol):
    """One account of one system, as the dispatcher uses it."""

    def reference_enforced(self, command: Command) -> bool:
        """Whether the vendor keeps this command's reference unique, so that a resend cannot double."""
        ...


class Table(Protocol):
    """The account's memory of its commands."""

    @property
    def epoch(self) -> int:
        """Of this ownership; each is higher than the one before."""
        ...

    def get(self, command_id: str) -> Entry | None: ...

    def ended_with(self, kind: DocumentKind, number: str) -> set[str]:
        """The commands that are done, and whose document is the one of this number."""
        ...

    async def write(self, command_id: str, entry: Begun | Ended) -> None:
        """Returns when the brokers have it and it can be read. Raises `OwnershipLost`, or what ends the process."""
        ...


class Outcomes(Protocol):
    """`erp.outcomes`."""

    async def publish(self, outcome: Outcome) -> None:
        """Returns when the brokers have it."""
        ...


class Slots(Protocol):
    """The account's gate."""

    def slot(self, klass: CommandClass, command_id: str) -> AbstractAsyncContextManager[Calls]: ...

    def held_against(self, command_id: str) -> int: ...

    def fails_alone(self, command_id: str) -> bool: ...

    def forget(self, command_id: str) -> None: ...


class Holding(Protocol):
    """The lease."""

    def holds(self) -> bool: ...


class Alarms(Protocol):
    """Whom to tell of what stops a whole account."""

    async def sign_in_refused(self, account: str, message: str) -> None: ...

    async def stopped(self, reason: str) -> None:
        """E09: consumption stops."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the dispatcher goes on trying."""

    attempts: int = 5  # failures held against a command before it may be given up
    attempts_over_seconds: float = 300  # and not sooner than this after its first failure: a flapping account passes
    first_backoff_seconds: float = 0.5
    longest_backoff_seconds: float = 15  # the gate paces the account; this only spaces one command's turns
    lease_poll_seconds: float = 0.25
