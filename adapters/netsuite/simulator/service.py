"""The HTTP face: who is asking, what is asked, and the answer in NetSuite's form."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

import orjson
from aiohttp import web

from adapters.netsuite.simulator import suiteql
from adapters.netsuite.simulator.account import Account
from adapters.netsuite.simulator.auth import SignIn, SignInRefused, realm_of
from adapters.netsuite.simulator.errors import NetSuiteError, invalid_content, login_refused, too_many_requests
from adapters.netsuite.simulator.jobs import Job, Jobs
from adapters.netsuite.simulator.kinds import call_kind
from adapters.netsuite.simulator.records import SUBLISTS
from adapters.netsuite.simulator.render import answer
from adapters.netsuite.simulator.search import search
from adapters.netsuite.simulator.writes import Writes
from adapters.simulators.calls import Call
from adapters.simulators.front import Front, Twist

_RECORD = "/netsuite/services/rest/record/v1"
_MOST_ROWS = 1000


@dataclass(slots=True)
class Tenant:
    """An account with its guard and its jobs."""

    account: Account
    sign_in: SignIn
    jobs: Jobs


class _Answers:
    """How NetSuite says that it will not, or cannot."""

    def throttled(self, headers: Mapping[str, str]) -> web.Response:
        return failed(too_many_requests(dict(headers)))

    def broken(self, status: int) -> web.Response:
        return failed(NetSuiteError(status, "UNEXPECTED_ERROR", "An unexpected error occurred."))

    def refused(self) -> web.Response:
        return failed(NetSuiteError(400, "USER_ERROR", "The request is refused (an injected fault)."))


class Service:
    """Routes calls to the account that their realm names."""

    def __init__(self, tenants: Mapping[str, Tenant], front: Front) -> None:
        self._tenants = tenants
        self._front = front

    def mount(self, app: web.Application) -> None:
        app.router.add_route("*", "/netsuite/services/rest/{rest:.*}", self.handle)

    async def handle(self, request: web.Request) -> web.Response:
        """One call, from its arrival to its answer."""
        tenant = self._tenants.get(realm_of(request))
        if tenant is None:
            return failed(login_refused())
        account = tenant.account
        call = await self._front.calls.begin(account.name, request, account.settings.limit)
        try:
            if call.breach:
                response = failed(too_many_requests())
            else:
                response = await self._answer(request, tenant, call)
            gone = request.transport is None or request.transport.is_closing()
            call.status = None if gone else response.status
            return response
        finally:
            self._front.calls.end(call)

    async def _answer(self, request: web.Request, tenant: Tenant, call: Call) -> web.Response:
        raw = await request.read()
        try:
            tenant.sign_in.check(request)
        except SignInRefused as error:
            call.note = str(error)
            return failed(login_refused(error.problem))
        try:
            ask = _Ask(request, tenant, raw)
            call.kind = ask.kind
            work = ask.work()
        except NetSuiteError as error:
            return failed(error)
        if not ask.write or "respond-async" not in request.headers.get("Prefer", "").lower():
            return await self._front.serve(
                request, call, tenant.account.settings, _Answers(), ask.write, lambda twist: guarded(work, twist)
            )
        try:
            job = tenant.jobs.open(request.headers.get("X-NetSuite-idempotency-key", ""), ask.base)
        except NetSuiteError as error:
            return failed(error)
        return await self._front.serve(
            request, call, tenant.account.settings, _Answers(), True, lambda twist: _as_job(work, twist, job, ask.base)
        )


def _as_job(work: Callable[[Twist], web.Response], twist: Twist, job: Job, base: str) -> web.Response:
    """The job is done by the time it is looked at; its result tells how it ended."""
    try:
        job.location = work(twist).headers.get("Location")
    except NetSuiteError as error:
        job.error = error.body()
    job.done = True
    return web.Response(status=202, headers={"Location": f"{base}/async/v1/job/{job.id}"})


def guarded(work: Callable[[Twist], web.Response], twist: Twist) -> web.Response:
    try:
        return work(twist)
    except NetSuiteError as error:
        return failed(error)


class _Ask:
    """What one request asks for."""

    def __init__(self, request: web.Request, tenant: Tenant, raw: bytes) -> None:
        self.request = request
        self.tenant = tenant
        self.account = tenant.account
        self.base = f"{request.scheme}://{request.host}/netsuite/services/rest"
        self.parts = request.match_info["rest"].strip("/").split("/")
        self.body = _object(raw)
        self.replace = "item" in request.query.get("replace", "").split(",")
        self.write = request.method != "GET" and self.parts[0] == "record"
        self.kind = call_kind(request.method, self.parts, self.body)

    def work(self) -> Callable[[Twist], web.Response]:
        """What to do; raises where no such thing can be asked."""
        request, writes = self.request, Writes(self.account, self.body, self.replace)
        match request.method, self.parts:
            case "POST", ["query", "v1", "suiteql"]:
                return self._suiteql
            case "GET", ["system", "v1", "governanceLimits"]:
                return self._limits
            case "GET", ["async", "v1", "job", number]:
                return lambda twist: shown(self.tenant.jobs.get(number).as_json(f"{self.base}/async/v1/job/{number}"))
            case "GET", ["async", "v1", "job", number, "task", *_]:
                return lambda twist: self._job_result(number)
            case "GET", ["record", "v1", type_]:
                return lambda twist: self._search(type_, twist)
            case "GET", ["record", "v1", type_, key]:
                return lambda twist: self._read(type_, key, twist)
            case "GET", ["record", "v1", type_, key, sublist] if sublist in SUBLISTS:
                return lambda twist: self._read(type_, key, twist, sublist)
            case "POST", ["record", "v1", type_]:
                return lambda twist: self._made(type_, writes.create(type_, twist))
            case "POST", ["record", "v1", type_, key, "!transform", target]:
                return lambda twist: self._made(target, writes.transform(type_, key, target, twist))
            case "PATCH", ["record", "v1", type_, key]:
                return lambda twist: self._made(type_, writes.update(type_, key, twist))
            case "PUT", ["record", "v1", type_, key]:
                return lambda twist: self._made(type_, writes.upsert(type_, key, twist))
        return self._nothing_here()

    def _nothing_here(self) -> NoReturn:
        if self.parts[:2] == ["record", "v1"]:
            raise NetSuiteError(405, "METHOD_NOT_ALLOWED", f"{self.request.method} is not possible here.")
        raise NetSuiteError(404, "NOT_FOUND", "There is no such service.")

    def _made(self, type_: str, number: str) -> web.Response:
        return web.Response(status=204, headers={"Location": f"{self.base}/record/v1/{type_}/{number}"})

    def _moment(self, twist: Twist) -> float | None:
        return self.account.books.now() - twist.stale_seconds if twist.stale_seconds else None

    def _read(self, type_: str, key: str, twist: Twist, sublist: str = "") -> web.Response:
        record = self.account.books.get(type_, key)
        moment = self._moment(twist)
        found = record.versions[-1][1] if moment is None else record.as_of(moment)
        if found is None:
            raise NetSuiteError(404, "NONEXISTENT_ID", f"The {type_} {key} does not exist.")
        href = f"{self.base}/record/v1/{type_}/{record.id}"
        if sublist:
            return shown({"links": [{"rel": "self", "href": f"{href}/{sublist}"}], **found.get(sublist, {"items": []})})
        return shown(answer(found, href, self.request.query.get("expandSubResources", "").lower() == "true"))

    def _search(self, type_: str, twist: Twist) -> web.Response:
        records = search(self.account.books, type_, self.request.query.get("q", ""), self._moment(twist))
        base = f"{self.base}/record/v1/{type_}"
        items = [{"links": [{"rel": "self", "href": f"{base}/{r.id}"}], "id": r.id} for r in records]
        return shown(self._page(items))

    def _suiteql(self, twist: Twist) -> web.Response:
        if "transient" not in self.request.headers.get("Prefer", "").lower():
            raise NetSuiteError(400, "INVALID_HEADER", "The header Prefer: transient is required.", at="Prefer")
        statement = self.body.get("q")
        if not isinstance(statement, str):
            raise invalid_content("q is the statement.", "q")
        rows = suiteql.run(self.account, statement, self._moment(twist))
        return shown(self._page([{"links": [], **row} for row in rows]))

    def _page(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        limit, offset = self._number("limit", _MOST_ROWS), self._number("offset", 0)
        limit = min(limit or _MOST_ROWS, _MOST_ROWS)
        page = items[offset : offset + limit]
        return {
            "links": [{"rel": "self", "href": f"{self.request.scheme}://{self.request.host}{self.request.raw_path}"}],
            "count": len(page),
            "hasMore": offset + limit < len(items),
            "items": page,
            "offset": offset,
            "totalResults": len(items),
        }

    def _number(self, name: str, default: int) -> int:
        text = self.request.query.get(name)
        if text is None:
            return default
        if not text.isdecimal():
            raise NetSuiteError(400, "INVALID_PARAMETER", f"{name} is a number.", at=name)
        return int(text)

    def _limits(self, twist: Twist) -> web.Response:
        limit = self.account.settings.limit
        return shown({"accountConcurrencyLimit": limit, "accountUnallocatedConcurrencyLimit": limit})

    def _job_result(self, number: str) -> web.Response:
        job = self.tenant.jobs.get(number)
        if job.error is not None:
            return _json(job.error, job.error["status"], "error")
        return web.Response(status=204, headers={"Location": job.location} if job.location else {})


def _object(raw: bytes) -> dict[str, Any]:
    """The body as an object; numbers with a point keep their digits."""
    if not raw:
        return {}
    try:
        body = json.loads(raw, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise invalid_content("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise invalid_content("The body is not an object.")
    return body


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def shown(body: Mapping[str, Any]) -> web.Response:
    return _json(body, 200, "collection" if "totalResults" in body else "singular")


def failed(error: NetSuiteError) -> web.Response:
    return _json(error.body(), error.status, "error", error.headers)


def _json(body: Mapping[str, Any], status: int, type_: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps(body, default=float),
        headers={"Content-Type": f"application/vnd.oracle.resource+json; type={type_}", **(headers or {})},
    )
