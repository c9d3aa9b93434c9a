"""The shipped NetSuite without sockets: a wire that is answered at once, and whose answers a test may change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from adapters.netsuite.simulator import NetSuiteSimulator
from adapters.netsuite.simulator.service import ROOT, Ask, prepared
from adapters.netsuite.wire import Answer, Progress
from adapters.simulators.calls import CallLog
from adapters.simulators.control import Control
from adapters.simulators.exchange import Request
from adapters.simulators.faults import Faults
from adapters.simulators.front import Front, Twist
from adapters.simulators.ledger import Ledger
from tests.scenarios.messages import order


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


def as_it_is(call: Call, answer: Callable[[], Answer]) -> Answer:
    return answer()


class Account:
    """The simulated account as a wire. `twist` may answer in its place, or change what it answers."""

    def __init__(self, *orders: dict[str, Any], **seed: Any) -> None:
        self.ledger, calls, faults = Ledger(), CallLog(), Faults(lambda: 0.0, 1)
        self.system = NetSuiteSimulator({}, self.ledger, Front(calls, faults, 1))
        self.control = Control([self.system], self.ledger, calls, faults, self.system.reset)
        locations = [
            {"account": "ns", "id": "101", "sellable": True},
            {"account": "ns", "id": "102", "sellable": False},
        ]
        self.control.seed({"orders": list(orders) or [order("5001")], "locations": locations, **seed})
        self.calls: list[Call] = []
        self.twist: Callable[[Call, Callable[[], Answer]], Answer] = as_it_is

    async def send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], progress: Progress
    ) -> Answer:
        progress.connected = True
        path, _, query = url.partition("/services/rest")[2].partition("?")
        call = Call(method, unquote(path), dict(parse_qsl(query)), body or b"")
        self.calls.append(call)
        return self.twist(call, lambda: self._answer(call, path, headers))

    def _answer(self, call: Call, path: str, headers: Mapping[str, str]) -> Answer:
        request = Request(call.method, "", ROOT + path, unquote(ROOT + path), dict(call.query), headers, call.body)
        tenant = next(iter(self.system.service.tenants.values()))
        reply = prepared(Ask(request, tenant))(Twist())
        return Answer(reply.status, reply.headers, reply.body.decode())

    def entries(self, kind: str) -> list[Mapping[str, Any]]:
        """The ledger's entries of a kind, oldest first."""
        return [entry for entry in self.ledger.shown if entry["kind"] == kind]

    async def close(self) -> None:
        """Nothing is open."""


class Freely:
    """Calls that may always be made."""

    def call(self, name: str, *, write: bool = False) -> AbstractAsyncContextManager[None]:
        return self._call()

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[None]:
        yield
