"""What is asked, and the answer in NetSuite's form."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any, NoReturn

import orjson

from adapters.netsuite.simulator import suiteql
from adapters.netsuite.simulator.account import Account
from adapters.netsuite.simulator.auth import SignIn
from adapters.netsuite.simulator.custom import refuse_custom_fields, without_custom_fields
from adapters.netsuite.simulator.errors import CONFLICTS, NetSuiteError, invalid_content, not_found, too_many_requests
from adapters.netsuite.simulator.jobs import Job, Jobs
from adapters.netsuite.simulator.kinds import call_kind
from adapters.netsuite.simulator.records import SUBLISTS
from adapters.netsuite.simulator.render import answer
from adapters.netsuite.simulator.search import search
from adapters.netsuite.simulator.writes import Writes
from adapters.simulators.calls import Call
from adapters.simulators.exchange import Reply, Request
from adapters.simulators.front import Front, Twist

ROOT = "/netsuite/services/rest"
_MOST_ROWS = 1000


@dataclass(slots=True)
class Tenant:
    """An account with its guard and its jobs."""

    account: Account
    sign_in: SignIn
    jobs: Jobs


class _Answers:
    """How NetSuite says that it will not, or cannot."""

    def throttled(self, headers: Mapping[str, str]) -> Reply:
        return failed(too_many_requests(dict(headers)))

    def broken(self, status: int) -> Reply:
        return failed(NetSuiteError(status, "UNEXPECTED_ERROR", "An unexpected error occurred."))

    def refused(self) -> Reply:
        return failed(NetSuiteError(400, "USER_ERROR", "The request is refused (an injected fault)."))

    def conflict(self, dice: Random) -> Reply:
        return failed(NetSuiteError(*dice.choice(CONFLICTS)))

    def missing(self) -> Reply:
        return failed(not_found())


ANSWERS = _Answers()


class Service:
    """Answers what an account is asked. Who asks, and over what, is the caller's business."""

    def __init__(self, tenants: Mapping[str, Tenant], front: Front) -> None:
        self.tenants = tenants
        self.front = front

    async def answer(self, request: Request, tenant: Tenant, call: Call) -> Reply:
        """The reply to a call inside the limit; raises `ConnectionReset`. Cancelled, the work it began goes on."""
        try:
            ask = Ask(request, tenant)
            call.kind, call.order_id, call.external_ref = ask.kind, ask.order_id(), ask.external_ref()
            work = prepared(ask)
        except NetSuiteError as error:
            return failed(error)
        return await self.front.serve(call, tenant.account.settings, ANSWERS, ask.write, work)


def prepared(ask: Ask) -> Callable[[Twist], Reply]:
    """What to do for an ask, its refusals told as replies; raises `NetSuiteError` where no such thing can be asked."""
    work = ask.work()
    if not ask.write or "respond-async" not in ask.request.headers.get("Prefer", "").lower():
        return lambda twist: guarded(work, twist)
    job = ask.tenant.jobs.open(ask.request.headers.get("X-NetSuite-idempotency-key", ""), ask.base)
    return lambda twist: _as_job(work, twist, job, ask.base)


def _as_job(work: Callable[[Twist], Reply], twist: Twist, job: Job, base: str) -> Reply:
    """The job is done by the time it is looked at; its result tells how it ended."""
    try:
        job.location = work(twist).headers.get("Location")
    except NetSuiteError as error:
        job.error = error.body()
    job.done = True
    return Reply(status=202, headers={"Location": f"{base}/async/v1/job/{job.id}"})


def guarded(work: Callable[[Twist], Reply], twist: Twist) -> Reply:
    try:
        return work(twist)
    except NetSuiteError as error:
        return failed(error)


