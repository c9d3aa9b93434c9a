"""The system behind the account, as the protocol uses it.

What leaves here is a verdict that can be written down, one of the vendor's errors, or a `Bug`: whatever else an adapter
or a judgement raises about one command ends at that command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import aiohttp
import orjson
import structlog

from agents.described import described, place_of, sentence, stack_of
from agents.dispatcher.adopting import Adoptions
from agents.dispatcher.calls import RecordedCalls, TooLate
from agents.dispatcher.doubt import LONGEST_ANSWER, Proof, Verdict, adoptable, judge, listed, size_of
from agents.dispatcher.ports import Adapter
from agents.lease import LeaseLost
from streams.adapter import InDoubt, Limits, Refused, Unavailable, VendorError
from streams.commands import Command, Failure, expect_answer
from streams.vocabulary import ErrorKind

log = structlog.get_logger(__name__)


class Bug(Exception):
    """A fault of ours in what was done for one command."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(described(error))
        self.failure = Failure(
            ErrorKind.BUG,
            f"{sentence(described(error))} ({place_of(error)})",
            type=type(error).__name__,
            stack=stack_of(error),
        )


class Vendor:
    """An adapter whose faults stay with the command that met them."""

    def __init__(self, adapter: Adapter) -> None:
        self.limits: Limits = adapter.limits
        self._adapter = adapter

    def reference_enforced(self, command: Command) -> bool:
        with _about(command):
            return self._adapter.reference_enforced(command)

    async def look_up(self, command: Command, calls: RecordedCalls) -> Verdict | None:
        """What the documents with the command's reference say; None: there are none."""
        with _about(command):
            return judge(await self._adapter.look_up(command, calls))

    async def adoptable(self, command: Command, calls: RecordedCalls, adoptions: Adoptions) -> Verdict | None:
        """L01: what the documents made by hand say; None: none of them fits and is nobody's."""
        with _about(command):
            verdict = adoptable(adoptions.free(command, await self._adapter.candidates(command, calls)))
            if isinstance(verdict, Proof):
                adoptions.adopt(command, verdict.number)
            return verdict

    async def create(self, command: Command, calls: RecordedCalls) -> Verdict | None:
        """Make the document; None: the vendor said yes and named none."""
        with _about(command, sends=True):
            document = await self._adapter.create(command, calls)
            return judge((document,)) if document.number else None

    async def compare(self, command: Command, calls: RecordedCalls) -> Mapping[str, Any]:
        """L02: what is there, for a shadow's outcome."""
        with _about(command):
            found = await self._adapter.look_up(command, calls)
            candidates = await self._adapter.candidates(command, calls)
            return _sound({"found": listed(found), "candidates": listed(candidates)})

    async def answer(self, command: Command, calls: RecordedCalls) -> Mapping[str, Any]:
        """The answer to a question."""
        with _about(command):
            answer = _sound(await self._adapter.answer(command, calls))
            expect_answer(command.kind, answer)  # its reader would take the outcome for none, and ask nobody again
            return answer


@contextmanager
def _about(command: Command, *, sends: bool = False) -> Iterator[None]:
    """What is done in this block is about one command, and so is whatever goes wrong in it."""
    try:
        yield
    except (VendorError, LeaseLost, TooLate):
        raise
    except (OSError, aiohttp.ClientError) as error:  # TimeoutError is an OSError
        cut = InDoubt if sends else Unavailable
        raise cut(described(error)) from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # Nobody cancels us: what the adapter waited for was cancelled, and the order's lane would stand still.
        raise _noted(command, error) from error
    except Exception as error:
        raise _noted(command, error) from error


def _noted(command: Command, error: BaseException) -> Bug:
    bug = Bug(error)
    failure = bug.failure
    log.error("a fault of ours in one command", command=command.id, error=failure.message, stack=failure.stack)
    return bug


def _sound(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an outcome is to carry, as it will be read: raises `Refused` on what is too large for a record."""
    size = size_of(answer)
    if size > LONGEST_ANSWER:
        raise Refused(
            ErrorKind.TOO_LARGE,
            f"the answer has {size:,} bytes, and {LONGEST_ANSWER:,} can be kept of one; see what makes it so large",
        )
    told: Mapping[str, Any] = orjson.loads(orjson.dumps(answer))
    return told


def failure_of(error: Refused) -> Failure:
    """A vendor's no, as it is reported."""
    return Failure(error.kind, sentence(error.message), sentence(error.code), sentence(error.type), error.owner)
