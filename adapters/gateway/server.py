"""The gateway's process: two listeners, one store, and a stop that answers what was taken."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from adapters.gateway.configuration import Bind, GatewaySettings
from adapters.gateway.intake import Intake
from adapters.gateway.metrics import GatewayMetrics
from adapters.gateway.store import Store
from agents.clock import Clock, SystemClock

log = structlog.get_logger(__name__)


class GatewayServer:
    """A gateway that can be started and stopped; it starts, and says 503, whether or not a broker is there."""

    def __init__(self, settings: GatewaySettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self.metrics = GatewayMetrics()
        self.store = Store(settings, self.metrics)
        self._intake = Intake(settings, self.store, self.metrics, clock or SystemClock())
        self._runner: web.AppRunner | None = None
        self._health: web.AppRunner | None = None
        self._stopping = False

    @property
    def port(self) -> int:
        """The port webhooks are received on."""
        return _port(self._runner)

    @property
    def health_port(self) -> int:
        """The port of /live, /ready and /metrics."""
        return _port(self._health)

    @property
    def ready(self) -> bool:
        """Whether webhooks should be sent here."""
        return not self._stopping and self.store.ready

    async def start(self) -> None:
        """Listen; raises `OSError` when an address is taken."""
        await self.store.start()
        self._health = await _listen(self._health_application(), self._settings.health_bind, 30)
        self._runner = await _listen(self._intake.application(), self._settings.bind, self._settings.idle_seconds)
        log.info("gateway_listening", port=self.port, health_port=self.health_port)

    async def stop(self) -> None:
        """Stop accepting, answer what was taken, deliver it, close."""
        self._stopping = self._intake.draining = True
        if self._runner is not None:
            for site in list(self._runner.sites):
                await site.stop()
            # Not yet `cleanup`: it would stop reading the bodies that are still on their way.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.drain_seconds):
                    await self._intake.drained()
            await self._runner.cleanup()
        await self.store.stop()
        if self._health is not None:
            await self._health.cleanup()
        log.info("gateway_stopped")

    def _health_application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/live", _state(lambda: self.store.alive))
        app.router.add_get("/ready", _state(lambda: self.ready))
        app.router.add_get("/metrics", self._show_metrics)
        return app

    async def _show_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def serve(settings: GatewaySettings) -> None:
    """Run a gateway until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = GatewayServer(settings)
    try:
        await server.start()
        await stop.wait()
    finally:
        await server.stop()


async def _listen(app: web.Application, bind: Bind, idle_seconds: float) -> web.AppRunner:
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=idle_seconds,
        lingering_time=5.0,
        auto_decompress=False,  # the signature is over the bytes as sent, and a compressed body is no bomb if left shut
        shutdown_timeout=1.0,
    )
    await runner.setup()
    await web.TCPSite(runner, bind.host, bind.port, backlog=1024).start()
    return runner


def _state(good: Callable[[], bool]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n") if good() else web.Response(status=503, text="not now\n")

    return answer


def _port(runner: web.AppRunner | None) -> int:
    if runner is None or not runner.addresses:
        raise RuntimeError("the gateway is not listening")
    port: int = runner.addresses[0][1]
    return port
