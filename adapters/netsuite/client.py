"""One NetSuite account's SuiteTalk REST: addresses, bodies and what the answers mean. A `Wire` carries them.

One method call is one HTTP request inside one `calls.call(...)`, but for a refused sign-in, which is asked about again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import orjson

from adapters.netsuite.errors import classify, nonce_refused
from adapters.netsuite.wire import Answer, ConnectionFailed, Progress, Wire
from streams.adapter import Calls, InDoubt, SignInRefused, Unavailable, VendorError

PAGE = 1000
"""The most rows that a collection or SuiteQL answers at once."""


class Client:
    """Asks and reads; what is not 2xx leaves as a `VendorError`."""

    def __init__(self, base_url: str, wire: Wire, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._root = base_url.rstrip("/") + "/services/rest"
        self._wire = wire
        self._now = now

    def __repr__(self) -> str:
        return f"<NetSuite client at {self._root} over {self._wire!r}>"

    async def get(self, type_: str, key: str, calls: Calls, *, expand: bool = True) -> Any | None:
        """A record by internal id (or `eid:..`) with its sublists; None where there is none."""
        query = {"expandSubResources": "true"} if expand else {}
        answer = await self._send("GET", f"/record/v1/{type_}/{_part(key)}", query, None, calls, f"GET {type_}", {404})
        return None if answer.status == 404 else _body(answer, f"GET {type_}")

    async def search(self, type_: str, q: str, calls: Calls) -> list[str]:
        """The internal ids of all records that meet a filter, each page a call."""
        return [number async for number in self.each(type_, q, calls)]

    async def each(self, type_: str, q: str, calls: Calls) -> AsyncIterator[str]:
        """The same one by one, page after page."""
        offset, what = 0, f"GET {type_}?q"
        while True:
            query = {"q": q, "limit": str(PAGE), "offset": str(offset)}
            answer = await self._send("GET", f"/record/v1/{type_}", query, None, calls, what)
            page = _body(answer, what)
            items = page.get("items") or []
            for item in items:
                yield str(item["id"])
            offset += len(items)
            if not page.get("hasMore") or not items:
                return

    async def suiteql(self, statement: str, calls: Calls) -> list[dict[str, Any]]:
        """The rows of a statement, with column names in lower case; at most one page."""
        answer = await self._send(
            "POST", "/query/v1/suiteql", {"limit": str(PAGE)}, {"q": statement}, calls, "POST suiteql",
            headers={"Prefer": "transient"}, write=False,
        )  # fmt: skip
        return list(_body(answer, "POST suiteql").get("items") or [])

    async def transform(self, source: str, number: str, target: str, body: Mapping[str, Any], calls: Calls) -> str:
        """Make a document from another; only the lines of the body come over. Returns its internal id, if told."""
        path = f"/record/v1/{source}/{_part(number)}/!transform/{target}"
        answer = await self._send("POST", path, {"replace": "item"}, body, calls, f"transform {source} to {target}")
        return _made(answer, target)

    async def upsert(self, type_: str, reference: str, body: Mapping[str, Any], sublist: str, calls: Calls) -> str:
        """Make a record by its external id, or set it again. Without `replace` a second PUT would add its lines."""
        path = f"/record/v1/{type_}/eid:{_part(reference)}"
        answer = await self._send("PUT", path, {"replace": sublist}, body, calls, f"PUT {type_}")
        return _made(answer, type_)

    async def patch(self, type_: str, number: str, body: Mapping[str, Any], calls: Calls) -> None:
        """Change a record."""
        await self._send("PATCH", f"/record/v1/{type_}/{_part(number)}", {}, body, calls, f"PATCH {type_}")

    async def close(self) -> None:
        await self._wire.close()

    async def _send(
        self, method: str, path: str, query: Mapping[str, str], body: Any, calls: Calls, what: str,
        fine: frozenset[int] | set[int] = frozenset(), *, headers: Mapping[str, str] | None = None,
        write: bool | None = None,
    ) -> Answer:  # fmt: skip
        """One request. Raises a `VendorError` for what is neither 2xx nor among `fine`."""
        writes = method != "GET" if write is None else write
        url = self._root + path + ("?" + _query(query) if query else "")
        progress = Progress()
        started = False
        try:
            async with calls.call(what, write=writes):
                started = True
                answer = await self._exchange(method, url, body, headers or {}, progress, writes)
                if not (200 <= answer.status < 300 or answer.status in fine):
                    raise classify(answer.status, answer.headers, answer.text, write=writes, now=self._now(), what=what)
                return answer
        except TimeoutError as error:
            if not started:
                raise
            raise _cut_off(what, "no answer within the call's deadline", writes and progress.connected) from error
        except SignInRefused as error:
            if not writes or not await self._signs_in(calls):
                raise
            # The same credentials are good: it was the nonce or the clock, and a proxy may have sent the request twice.
            raise nonce_refused(what, write=True) from error

    async def _exchange(
        self, method: str, url: str, body: Any, headers: Mapping[str, str], progress: Progress, write: bool
    ) -> Answer:
        data = None if body is None else orjson.dumps(body, default=_number)
        sent = {"Accept": "application/json", **headers}
        if data is not None:
            sent["Content-Type"] = "application/json"
        try:
            return await self._wire.send(method, url, data, sent, progress)
        except ConnectionFailed as error:
            raise _cut_off(method, str(error), write and progress.connected) from error

    async def _signs_in(self, calls: Calls) -> bool:
        """Whether our credentials are accepted for a plain read, with a new nonce."""
        try:
            await self._send("GET", "/record/v1/salesOrder", {"limit": "1"}, None, calls, "GET salesOrder?limit=1")
        except SignInRefused:
            return False
        except VendorError:
            return True  # refused for another reason, or broken: no proof against the credentials
        return True


def _cut_off(what: str, why: str, in_doubt: bool) -> VendorError:
    return InDoubt(f"{what}: {why}") if in_doubt else Unavailable(f"{what}: {why}")


def _made(answer: Answer, type_: str) -> str:
    if answer.status == 202:
        raise InDoubt(f"{type_}: accepted, to be carried out later")
    return answer.number


def _body(answer: Answer, what: str) -> Any:
    try:
        body = answer.json
    except ValueError:
        raise Unavailable(f"{what}: answered {answer.status} with a body that is not JSON") from None
    if not isinstance(body, dict):
        raise Unavailable(f"{what}: answered {answer.status} with a body that is not an object")
    return body


def _query(query: Mapping[str, str]) -> str:
    """A query string; its names are ours and plain."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())


def _part(text: str) -> str:
    """One part of a path."""
    return quote(text, safe=":-_.~")


def _number(value: Any) -> Any:
    """Money goes out as a JSON number with exactly its digits, never through a float."""
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f").encode())
    raise TypeError(f"{type(value).__name__} is not JSON")
