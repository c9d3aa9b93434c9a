"""The account behind HTTP: sign-in, the limit of calls at once, pages, errors; and what stands in front of it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from aiohttp import web

from tests.doubles.bare.journal import Journal
from tests.doubles.bare.queries import SuiteQL, matching
from tests.doubles.bare.records import Problem, Record, Store
from tests.doubles.bare.rules import CREATED, Rules
from tests.doubles.bare.shown import Shown

SECRETS = {  # what the double signs in, the same names and values as the stage gives its processes
    "account": "TSTDRV1",
    "consumer_key": "demo-consumer-key",
    "consumer_secret": "demo-consumer-secret",
    "token_id": "demo-token-id",
    "token_secret": "demo-token-secret",
}
_TYPES = {name.lower(): name for name in (*CREATED, "itemReceipt", "itemFulfillment")}
_TITLES = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}
_CLOCK_TOLERANCE = 300


@dataclass
class Foreign:
    """An answer that is not the account's. `applied`: the account did what was asked before the answer was lost."""

    status: int
    body: bytes
    content_type: str = "text/html"
    applied: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False  # the connection ends in the middle of the body


Interruption = Callable[[str, str], Foreign | None]
"""(method, path below services/rest) to what answers instead, if anything does."""


class BareNetSuite:
    """`with BareNetSuite() as double:`; `base_url` is what an account's base URL is set to."""

    def __init__(self, *, limit: int = 15, page: int = 5, seconds: float = 0.0) -> None:
        self.store = Store()
        self.journal = Journal(self.store)
        self.rules = Rules(self.store, self.journal)
        self.shown = Shown(self.store)
        self.limit, self.page, self.seconds = limit, page, seconds
        self.calls: list[str] = []
        self.bodies: list[tuple[str, str, Any]] = []
        self.refusals: list[tuple[str, str, str]] = []
        self.in_flight = self.most_in_flight = self.breaches = 0
        self.interrupt: Interruption = lambda method, path: None
        self._suiteql = SuiteQL(self.store)
        self._nonces: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._runner: web.AppRunner | None = None
        self.base_url = ""

    def __enter__(self) -> BareNetSuite:
        self._thread.start()
        self.base_url = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        self.shown.base_url = "https://tstdrv1.suitetalk.api.example"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> str:
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_route("*", "/tenant-7/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        return f"http://127.0.0.1:{port}/tenant-7"

    async def _stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def records(self, record_type: str) -> list[Record]:
        return list(self.store.of_type(record_type))

    # -- one call

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = unquote(request.match_info["path"]).removeprefix("services/rest/")
        raw = await request.read()
        self.calls.append(f"{request.method} {path}")
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.in_flight > self.limit:
                self.breaches += 1
                raise Problem(429, "CONCURRENCY_LIMIT_EXCEEDED", "Concurrent request limit exceeded. Request blocked.")
            if self.seconds:
                await asyncio.sleep(self.seconds)
            foreign = self.interrupt(request.method, path)
            if foreign is not None and not foreign.applied:
                return await self._foreign(request, foreign)
            answer = self._answered(request, path, raw)
            return answer if foreign is None else await self._foreign(request, foreign)
        except Problem as problem:
            self.refusals.append((f"{request.method} {path}", problem.code, problem.detail))
            return _problem(problem)
        finally:
            self.in_flight -= 1

    async def _foreign(self, request: web.Request, foreign: Foreign) -> web.StreamResponse:
        headers = {"Content-Type": foreign.content_type, **foreign.headers}
        if not foreign.cut:
            return web.Response(status=foreign.status, body=foreign.body, headers=headers)
        response = web.StreamResponse(status=foreign.status, headers=headers)
        response.content_length = len(foreign.body) + 100
        await response.prepare(request)
        await response.write(foreign.body)
        if request.transport is not None:
            request.transport.close()
        return response

    def _answered(self, request: web.Request, path: str, raw: bytes) -> web.Response:
        self._sign_in(request)
        query = dict(request.query)
        try:
            body = json.loads(raw, parse_float=str) if raw else {}
        except ValueError:
            raise Problem(400, "INVALID_CONTENT", "The request body is not valid JSON.") from None
        if request.method != "GET":
            self.bodies.append((request.method, path, body))
        match request.method, path.split("/"):
            case "POST", ["query", "v1", "suiteql"]:
                if "transient" not in request.headers.get("Prefer", ""):
                    raise Problem(400, "INVALID_HEADER", "Use the header Prefer: transient.", "Prefer")
                return self._page(request, [{"links": [], **row} for row in self._suiteql.rows(str(body.get("q", "")))])
            case "GET", ["record", "v1", name]:
                found = matching(self.store, _type(name), query.get("q", ""))
                return self._page(
                    request,
                    [{"links": self.shown._link(f"{name.lower()}/{one.id}"), "id": str(one.id)} for one in found],
                )
            case "GET", ["record", "v1", name, key]:
                record = self.store.find(_type(name), key)
                said = self.shown.record(record, query.get("expandSubResources") == "true")
                if "fields" in query:
                    wanted = {"id", "links", *query["fields"].split(",")}
                    said = {name: value for name, value in said.items() if name in wanted}
                return _json(said)
            case "GET", ["record", "v1", name, key, sublist]:
                record = self.store.find(_type(name), key)
                rows = self.shown.sublists(record).get(sublist)
                if rows is None:
                    raise Problem(404, "NONEXISTENT_ID", f"{sublist} does not exist.", "sublist")
                return self._page(request, rows)
            case "POST", ["record", "v1", name, key, "!transform", target]:
                made = self.rules.transform(_type(name), key, _type(target), body, _replaced(query))
                return self._made(made)
            case "POST", ["record", "v1", name]:
                return self._made(self.rules.create(_type(name), body))
            case "PUT", ["record", "v1", name, key] if key.startswith("eid:"):
                return self._made(self.rules.upsert(_type(name), key.removeprefix("eid:"), body))
            case "PATCH", ["record", "v1", name, key]:
                return self._made(self.rules.change(_type(name), key, body, _replaced(query)))
            case "DELETE", ["record", "v1", name, key]:
                self.rules.delete(_type(name), key)
                return web.Response(status=204)
        raise Problem(404, "NOT_FOUND", f"There is no {request.method} {path}.")

    def _made(self, record: Record) -> web.Response:
        where = f"{self.shown.base_url}/services/rest/record/v1/{record.type.lower()}/{record.id}"
        return web.Response(status=204, headers={"Location": where})

    def _page(self, request: web.Request, rows: list[dict[str, Any]]) -> web.Response:
        """A page as small as the account likes; `offset` has to be a multiple of the page."""
        try:
            limit, offset = int(request.query.get("limit", 1000)), int(request.query.get("offset", 0))
        except ValueError:
            raise Problem(400, "INVALID_PARAMETER", "limit and offset are numbers.", "limit") from None
        limit = min(limit, self.page)
        if limit < 1 or offset < 0 or offset % limit:
            raise Problem(400, "INVALID_PARAMETER", f"Provide an offset divisible by {limit}.", "offset")
        shown, more = rows[offset : offset + limit], offset + limit < len(rows)
        links = [{"rel": "self", "href": f"{self.shown.base_url}{request.path}?limit={limit}&offset={offset}"}]
        if more:
            links.append(
                {"rel": "next", "href": f"{self.shown.base_url}{request.path}?limit={limit}&offset={offset + limit}"}
            )
        said = {
            "links": links,
            "count": len(shown),
            "hasMore": more,
            "items": shown,
            "offset": offset,
            "totalResults": len(rows),
        }
        return _json(said, "collection")

    # -- sign-in: OAuth 1.0a with HMAC-SHA256, each nonce once

    def _sign_in(self, request: web.Request) -> None:
        said = dict(re.findall(r'(\w+)="([^"]*)"', request.headers.get("Authorization", "")))
        said = {name: unquote(value) for name, value in said.items()}
        signature, realm = said.pop("oauth_signature", ""), said.pop("realm", "")
        known = (realm, said.get("oauth_consumer_key"), said.get("oauth_token"), said.get("oauth_signature_method"))
        if known != (SECRETS["account"], SECRETS["consumer_key"], SECRETS["token_id"], "HMAC-SHA256"):
            raise _stranger()
        nonce = said.get("oauth_nonce", "")
        stamp = said.get("oauth_timestamp", "")
        if not stamp.isdecimal() or abs(time.time() - int(stamp)) > _CLOCK_TOLERANCE or nonce in self._nonces:
            raise _stranger()
        self._nonces.add(nonce)
        pairs = [*said.items(), *parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)]
        encoded = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in pairs)
        url = f"http://{request.host}{request.rel_url.raw_path}"
        parts = (request.method, url, "&".join(f"{name}={value}" for name, value in encoded))
        text = "&".join(quote(part, safe="~") for part in parts)
        key = f"{quote(SECRETS['consumer_secret'], safe='~')}&{quote(SECRETS['token_secret'], safe='~')}"
        wanted = base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(wanted, signature):
            raise _stranger()


