"""The interface between the actors and a vendor: all that a dispatcher knows of the system behind an account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from streams.commands import Command
from streams.vocabulary import DocumentKind, ErrorKind, Owner


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """How long the vendor asks us to stay away: seconds from now (a float, >= 0), or None when it did not say."""

    seconds: float | None


class VendorError(Exception):
    """Base of what a call to a vendor can end in, other than an answer."""


class Refused(VendorError):
    """The vendor read the request and said no; the same request will be refused again."""

    def __init__(
        self, kind: ErrorKind, message: str, *, code: str = "", owner: Owner | None = None, type: str = ""
    ) -> None:
        super().__init__(message)
        self.kind, self.message, self.code, self.owner, self.type = kind, message, code, owner, type


class Throttled(VendorError):
    """The vendor asked for fewer calls; nothing was applied."""

    def __init__(self, message: str, retry_after: RetryAfter | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after or RetryAfter(None)


class Unavailable(VendorError):
    """The vendor could not be reached or was broken before anything was applied (refused connection, failed read)."""


class InDoubt(VendorError):
    """A write was sent and its end is not known: time-out, reset, 5xx, or an acknowledgement without a document."""


class SignInRefused(VendorError):
    """The vendor does not accept our credentials: the account waits, nothing is dead-lettered."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as the vendor keeps it, read back: the proof behind `done`."""

    number: str
    kind: DocumentKind
    external_ref: str = ""
    order_id: str = ""
    currency: str = ""
    amount: str = ""  # gross decimal string, positive
    status: str = ""
    at: str = ""
    lines: tuple[Mapping[str, Any], ...] = ()
    differences: tuple[str, ...] = ()  # against the command's body, in words; empty: it is what was asked

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "external_ref": self.external_ref,
            "order_id": self.order_id,
            "currency": self.currency,
            "amount": self.amount,
            "status": self.status,
            "at": self.at,
            "lines": [dict(line) for line in self.lines],
        }


class Calls(Protocol):
    """How an adapter may send: each HTTP request goes inside one `async with calls.call(...)`.

    Entering waits for the account's window and checks the owner's lease (`write=True`); it raises if the lease is lost.
    The block runs under the account's call deadline; leaving tells the gate how it went, by the exception that leaves.
    """

    def call(self, name: str, *, write: bool = False) -> AbstractAsyncContextManager[None]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account declares about itself (settings; DESIGN 'The dispatcher's protocol', 3)."""

    concurrency: int = 5
    calls_per_window: int = 0  # 0: no such limit
    window_seconds: float = 0
    deadline_seconds: float = 8
    longest_execution_seconds: float = 900
    read_lag_seconds: float = 30


class Adapter(Protocol):
    """One account of one system."""

    limits: Limits

    def reference_enforced(self, command: Command) -> bool:
        """Whether the vendor keeps this command's reference unique, so that a resend cannot double."""
        ...

    async def look_up(self, command: Command, calls: Calls) -> tuple[Document, ...]:
        """Every document that carries this command's external reference, compared with its body."""
        ...

    async def candidates(self, command: Command, calls: Calls) -> tuple[Document, ...]:
        """Hand-made documents that may be adopted (L01): same order, kind, currency, amount, no external reference."""
        ...

    async def create(self, command: Command, calls: Calls) -> Document:
        """Make the document and read it back. Raises a `VendorError`; `InDoubt` when it may or may not exist."""
        ...

    async def answer(self, command: Command, calls: Calls) -> Mapping[str, Any]:
        """The answer to a question, with its time."""
        ...

    def list_documents(self, kind: DocumentKind, since: str, calls: Calls) -> AsyncIterator[Document]:
        """Every document of a kind the account holds, for the scan for duplicates and reconciliation."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...
