"""The shipped simulated NetSuite without sockets: as a wire, and behind a row that is decided."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from adapters.netsuite.adapter import NetSuite
from adapters.netsuite.client import Client
from adapters.netsuite.options import AccountSettings, CustomFields
from adapters.netsuite.simulator import NetSuiteSimulator
from adapters.netsuite.simulator.records import Record
from adapters.netsuite.simulator.service import ROOT, Ask, prepared
from adapters.netsuite.wire import Answer, Progress
from adapters.simulators.calls import CallLog
from adapters.simulators.control import Control
from adapters.simulators.exchange import Request
from adapters.simulators.faults import Faults
from adapters.simulators.front import Front, Twist
from adapters.simulators.ledger import Ledger
from streams.adapter import Limits, Refused
from streams.commands import Command, Failure, Outcome
from streams.decide import Rules
from streams.vocabulary import DocumentKind, ErrorKind, OutcomeStatus
from tests.unit.erp import Erp

PLACES = {"101": True, "102": False, "109": False}  # locations: whether they sell


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came in."""

    method: str
    path: str  # after /services/rest
    query: Mapping[str, str]
    body: bytes

    @property
    def writes(self) -> bool:
        return self.method != "GET" and not self.path.startswith("/query/")


def as_it_is(call: Call, honest: Callable[[], Answer]) -> Answer:
    return honest()


class Account:
    """The simulated account as a wire: each request is answered at once, without faults.

    `twist` may answer in its place, or change what it answers.
    """

    def __init__(self, *orders: Mapping[str, Any], **seed: Any) -> None:
        self.ledger, calls, faults = Ledger(), CallLog(), Faults(lambda: 0.0, 1)
        self.system = NetSuiteSimulator({}, self.ledger, Front(calls, faults, 1))
        self.control = Control([self.system], self.ledger, calls, faults, self.system.reset)
        locations = [{"account": "ns", "id": number, "sellable": sells} for number, sells in PLACES.items()]
        self.control.seed({"orders": list(orders), "locations": locations, **seed})
        self.books = next(iter(self.system.service.tenants.values())).account.books
        self.calls: list[Call] = []
        self.twist: Callable[[Call, Callable[[], Answer]], Answer] = as_it_is

    async def send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], progress: Progress
    ) -> Answer:
        progress.connected = True
        path, _, query = (ROOT + url.partition("/services/rest")[2]).partition("?")
        request = Request(method, "", path, unquote(path), dict(parse_qsl(query)), headers, body or b"")
        call = Call(method, unquote(path.removeprefix(ROOT)), request.query, request.body)
        self.calls.append(call)
        return self.twist(call, lambda: self._answer(request))

    def _answer(self, request: Request) -> Answer:
        tenant = next(iter(self.system.service.tenants.values()))
        reply = prepared(Ask(request, tenant))(Twist())
        return Answer(reply.status, reply.headers, reply.body.decode())

    async def close(self) -> None:
        """Nothing is open."""

    def make(self, kind: str, body: Mapping[str, Any]) -> None:
        """A document that somebody made by hand."""
        url = f"https://example.com/services/rest/record/v1/{kind}"
        answer = asyncio.run(self.send("POST", url, orjson.dumps(body), {}, Progress()))
        assert answer.status == 204, answer.text

    def records(self, kind: str) -> list[Record]:
        """The account's own records of a kind, oldest first."""
        return sorted(self.books.all(kind), key=lambda record: int(record.id))

    def entries(self, kind: DocumentKind | str) -> list[Mapping[str, Any]]:
        """The ledger's entries of a kind, oldest first."""
        wanted = kind.value if isinstance(kind, DocumentKind) else kind
        return [entry for entry in self.ledger.shown if entry["kind"] == wanted]


class Freely:
    """Calls that may always be made."""

    def call(self, name: str, *, write: bool = False) -> AbstractAsyncContextManager[None]:
        return self._call()

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[None]:
        yield


class NetSuiteErp(Erp):
    """A row decided again after each fact, whose commands the product's adapter carries out in the simulated account.

    A document that is not what was asked for is refused, as the dispatcher does it.
    """

    def __init__(
        self, order: Mapping[str, Any], using: Rules | None = None, fields: CustomFields | None = None
    ) -> None:
        super().__init__(str(order["order_id"]), using)
        self.account = Account(order)
        self._settings = AccountSettings(fields=fields or CustomFields())
        self.forget()

    def forget(self) -> None:
        """Another process goes on, which remembers nothing of the account."""
        self.adapter = NetSuite(Client("https://example.com", self.account), Limits(), self._settings)

    def carry_out(self, command: Command) -> Outcome:
        if command.void:
            return super().carry_out(command)
        try:
            return asyncio.run(self._carried_out(command))
        except Refused as error:
            failure = Failure(error.kind, str(error), error.code, error.type, error.owner)
            return self._outcome(command, OutcomeStatus.REFUSED, failure=failure)

    async def _carried_out(self, command: Command) -> Outcome:
        if command.kind.is_question:
            answer = await self.adapter.answer(command, Freely())
            return self._outcome(command, OutcomeStatus.ANSWERED, answer=dict(answer))
        document = await self.adapter.create(command, Freely())
        if document.differences:
            failure = Failure(ErrorKind.MISMATCH, "; ".join(document.differences))
            return self._outcome(command, OutcomeStatus.REFUSED, failure=failure)
        self.documents.append((command, document.number))
        return self._outcome(command, OutcomeStatus.DONE, number=document.number)
