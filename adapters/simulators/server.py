"""One process for all the simulated systems, each under `/<system>/...`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from adapters.netsuite.simulator import NetSuiteSimulator
from adapters.simulators.calls import CallLog
from adapters.simulators.clock import MACHINE, Clock
from adapters.simulators.control import Control
from adapters.simulators.faults import Faults
from adapters.simulators.front import Front
from adapters.simulators.ledger import Ledger
from adapters.simulators.system import System

DEFAULT_SEED = 20261127
_BIGGEST_BODY = 64 * 1024 * 1024

# A new simulated system is one line here.
SYSTEMS: dict[str, Callable[[Mapping[str, Any], Ledger, Front, Clock], System]] = {"netsuite": NetSuiteSimulator}


class Simulators:
    """The running process: its parts, for tests that live in it, and its address."""

    def __init__(self, config: Mapping[str, Any] | None = None, clock: Clock = MACHINE) -> None:
        config = config or {}
        seed = int(config.get("seed", DEFAULT_SEED))
        self.ledger = Ledger(clock)
        self.calls = CallLog(clock)
        self.faults = Faults(clock.monotonic, seed)
        self.front = Front(self.calls, self.faults, seed, clock)
        self.systems = [make(config.get(name, {}), self.ledger, self.front, clock) for name, make in SYSTEMS.items()]
        self.control = Control(self.systems, self.ledger, self.calls, self.faults, self.reset)
        self.app = web.Application(client_max_size=_BIGGEST_BODY)
        self.control.mount(self.app)
        for system in self.systems:
            system.mount(self.app)
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def listen(self, host: str, port: int) -> None:
        """Serve; port 0 takes a free one. A caller that closes its connection ends its handler (in flight)."""
        self._runner = web.AppRunner(self.app, handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, backlog=1024)
        await site.start()
        bound = self._runner.addresses[0][1]
        self.url = f"http://{host}:{bound}"

    def reset(self) -> None:
        """Back to the configuration: no orders, documents, faults or calls."""
        self.front.clear()
        self.ledger.clear()
        self.calls.clear()
        self.faults.clear()
        for system in self.systems:
            system.reset()

    async def close(self) -> None:
        self.front.clear()
        if self._runner is not None:
            await self._runner.cleanup()


async def start(host: str = "127.0.0.1", port: int = 0, config: Mapping[str, Any] | None = None) -> Simulators:
    """Start the simulators in this process; close them with `await simulators.close()`."""
    simulators = Simulators(config)
    await simulators.listen(host, port)
    return simulators


async def run(host: str, port: int, config: Mapping[str, Any] | None, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    simulators = await start(host, port, config)
    ready(simulators.url)
    try:
        await stop.wait()
    finally:
        await simulators.close()
