"""The vendor of a simulated run: the shipped NetSuite double and the product's own adapter, joined without sockets.

A call is carried to the vendor and its answer back with small delays. Whatever becomes of the caller, the vendor's work
goes on: it is done by tasks and timers of the vendor's own process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextvars import Context, copy_context
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from random import Random
from typing import Any
from urllib.parse import unquote

from adapters.generator.orders import ACCOUNT
from adapters.netsuite.adapter import NetSuite
from adapters.netsuite.client import Client
from adapters.netsuite.options import AccountSettings
from adapters.netsuite.simulator import NetSuiteSimulator
from adapters.netsuite.simulator.errors import NetSuiteError, too_many_requests
from adapters.netsuite.simulator.service import ANSWERS, ROOT, Ask, failed, prepared
from adapters.netsuite.wire import Answer, ConnectionFailed, Progress
from adapters.registry import limits_of
from adapters.simulators.calls import Call, CallLog
from adapters.simulators.clock import Clock
from adapters.simulators.control import Control
from adapters.simulators.exchange import ConnectionReset, Reply, Request
from adapters.simulators.faults import Faults
from adapters.simulators.front import Front
from adapters.simulators.ledger import Ledger

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]

_SERVICES = "/services/rest"
# A request whose caller went while it was on its way: as likely as not it had left the caller's machine.
_ARRIVES_ALL_THE_SAME = 0.5


@dataclass(slots=True, eq=False)
class _Connection:
    """One request under way; `call` is there once it has arrived."""

    owner: str
    answered: asyncio.Future[Reply | None]  # None: the connection broke
    task: asyncio.Task[None] | None = None
    call: Call | None = None
    closed: bool = False


class VendorWire:
    """`adapters.netsuite.wire.Wire` of one process of ours."""

    def __init__(self, world: VendorWorld, owner: str) -> None:
        self._world = world
        self._owner = owner

    async def send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], progress: Progress
    ) -> Answer:
        progress.connected = True
        reply = await self._world.carry(self._owner, method, url, body or b"", headers)
        if reply is None:
            raise ConnectionFailed("the connection failed (ConnectionResetError)")
        return Answer(reply.status, reply.headers, reply.body.decode(errors="replace"))

    async def close(self) -> None:
        self._world.closed(self._owner)


class VendorWorld:
    """One NetSuite account with its books, its faults, and everything that is under way to and from it."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        payloads: Iterable[Mapping[str, Any]],
        seed: int,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        *,
        spawn: Spawn = asyncio.ensure_future,
        network_ms: tuple[float, float] = (0.2, 2.0),
        on_entry: Callable[[Mapping[str, Any]], None] | None = None,
        on_call: Callable[[Call], None] | None = None,
    ) -> None:
        clock = Clock(monotonic, now)
        self.books = Ledger(clock)
        self.calls = CallLog(clock)
        self.faults = Faults(monotonic, f"{seed}/faults")
        self._front = Front(self.calls, self.faults, f"{seed}/vendor", clock)
        system = NetSuiteSimulator({}, self.books, self._front, clock)
        system.change(ACCOUNT, settings)
        control = Control([system], self.books, self.calls, self.faults, system.reset)
        for payload in payloads:
            control.seed(payload)
        self._tenant = next(iter(system.service.tenants.values()))
        self._now = now
        self._spawn = spawn
        self._network = Random(f"{seed}/network")
        self._network_ms = network_ms
        self._context: Context | None = None
        self._open: dict[str, dict[_Connection, None]] = {}
        self._owners: dict[int, str] = {}
        self.books.watch = on_entry
        self.calls.watch = on_call

    # -- what our processes see of it

    def wire(self, owner: str) -> VendorWire:
        """The wire of a process; `owner` is the name under which its connections are closed."""
        return VendorWire(self, owner)

    def adapter(
        self, owner: str, account: Mapping[str, Any], now: Callable[[], datetime] | None = None, time_zone: str = "UTC"
    ) -> NetSuite:
        """The product's adapter for an account's table of the profile; `now` is the clock of the process."""
        client = Client(str(account["base_url"]), self.wire(owner), now or self._now)
        options = AccountSettings.read(account.get("options", {}), time_zone)
        return NetSuite(client, limits_of(account), options, now or self._now)

    def closed(self, owner: str) -> None:
        """The network tells that a process has gone: none of its calls is in flight any more."""
        for connection in list(self._open.get(owner, ())):
            self._close(connection)

    # -- what the checks and the plan see of it

    @property
    def ledger(self) -> list[Mapping[str, Any]]:
        """The entries in order of creation, as CONTRACTS shows them."""
        return self.books.shown

    def busy(self) -> bool:
        """Whether a call is under way, or work that was taken on is still to be applied."""
        return bool(self._front.applying) or any(self._open.values())

    def owner_of(self, call: Call) -> str:
        """The process of ours that made a call."""
        return self._owners.get(call.seq, "")

    def in_flight(self) -> list[Call]:
        """The calls that have arrived, and are neither answered nor closed."""
        return [one.call for open_ in self._open.values() for one in open_ if one.call is not None]

    def put_fault(self, rule: Mapping[str, Any]) -> None:
        """A rule of CONTRACTS section 7 more."""
        self.faults.add(rule)

    def clear_faults(self) -> None:
        """No rule is in force; what was taken on under one comes to its end."""
        self.faults.rules = []

    # -- a call

    async def carry(self, owner: str, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Reply | None:
        """A request there and its reply back; None where the connection broke. Cancelled, it is closed."""
        loop = asyncio.get_running_loop()
        connection = _Connection(owner, loop.create_future())
        self._open.setdefault(owner, {})[connection] = None
        request = _request(method, url, body, headers)
        if self._context is None:
            self._spawn(self._enter(connection, request))
        else:
            loop.call_later(self._delay(), self._arrive, connection, request, context=self._context)
        try:
            return await connection.answered
        except asyncio.CancelledError:
            self._close(connection)
            raise

    async def _enter(self, connection: _Connection, request: Request) -> None:
        """The first request of all: what is to be run for the others is run where this is, in the vendor's process."""
        self._context = copy_context()
        await asyncio.sleep(self._delay())
        self._arrive(connection, request)

    def _arrive(self, connection: _Connection, request: Request) -> None:
        account, method, path = self._tenant.account, request.method, request.path
        kind = None
        try:
            ask = Ask(request, self._tenant)
            kind = ask.kind
            work = prepared(ask)
        except NetSuiteError as error:
            if not connection.closed:
                connection.call = self.calls.open(account.name, method, path, account.settings.limit, kind)
                self._reply(connection, connection.call, failed(error))
            return
        if not connection.closed:
            call = self.calls.open(account.name, method, path, account.settings.limit, kind)
        elif self._network.random() < _ARRIVES_ALL_THE_SAME:
            call = self.calls.orphan(account.name, method, path, kind)
        else:
            return
        connection.call = call
        self._owners[call.seq] = connection.owner
        if call.breach:
            self._reply(connection, call, failed(too_many_requests()))
        elif (rule := self._front.choose(call, ask.write)) is None:
            self._front.start(account.settings, work).add_done_callback(partial(self._done, connection, call))
        else:
            suffering = self._front.suffer(rule, account.settings, ANSWERS, work)
            connection.task = self._spawn(self._suffer(connection, call, suffering))

    def _done(self, connection: _Connection, call: Call, work: asyncio.Future[Reply]) -> None:
        self._reply(connection, call, work.result())

    async def _suffer(self, connection: _Connection, call: Call, suffering: Coroutine[Any, Any, Reply]) -> None:
        try:
            reply = await suffering
        except ConnectionReset:
            self._reply(connection, call, None)
        else:
            self._reply(connection, call, reply)

    def _reply(self, connection: _Connection, call: Call, reply: Reply | None) -> None:
        """The vendor has answered, or broken the connection; to a caller who has gone it says nothing."""
        if connection.closed:
            return
        call.status = reply.status if reply else None
        self.calls.end(call)
        self._forget(connection)
        asyncio.get_running_loop().call_later(self._delay(), _deliver, connection.answered, reply)

    def _delay(self) -> float:
        least, most = self._network_ms
        return (least + (most - least) * self._network.random()) / 1000

    def _close(self, connection: _Connection) -> None:
        """The caller has gone. What has arrived is in flight no more; the vendor's work on it goes on."""
        if connection.closed:
            return
        connection.closed = True
        self._forget(connection)
        if connection.call is not None and connection.call.finished is None:
            self.calls.end(connection.call)
            if connection.task is not None:
                connection.task.cancel()

    def _forget(self, connection: _Connection) -> None:
        self._open.get(connection.owner, {}).pop(connection, None)


def _deliver(answered: asyncio.Future[Reply | None], reply: Reply | None) -> None:
    if not answered.done():
        answered.set_result(reply)


def _request(method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Request:
    root, _, asked = url.partition(_SERVICES)
    rest, _, query = asked.partition("?")
    return Request(
        method=method,
        origin=root.removesuffix("/netsuite"),
        target=f"{ROOT}{asked}",
        path=ROOT + (unquote(rest) if "%" in rest else rest),
        query={name: unquote(value) for name, _, value in (pair.partition("=") for pair in query.split("&"))},
        headers=headers,
        body=body,
    )
