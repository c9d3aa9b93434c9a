"""A dispatcher as a process, against a small vendor over HTTP that makes a document for every request.

Settings come from the environment. Run: python -m tests.integration.dispatcher_app
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from adapters.logs import for_worker
from agents.clock import SystemClock, rfc3339
from agents.dispatcher.app import DispatcherSettings, build
from agents.runtime import run_worker
from streams.adapter import Calls, Document, InDoubt, Limits, RetryAfter, Throttled, Unavailable
from streams.commands import Command
from streams.topics import Topology
from streams.vocabulary import DocumentKind
from tests.kafka import create_topics

ACCOUNT = "erp"
LIMITS = Limits(concurrency=4, deadline_seconds=1, longest_execution_seconds=2, read_lag_seconds=0.5)
SESSION_SECONDS = 6.0


def topology(prefix: str) -> Topology:
    return Topology(prefix, partitions=2, accounts=(ACCOUNT,))


async def make_topics(address: str, prefix: str) -> None:
    """All topics as the project makes them, unless its settings need more than one broker."""
    await create_topics(address, {spec.name: spec.partitions for spec in topology(prefix).topics()})


class Over:
    """`streams.adapter.Adapter` over HTTP."""

    def __init__(self, url: str, limits: Limits = LIMITS) -> None:
        self.url = url
        self.limits = limits
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    def reference_enforced(self, command: Command) -> bool:
        return False

    async def look_up(self, command: Command, calls: Calls) -> tuple[Document, ...]:
        async with calls.call("look up"), self.session.get(f"{self.url}/documents/{command.id}") as answer:
            found = await answer.json()
        return tuple(self._document(one, command) for one in found)

    async def candidates(self, command: Command, calls: Calls) -> tuple[Document, ...]:
        return ()

    async def create(self, command: Command, calls: Calls) -> Document:
        asked = {"reference": command.id, "amount": command.body["amount"]}
        try:
            async with (
                calls.call("create", write=True),
                self.session.post(f"{self.url}/documents", json=asked) as answer,
            ):
                if answer.status == 429:
                    raise Throttled("too many", RetryAfter(0.5))
                made = await answer.json()
        except aiohttp.ClientConnectorError as error:
            raise Unavailable(str(error)) from error
        except (TimeoutError, aiohttp.ClientError) as error:
            raise InDoubt(str(error)) from error
        return self._document(made, command)

    async def answer(self, command: Command, calls: Calls) -> Mapping[str, Any]:
        async with calls.call("answer"), self.session.get(f"{self.url}/documents/none"):
            return {"at": rfc3339(SystemClock().now()), "found": 0}

    async def list_documents(self, kind: DocumentKind, since: str, calls: Calls) -> AsyncIterator[Document]:
        raise NotImplementedError("the dispatcher does not list documents")
        yield

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    @staticmethod
    def _document(made: Mapping[str, str], command: Command) -> Document:
        differences = () if made["amount"] == command.body["amount"] else ("amount",)
        return Document(made["number"], command.kind, external_ref=made["reference"], differences=differences)


@dataclass
class Vendor:
    """The other side; it runs in the test, and outlives the workers."""

    url: str = ""
    made: list[dict[str, str]] = field(default_factory=list)
    faults: deque[str] = field(default_factory=deque)  # for the next creates: reset-before, reset-after, hang, 429, odd
    seconds: float = 0.02
    in_flight: int = 0
    most_in_flight: int = 0

    @property
    def doubled(self) -> dict[str, int]:
        counted = Counter(made["reference"] for made in self.made)
        return {reference: count for reference, count in counted.items() if count > 1}

    async def create(self, request: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            fault = self.faults.popleft() if self.faults else ""
            asked = await request.json()
            if fault == "429":
                return web.Response(status=429)
            if fault != "reset-before":
                await asyncio.sleep(self.seconds)
                made = {"number": f"D{len(self.made) + 1}", **asked}
                self.made.append(made)
            if fault.startswith("reset"):
                assert request.transport is not None
                request.transport.abort()
            if fault == "hang":
                await asyncio.sleep(5)
            return web.json_response({} if fault in ("reset-before", "odd") else made)
        finally:
            self.in_flight -= 1

    async def find(self, request: web.Request) -> web.Response:
        reference = request.match_info["reference"]
        return web.json_response([made for made in self.made if made["reference"] == reference])


@asynccontextmanager
async def running_vendor() -> AsyncIterator[Vendor]:
    vendor = Vendor()
    server = web.Application()
    server.add_routes([web.post("/documents", vendor.create), web.get("/documents/{reference}", vendor.find)])
    runner = web.AppRunner(server, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    vendor.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield vendor
    finally:
        await runner.cleanup()


class WorkerProcess:
    """One dispatcher process of the account."""

    def __init__(self, broker: str, prefix: str, vendor: Vendor, directory: Path, number: int = 0) -> None:
        self._settings = {
            "DISPATCHER_BROKER": broker,
            "DISPATCHER_PREFIX": prefix,
            "DISPATCHER_VENDOR": vendor.url,
            "DISPATCHER_DATADIR": str(directory / f"data-{number}"),
        }
        self.fault_log = directory / f"faults-{number}"
        self._log = directory / f"worker-{number}.log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, fault_point: str = "") -> None:
        environment = {**os.environ, **self._settings, "REVENI_STREAMS_FAULT_LOG": str(self.fault_log)}
        if fault_point:
            environment["REVENI_STREAMS_FAULT_POINT"] = fault_point
        with self._log.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.integration.dispatcher_app", env=environment, stdout=out, stderr=out
            )

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self, seconds: float = 40) -> int:
        """Wait for the process to end; its exit code."""
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), seconds)

    async def end(self, how: signal.Signals) -> int:
        self.signal(how)
        return await self.ended()

    async def clean_up(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def owns(self) -> bool:
        """Whether its last word on the account is that it owns it."""
        said = self.said()
        return said.rfind("account owned") > said.rfind("account given up")

    def said(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""


def main() -> None:
    env = os.environ
    settings = DispatcherSettings(
        broker=env["DISPATCHER_BROKER"],
        topology=topology(env["DISPATCHER_PREFIX"]),
        account=ACCOUNT,
        cluster="test",
        session_seconds=SESSION_SECONDS,
        rebalance_seconds=10,
        datadir=Path(env["DISPATCHER_DATADIR"]),
    )
    limits = Limits(**json.loads(env["DISPATCHER_LIMITS"])) if "DISPATCHER_LIMITS" in env else LIMITS
    run_worker(build(settings, lambda: Over(env["DISPATCHER_VENDOR"], limits)), for_worker("info"))


if __name__ == "__main__":
    main()
