"""R22, `next_open`: a posting into a closed period ends, on an account of few calls too, and tells its true date."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from adapters.netsuite.adapter import NetSuite
from adapters.netsuite.client import Client
from adapters.netsuite.errors import CLOSED_PERIOD
from adapters.netsuite.wire import Answer, Progress
from agents.dispatcher.calls import TooLate
from streams.adapter import Document, Limits, Refused, Unavailable
from streams.commands import Command
from streams.vocabulary import ErrorKind
from tests.unit.netsuite_commands import standalone_note

START = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
LINE = {"item": "904", "quantity": 1, "amount": "5.00"}


class Books:
    """A NetSuite account of credit memos and monthly periods, some of them closed."""

    def __init__(self, *closed: str) -> None:
        self.closed = set(closed)
        self.memos: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.odd: dict[str, dict[str, Any]] = {}  # what a period shows instead

    async def send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], progress: Progress
    ) -> Answer:
        path = unquote(url.partition("/record/v1/")[2])
        self.asked.append(f"{method} {re.split('[/?]', path)[0]}")
        if method == "PUT":
            return self._put(path.partition("eid:")[2].partition("?")[0], json.loads(body or b"{}"))
        if path.startswith("accountingPeriod?"):
            first = re.search(r'startDate AFTER "(\d{4}-\d\d)', path)
            assert first is not None
            months = [f"2026-{month:02d}" for month in range(1, 13)]
            found = [{"id": month} for month in months if month > first[1] and month not in self.closed]
            return _json({"items": found, "hasMore": False})
        if path.startswith("accountingPeriod/"):
            month = path.partition("/")[2].partition("?")[0]
            shown = {"id": month, "startDate": f"{month}-01", "closed": month in self.closed}
            return _json({**shown, **self.odd.get(month, {})})
        return _json(self.memos[path.partition("eid:")[2].partition("?")[0]])

    def _put(self, reference: str, body: dict[str, Any]) -> Answer:
        if body["tranDate"][:7] in self.closed:
            detail = {"o:errorCode": "USER_ERROR", "detail": "You cannot post into this period: it is closed."}
            return _json({"o:errorDetails": [detail]}, 400)
        self.memos[reference] = {"id": "31", "status": {"refName": "Open"}, **body}
        return Answer(204, {}, "")

    async def close(self) -> None:
        """Nothing is open."""


def _json(body: Any, status: int = 200) -> Answer:
    return Answer(status, {}, json.dumps(body))


class Turn:
    """One turn at a begun command: each call waits a second for its window, no write is sent past `within`."""

    def __init__(self, within: int) -> None:
        self.seconds, self.within = 0, within

    def call(self, name: str, *, write: bool = False) -> AbstractAsyncContextManager[None]:
        return self._call(name, write)

    @asynccontextmanager
    async def _call(self, name: str, write: bool) -> AsyncIterator[None]:
        self.seconds += 1
        if write and self.seconds > self.within:
            raise TooLate(name)
        yield


class Account:
    """The adapter over those books, with a clock that is turned."""

    def __init__(self, *closed: str) -> None:
        self.books, self.now = Books(*closed), START
        client = Client("https://example.com", self.books, lambda: self.now)
        self.adapter = NetSuite(client, Limits(), now=lambda: self.now)

    async def create(self, note: Command, within: int = 99) -> Document:
        self.books.asked.clear()
        return await self.adapter.create(note, Turn(within))


def the_note(subject: str = "rf1", policy: str = "next_open") -> Command:
    return standalone_note(
        "7", LINE, amount="5.00", subject=subject, date="2026-09-14T10:00:00Z", on_closed_period=policy
    )


async def test_a_search_that_outlasts_the_send_is_not_made_again() -> None:
    """The first try finds the open day too late to send; the next try sends at once, so the note is posted."""
    account = Account("2026-09")
    with pytest.raises(TooLate):
        await account.create(the_note(), within=3)
    assert account.books.memos == {}
    document = await account.create(the_note(), within=3)
    assert (document.at, document.differences) == ("2026-10-01", ())
    assert account.books.asked == ["PUT creditMemo", "GET creditMemo"]
    (memo,) = account.books.memos.values()
    assert memo["memo"].endswith("original date 2026-09-14")


async def test_other_notes_of_the_day_need_no_search() -> None:
    """A day is looked for once, whichever note asked; one that is not to be moved keeps its own day."""
    account = Account("2026-09")
    await account.create(the_note())
    document = await account.create(the_note("rf2"), within=1)
    assert document.at == "2026-10-01"
    account.books.closed.clear()
    kept = await account.create(the_note("rf3", policy="hold"))
    assert kept.at == "2026-09-14"


async def test_a_remembered_day_that_has_been_closed_since_is_looked_for_again() -> None:
    """The books of October were closed meanwhile: the note goes to November, with its first date kept."""
    account = Account("2026-09")
    await account.create(the_note())
    account.books.closed.add("2026-10")
    document = await account.create(the_note("rf2"))
    assert document.at == "2026-11-01"
    assert (await account.create(the_note("rf3"), within=1)).at == "2026-11-01"


async def test_a_period_that_was_opened_again_is_used_again_before_long() -> None:
    """What was found is believed for minutes, not for as long as the process lives."""
    account = Account("2026-09")
    await account.create(the_note())
    account.books.closed.clear()
    account.now += timedelta(minutes=15)
    assert (await account.create(the_note("rf2"))).at == "2026-09-14"


@pytest.mark.parametrize("shut", ["closed", "allLocked", "arLocked", "isAdjust", "isQuarter", "isYear"])
@pytest.mark.parametrize("shown", [True, "T"])
async def test_a_period_that_is_shut_in_any_way_is_passed_over(shut: str, shown: object) -> None:
    """Also one that the search let through: locked for receivables, an adjustment, a quarter, a year."""
    account = Account("2026-09")
    account.books.odd["2026-10"] = {shut: shown}
    assert (await account.create(the_note())).at == "2026-11-01"


async def test_a_period_before_the_day_is_no_next_one() -> None:
    """A search whose filter was not applied lists every period."""
    account = Account("2026-09")
    account.books.odd["2026-11"] = {"startDate": "2026-01-01"}
    account.books.odd["2026-12"] = {"startDate": "2026-09-14"}
    account.books.closed.add("2026-10")
    with pytest.raises(Refused) as refusal:
        await account.create(the_note())
    assert refusal.value.type == CLOSED_PERIOD


@pytest.mark.parametrize("shown", [None, "", "01/10/2026", 20261001, True, "0001-01-01"])
async def test_a_period_that_cannot_be_read_is_not_passed_over(shown: object) -> None:
    """It may be the next open one: ask again."""
    account = Account("2026-09")
    account.books.odd["2026-10"] = {"startDate": shown}
    with pytest.raises(Unavailable):
        await account.create(the_note())


async def test_without_an_open_period_ahead_the_refusal_stands() -> None:
    """Half a year of closed books is a mistake in the set-up, and for a person."""
    account = Account(*(f"2026-{month:02d}" for month in range(9, 13)))
    with pytest.raises(Refused) as refusal:
        await account.create(the_note())
    assert (refusal.value.type, refusal.value.kind) == (CLOSED_PERIOD, ErrorKind.CLOSED)
    assert account.books.memos == {}