class Ask:
    """What one request asks for; raises `NetSuiteError` where that cannot be read."""

    def __init__(self, request: Request, tenant: Tenant) -> None:
        self.request = request
        self.tenant = tenant
        self.account = tenant.account
        self.base = request.origin + ROOT
        self.parts = request.path.removeprefix(ROOT).strip("/").split("/")
        self.body = _object(request.body)
        self.replace = "item" in request.query.get("replace", "").split(",")
        self.write = request.method != "GET" and self.parts[0] == "record"
        self.kind = call_kind(request.method, self.parts, self.body)
        if self.write and not self.account.settings.custom_fields:
            refuse_custom_fields(self.body)

    def external_ref(self) -> str | None:
        """The reference of the sender's own that a write brings with it."""
        named = self.body.get("externalId")
        return str(named) if self.write and named else None

    def order_id(self) -> str | None:
        """The order that a record or a write is about, by the reference that stands on it."""
        if self.write and self.body.get("otherRefNum"):
            return str(self.body["otherRefNum"])
        match self.parts:
            case ["record", "v1", type_, key, *_]:
                record = self.account.books.find(type_, key)
                return (self.account.order_id(record) or None) if record else None
        return None

    def work(self) -> Callable[[Twist], Reply]:
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

    def _made(self, type_: str, number: str) -> Reply:
        return Reply(status=204, headers={"Location": f"{self.base}/record/v1/{type_}/{number}"})

    def _moment(self, twist: Twist) -> float | None:
        return self.account.books.now() - twist.stale_seconds if twist.stale_seconds else None

    def _read(self, type_: str, key: str, twist: Twist, sublist: str = "") -> Reply:
        record = self.account.books.get(type_, key)
        moment = self._moment(twist)
        found = record.versions[-1][1] if moment is None else record.as_of(moment)
        if found is None:
            raise NetSuiteError(404, "NONEXISTENT_ID", f"The {type_} {key} does not exist.")
        if not self.account.settings.custom_fields:
            found = without_custom_fields(found)
        href = f"{self.base}/record/v1/{type_}/{record.id}"
        if sublist:
            return shown({"links": [{"rel": "self", "href": f"{href}/{sublist}"}], **found.get(sublist, {"items": []})})
        return shown(answer(found, href, self.request.query.get("expandSubResources", "").lower() == "true"))

    def _search(self, type_: str, twist: Twist) -> Reply:
        records = search(self.account.books, type_, self.request.query.get("q", ""), self._moment(twist))
        base = f"{self.base}/record/v1/{type_}"
        items = [{"links": [{"rel": "self", "href": f"{base}/{r.id}"}], "id": r.id} for r in records]
        return shown(self._page(items))

    def _suiteql(self, twist: Twist) -> Reply:
        if "transient" not in self.request.headers.get("Prefer", "").lower():
            raise NetSuiteError(400, "INVALID_HEADER", "The header Prefer: transient is required.", at="Prefer")
        statement = self.body.get("q")
        if not isinstance(statement, str):
            raise invalid_content("q is the statement.", "q")
        rows = suiteql.run(self.account, statement, self._moment(twist))
        if not self.account.settings.custom_fields:
            rows = without_custom_fields(rows)
        return shown(self._page([{"links": [], **row} for row in rows]))

    def _page(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        limit, offset = self._number("limit", _MOST_ROWS), self._number("offset", 0)
        limit = min(limit or _MOST_ROWS, _MOST_ROWS)
        page = items[offset : offset + limit]
        return {
            "links": [{"rel": "self", "href": f"{self.request.origin}{self.request.target}"}],
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

    def _limits(self, twist: Twist) -> Reply:
        limit = self.account.settings.limit
        return shown({"accountConcurrencyLimit": limit, "accountUnallocatedConcurrencyLimit": limit})

    def _job_result(self, number: str) -> Reply:
        job = self.tenant.jobs.get(number)
        if job.error is not None:
            return _json(job.error, job.error["status"], "error")
        return Reply(status=204, headers={"Location": job.location} if job.location else {})


def _object(raw: bytes) -> dict[str, Any]:
    """The body as an object; numbers with a point keep their digits."""
    if not raw:
        return {}
    try:
        body = _BODY.decode(raw.decode(json.detect_encoding(raw), "surrogatepass"))
    except (ValueError, RecursionError):
        raise invalid_content("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise invalid_content("The body is not an object.")
    return body


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_BODY = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)


def shown(body: Mapping[str, Any]) -> Reply:
    return _json(body, 200, "collection" if "totalResults" in body else "singular")


def failed(error: NetSuiteError) -> Reply:
    return _json(error.body(), error.status, "error", error.headers)


def _json(body: Mapping[str, Any], status: int, type_: str, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(
        status=status,
        body=orjson.dumps(body, default=float),
        headers={"Content-Type": f"application/vnd.oracle.resource+json; type={type_}", **(headers or {})},
    )
