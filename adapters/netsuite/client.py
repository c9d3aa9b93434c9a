"""One NetSuite account's SuiteTalk REST: addresses, bodies and what the answers mean. A `Wire` carries them.

One method call is one HTTP request inside one `calls.call(...)`, but for a refused sign-in, which is asked about again.
Each answer is read inside that call, so that the gate hears of one that is not NetSuite's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

import orjson

from adapters.netsuite.errors import classify, is_absence, nonce_refused
from adapters.netsuite.records import is_absent, key_of
from adapters.netsuite.shapes import (
    Record,
    Unreadable,
    ids_of,
    json_of,
    number_made,
    page_of,
    record_checked,
    rows_checked,
)
from adapters.netsuite.wire import Answer, ConnectionFailed, Progress, Wire
from streams.adapter import Calls, InDoubt, Refused, SignInRefused, Unavailable, VendorError
from streams.vocabulary import ErrorKind

Read = TypeVar("Read")

PAGE = 1000
"""The most rows that a collection or SuiteQL answers at once."""


@dataclass(frozen=True, slots=True)
class Bound:
    """How much of a collection is read; an account that always has one more page is not answering."""

    pages: int
    records: int


LIST = Bound(pages=1000, records=1000 * PAGE)
LOOK_UP = Bound(pages=20, records=200)
"""Each hit is read by a call of its own, and no order, and no reference, has so many documents."""

MOST_ROWS = 1000
"""Of one statement: ours ask about the items of an order, or the places of an item."""


@dataclass(frozen=True, slots=True)
class _Request:
    """One HTTP request; `what` names it in sentences and in the attempts of a command."""

    method: str
    path: str
    what: str
    query: Mapping[str, str]
    body: Any = None
    headers: Mapping[str, str] | None = None
    writes: bool = False


class Client:
    """Asks and reads; what is not 2xx, and what is not NetSuite's, leaves as a `VendorError`."""

    def __init__(self, base_url: str, wire: Wire, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._root = base_url.rstrip("/") + "/services/rest"
        self._wire = wire
        self._now = now

    def __repr__(self) -> str:
        return f"<NetSuite client at {self._root} over {self._wire!r}>"

    async def find(self, type_: str, key: str, calls: Calls) -> Record | None:
        """A record by internal id (or `eid:..`) with its sublists; None where NetSuite says that there is none."""
        request = _record(type_, key)

        def read(answer: Answer) -> Record | None:
            if is_absence(answer.status, answer.text):
                return None
            return record_checked(type_, key, json_of(answer.text))

        return await self._send(request, calls, read)

    async def get(
        self, type_: str, key: str, calls: Calls, *, found_by: Mapping[str, str] | None = None, needs: str = ""
    ) -> Record:
        """A record that another answer named: that it cannot be read is no absence, but an `Unavailable`.

        `found_by`: fields that a search asked for; a record with another value there is no answer to it. `needs`: a
        field that it must show.
        """

        def read(answer: Answer) -> Record:
            if is_absence(answer.status, answer.text):
                raise Unreadable("that there is no such record, though it was named a moment ago")
            record = record_checked(type_, key, json_of(answer.text))
            if needs and is_absent(record.get(needs)):
                raise Unreadable(f"a record without its {needs}")
            for name, value in (found_by or {}).items():
                shown = key_of(record.get(name))
                if shown.casefold() != value.casefold() and (shown or name == "externalId"):
                    raise Unreadable(f"a record of another {name} than was looked for")
            return record

        return await self._send(_record(type_, key), calls, read)

    async def search(self, type_: str, q: str, calls: Calls) -> list[str]:
        """The internal ids of all records that meet a filter, each once, each page a call."""
        return [number async for number in self.each(type_, q, calls, LOOK_UP)]

    async def each(self, type_: str, q: str, calls: Calls, bound: Bound = LIST) -> AsyncIterator[str]:
        """The same one by one, page after page."""
        request = _Request("GET", f"/record/v1/{type_}", f"GET {type_}?q", {"q": q, "limit": str(PAGE)})
        offset, seen = 0, set[str]()
        for _ in range(bound.pages):
            ids, more = await self._send(
                replace(request, query={**request.query, "offset": str(offset)}),
                calls,
                partial(_hits, offset=offset, seen=seen, most=bound.records),
            )
            for number in ids:
                if number not in seen:
                    seen.add(number)
                    yield number
            offset += len(ids)
            if not more:
                return
        raise Unavailable(f"GET {type_}?q: more than {bound.pages} pages")

    async def suiteql(self, statement: str, calls: Calls, *, needs: str = "") -> list[dict[str, Any]]:
        """The rows of a statement, column names in lower case, each page a call; `needs`: what each row must show."""
        found: list[dict[str, Any]] = []
        while True:
            rows, more = await self._rows(statement, len(found), calls, needs)
            found += rows
            if not more:
                return found

    async def _rows(self, statement: str, offset: int, calls: Calls, needs: str) -> tuple[list[dict[str, Any]], bool]:
        query = {"limit": str(PAGE)} | ({"offset": str(offset)} if offset else {})
        body, headers = {"q": statement}, {"Prefer": "transient"}
        request = _Request("POST", "/query/v1/suiteql", "POST suiteql", query, body, headers)

        def read(answer: Answer) -> tuple[list[dict[str, Any]], bool]:
            page = page_of(json_of(answer.text), offset)
            if offset + len(page.items) > MOST_ROWS:
                raise Unreadable(f"more than {MOST_ROWS} rows")
            return rows_checked(page, needs), page.has_more

        return await self._send(request, calls, read)

    async def transform(self, source: str, number: str, target: str, body: Mapping[str, Any], calls: Calls) -> str:
        """Make a document from another; only the lines of the body come over. Returns its internal id."""
        path = f"/record/v1/{source}/{_part(number)}/!transform/{target}"
        request = _Request("POST", path, f"transform {source} to {target}", {"replace": "item"}, body, writes=True)
        return await self._send(request, calls, lambda answer: _made(answer, target))

    async def upsert(self, type_: str, reference: str, body: Mapping[str, Any], sublist: str, calls: Calls) -> str:
        """Make a record by its external id, or set it again. Without `replace` a second PUT would add its lines.

        Returns its internal id, if told: it can be read by its external id.
        """
        path = f"/record/v1/{type_}/eid:{_part(reference)}"
        request = _Request("PUT", path, f"PUT {type_}", {"replace": sublist}, body, writes=True)
        return await self._send(request, calls, lambda answer: _made(answer, type_, may_be_unnamed=True))

    async def patch(self, type_: str, number: str, body: Mapping[str, Any], calls: Calls) -> None:
        """Change a record."""
        request = _Request("PATCH", f"/record/v1/{type_}/{_part(number)}", f"PATCH {type_}", {}, body, writes=True)
        await self._send(request, calls, lambda answer: _made(answer, type_, may_be_unnamed=True))

    async def close(self) -> None:
        await self._wire.close()

    async def _send(self, request: _Request, calls: Calls, read: Callable[[Answer], Read]) -> Read:
        """One request, and what is read of its answer. Raises a `VendorError` for what is no 2xx, or is not NetSuite's.

        That there is no such record is an answer, too: it is for `read` to say whether a record was asked for.
        """
        url, data = self._root + request.path, None
        try:
            url += "?" + _query(request.query) if request.query else ""
            data = None if request.body is None else orjson.dumps(request.body, default=_number)
        except (ValueError, TypeError) as error:
            raise Refused(ErrorKind.INVALID, f"{request.what}: it cannot be written as JSON ({error})") from None
        progress = Progress()
        started = False
        try:
            async with calls.call(request.what, write=request.writes):
                started = True
                answer = await self._exchange(request, url, data, progress)
                if 200 <= answer.status < 300 or (not request.writes and is_absence(answer.status, answer.text)):
                    return self._understood(request, answer, read)
                raise classify(
                    answer.status, answer.headers, answer.text,
                    write=request.writes, now=self._now(), what=request.what,
                )  # fmt: skip
        except TimeoutError as error:
            if not started:
                raise
            in_doubt = request.writes and progress.connected
            raise _cut_off(request.what, "no answer within the call's deadline", in_doubt) from error
        except SignInRefused as error:
            if not request.writes or not await self._signs_in(calls):
                raise
            # The same credentials are good: it was the nonce or the clock, and a proxy may have sent the request twice.
            raise nonce_refused(request.what, write=True) from error

    def _understood(self, request: _Request, answer: Answer, read: Callable[[Answer], Read]) -> Read:
        try:
            if not request.writes and answer.status not in (200, 404):
                raise Unreadable("a status that no read has")
            return read(answer)
        except Unreadable as odd:
            text = f"answered {answer.status} with {odd}, which is not what NetSuite answers here"
            raise _cut_off(request.what, text, request.writes) from None

    async def _exchange(self, request: _Request, url: str, data: bytes | None, progress: Progress) -> Answer:
        headers = {"Accept": "application/json", **(request.headers or {})}
        if data is not None:
            headers["Content-Type"] = "application/json"
        try:
            return await self._wire.send(request.method, url, data, headers, progress)
        except ConnectionFailed as error:
            raise _cut_off(request.what, str(error), request.writes and progress.connected) from error

    async def _signs_in(self, calls: Calls) -> bool:
        """Whether our credentials are accepted for a plain read, with a new nonce."""
        try:
            await self.signs_in(calls)
        except SignInRefused:
            return False
        except VendorError:
            return True  # refused for another reason, or broken: no proof against the credentials
        return True

    async def signs_in(self, calls: Calls) -> None:
        """Ask for as little as there is; raises what a person should know of the account."""
        request = _Request("GET", "/record/v1/salesOrder", "GET salesOrder?limit=1", {"limit": "1"})
        await self._send(request, calls, lambda answer: page_of(json_of(answer.text)))


def _record(type_: str, key: str) -> _Request:
    return _Request("GET", f"/record/v1/{type_}/{_part(key)}", f"GET {type_}", {"expandSubResources": "true"})


def _cut_off(what: str, why: str, in_doubt: bool) -> VendorError:
    return InDoubt(f"{what}: {why}") if in_doubt else Unavailable(f"{what}: {why}")


def _hits(answer: Answer, *, offset: int, seen: Set[str], most: int) -> tuple[tuple[str, ...], bool]:
    """The ids on one page of a search, and whether more follow."""
    page = page_of(json_of(answer.text), offset)
    ids = ids_of(page)
    if offset + len(ids) > most:
        raise Unreadable(f"more than {most} records")
    if page.has_more and seen >= set(ids):
        raise Unreadable("a page that was answered before")
    return ids, page.has_more


def _made(answer: Answer, type_: str, *, may_be_unnamed: bool = False) -> str:
    """The internal id of what a write made. Its 2xx is NetSuite's where it names the record, or has no body."""
    if answer.status == 202:
        raise Unreadable("a yes to be carried out later")
    return number_made(type_, answer.headers, may_be_unnamed=may_be_unnamed and answer.status == 204)


def _query(query: Mapping[str, str]) -> str:
    """A query string; its names are ours and plain."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())


def _part(text: str) -> str:
    """One part of a path."""
    return quote(text, safe=":-_.~", errors="replace")


def _number(value: Any) -> Any:
    """Money goes out as a JSON number with exactly its digits, never through a float."""
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f").encode())
    raise TypeError(f"{type(value).__name__} is not JSON")
