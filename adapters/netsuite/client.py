"""The transport to one NetSuite account: SuiteTalk REST over HTTP, signed with OAuth 1.0a (token-based auth).

One method call is one HTTP request inside one `calls.call(...)`, but for a refused sign-in, which is asked about again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import orjson
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256
from oauthlib.oauth1 import Client as Signer
from yarl import URL

from adapters.netsuite.errors import classify, nonce_refused
from streams.adapter import Calls, InDoubt, SignInRefused, Unavailable, VendorError

PAGE = 1000
"""The most rows that a collection or SuiteQL answers at once."""

_CONNECT_SECONDS = 5.0
# Shorter than any keep-alive of a server seen: a connection that the server is about to close is not written to.
_KEEP_ALIVE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """Token-based authentication of one integration; `account` is the OAuth realm (30000_SB1, not 30000-SB1)."""

    account: str
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    token_id: str = field(repr=False)
    token_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body; numbers with a point are `Decimal`. Raises `ValueError`."""
        return json.loads(self.text, parse_float=Decimal)

    @property
    def number(self) -> str:
        """The internal id that `Location` ends in, or nothing."""
        return self.headers.get("Location", "").partition("?")[0].rstrip("/").rpartition("/")[2]


class ConnectionBroken(aiohttp.ClientError):
    """The connection broke after it was made."""


async def _never_again(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a GET or PUT a second time, by itself and with the same nonce (measured, 3.14).

    It resends on these two errors only; another class of error goes straight through (public API, no switch exists).
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionBroken(type(error).__name__) from error


class Client:
    """Signs, sends and reads; what is not 2xx leaves as a `VendorError`."""

    def __init__(
        self, base_url: str, credentials: Credentials, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._root = base_url.rstrip("/") + "/services/rest"
        self._realm = credentials.account
        self._now = now
        self._signer = Signer(
            credentials.consumer_key,
            client_secret=credentials.consumer_secret,
            resource_owner_key=credentials.token_id,
            resource_owner_secret=credentials.token_secret,
            signature_method=SIGNATURE_HMAC_SHA256,
            realm=credentials.account,
        )
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"<NetSuite client of {self._realm} at {self._root}>"

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
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(
        self, method: str, path: str, query: Mapping[str, str], body: Any, calls: Calls, what: str,
        fine: frozenset[int] | set[int] = frozenset(), *, headers: Mapping[str, str] | None = None,
        write: bool | None = None,
    ) -> Answer:  # fmt: skip
        """One request. Raises a `VendorError` for what is neither 2xx nor among `fine`."""
        writes = method != "GET" if write is None else write
        url = self._root + path + ("?" + urlencode(query, quote_via=quote) if query else "")
        trace = SimpleNamespace(connected=False)
        started = False
        try:
            async with calls.call(what, write=writes):
                started = True
                answer = await self._exchange(method, url, body, headers or {}, trace, writes)
                if not (200 <= answer.status < 300 or answer.status in fine):
                    raise classify(answer.status, answer.headers, answer.text, write=writes, now=self._now(), what=what)
                return answer
        except TimeoutError as error:
            if not started:
                raise
            raise _cut_off(what, "no answer within the call's deadline", writes and trace.connected) from error
        except SignInRefused as error:
            if not writes or not await self._signs_in(calls):
                raise
            # The same credentials are good: it was the nonce or the clock, and a proxy may have sent the request twice.
            raise nonce_refused(what, write=True) from error

    async def _exchange(
        self,
        method: str,
        url: str,
        body: Any,
        headers: Mapping[str, str],
        trace: SimpleNamespace,
        write: bool,
    ) -> Answer:
        data = None if body is None else orjson.dumps(body, default=_number)
        sent = {"Accept": "application/json", **headers}
        if data is not None:
            sent["Content-Type"] = "application/json"
        # Signed here, after all waiting, so that the timestamp is fresh; a JSON body is not part of the signature.
        _, signed, _ = self._signer.sign(url, method, headers=sent)
        try:
            async with self._open().request(
                method, URL(url, encoded=True), data=data, headers=signed, allow_redirects=False,
                trace_request_ctx=trace,
            ) as response:  # fmt: skip
                return Answer(response.status, response.headers, await response.text(errors="replace"))
        except aiohttp.ServerTimeoutError as error:
            raise _cut_off(method, "the connection was not made in time", write and trace.connected) from error
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionBroken) as error:
            reason = f"the connection failed ({type(error.__cause__ or error).__name__})"
            raise _cut_off(method, reason, write and trace.connected) from error

    async def _signs_in(self, calls: Calls) -> bool:
        """Whether our credentials are accepted for a plain read, with a new nonce."""
        try:
            await self._send("GET", "/record/v1/salesOrder", {"limit": "1"}, None, calls, "GET salesOrder?limit=1")
        except SignInRefused:
            return False
        except VendorError:
            return True  # refused for another reason, or broken: no proof against the credentials
        return True

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            watch = aiohttp.TraceConfig()
            watch.on_connection_create_end.append(_connected)
            watch.on_connection_reuseconn.append(_connected)
            self._session = aiohttp.ClientSession(
                # The gate alone says how many calls are in flight; a second limit would only hide waiting from it.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS),
                # The deadline of a call is the gate's; only connecting has its own, since nothing is in doubt by then.
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                middlewares=(_never_again,),
                trace_configs=[watch],
            )
        return self._session


async def _connected(session: aiohttp.ClientSession, context: SimpleNamespace, params: Any) -> None:
    context.trace_request_ctx.connected = True


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


def _part(text: str) -> str:
    """One part of a path."""
    return quote(text, safe=":-_.~")


def _number(value: Any) -> Any:
    """Money goes out as a JSON number with exactly its digits, never through a float."""
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f").encode())
    raise TypeError(f"{type(value).__name__} is not JSON")