def _stranger() -> Problem:
    return Problem(401, "INVALID_LOGIN", "Invalid login attempt. For more details, see the Login Audit Trail.")


def _type(name: str) -> str:
    found = _TYPES.get(name.lower())
    if found is None:
        raise Problem(404, "NONEXISTENT_RECORD_TYPE", f"Record type '{name}' does not exist.", name)
    return found


def _replaced(query: Mapping[str, str]) -> frozenset[str]:
    return frozenset(query.get("replace", "").split(",")) - {""}


def _json(said: Any, kind: str = "singular") -> web.Response:
    headers = {"Content-Type": f"application/vnd.oracle.resource+json; type={kind}; charset=UTF-8"}
    return web.Response(body=json.dumps(said).encode(), headers=headers)


def _problem(problem: Problem) -> web.Response:
    detail = {"detail": problem.detail, "o:errorCode": problem.code}
    if problem.path:
        name = {"q": "o:errorQueryParam", "@id": "o:errorUrl", "Prefer": "o:errorHeader"}.get(
            problem.path, "o:errorPath"
        )
        detail[name] = problem.path
    said = {
        "type": "https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5",
        "title": _TITLES.get(problem.status, "Bad Request"),
        "status": problem.status,
        "o:errorDetails": [detail],
    }
    headers = {"Content-Type": "application/vnd.oracle.resource+json; type=error; charset=UTF-8"}
    return web.Response(status=problem.status, body=json.dumps(said).encode(), headers=headers)
