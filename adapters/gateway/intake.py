"""The webhook routes: from a request to an answer that is true."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
import structlog
from aiohttp import web

from adapters.gateway.configuration import GatewaySettings
from adapters.gateway.metrics import GatewayMetrics
from adapters.gateway.signatures import SignatureScheme, verify
from adapters.gateway.sources import SOURCES, Source
from adapters.gateway.store import Record, Store, StoreUnavailable
from adapters.gateway.trace import traceparent
from agents.clock import Clock, rfc3339
from streams.parts import split

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ALARMS = "alarms"
LEFT = 499  # the sender left before the answer; only ever seen in metrics and logs


class BodyTooLarge(Exception):
    """The body is over the hard limit."""

    def __init__(self, read: int, sha256: str) -> None:
        super().__init__(f"more than {read} bytes")
        self.read, self.sha256 = read, sha256


class BodyTooSlow(Exception):
    """The body did not arrive in its time."""


@dataclass(slots=True)
class _Door:
    """A source with its secrets and the signature scheme it uses here."""

    source: Source
    scheme: SignatureScheme
    secrets: tuple[bytes, ...]
    topic: str


class Intake:
    """Answers webhooks: 401 unsigned, 200 stored, 503 not stored, 413 too large, 408 too slow, 400 not HTTP."""

    def __init__(self, settings: GatewaySettings, store: Store, metrics: GatewayMetrics, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._reading_bytes = 0
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.draining = False
        metrics.in_flight.set_function(lambda: self._in_flight)
        metrics.reading_bytes.set_function(lambda: self._reading_bytes)

    def application(self) -> web.Application:
        """The routes of every source."""
        app = web.Application(middlewares=[self._account])
        for source in SOURCES:
            door = _Door(
                source,
                self._settings.schemes.get(source.name, source.scheme),
                tuple(secret.encode() for secret in self._settings.secrets.get(source.name, ()) if secret),
                self._settings.topic_prefix + source.topic,
            )
            if not door.secrets:
                log.warning("source_without_secret", source=source.name, consequence="every request is answered 401")
            app.router.add_post(source.path, self._handler(door), name=source.name)
        return app

    async def drained(self) -> None:
        """Wait until every request taken is answered."""
        await self._idle.wait()

    def _handler(self, door: _Door) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            # Unsigned requests end here, before their body costs anything.
            presented = request.headers.getall(door.scheme.header, [])
            if len(presented) != 1 or not door.secrets:
                return _answer(401, "not signed")
            held = 0
            try:
                body = bytearray()
                async with _in_time(self._settings.body_seconds):
                    async for chunk in request.content.iter_any():
                        held += len(chunk)
                        self._hold(len(chunk))
                        body += chunk
                        if len(body) > self._settings.body_limit:
                            raise BodyTooLarge(len(body), hashlib.sha256(body).hexdigest())
                return await self._take(door, request, presented, bytes(body))
            except BodyTooLarge as error:
                await self._alarm(door, request, error)
                return _closing(_answer(413, f"bodies of more than {self._settings.body_limit} bytes are not taken"))
            finally:
                self._reading_bytes -= held

        return handle

    def _hold(self, size: int) -> None:
        self._reading_bytes += size
        if self._reading_bytes > self._settings.reading_bytes:
            raise StoreUnavailable("too-many-bodies")

    async def _take(self, door: _Door, request: web.Request, presented: list[str], body: bytes) -> web.Response:
        now = self._clock.now()
        if not verify(door.scheme, door.secrets, presented, body, now.timestamp()):
            return _answer(401, "the signature does not fit")
        envelope = door.source.read_envelope(body)
        event_id = envelope.event_id or hashlib.sha256(body).hexdigest()
        headers = (
            ("source", door.source.name.encode()),
            ("event-id", event_id.encode()),
            ("received-at", rfc3339(now).encode()),
            ("traceparent", traceparent(request.headers.getall("traceparent", [])).encode()),
        )
        key = None if envelope.order_key is None else envelope.order_key.encode()
        pieces = split(body, self._settings.record_limit)
        await self._store.put(door.topic, key, [Record(piece.value, headers + piece.headers) for piece in pieces])
        self._metrics.bytes.labels(door.source.name).inc(len(body))
        return web.Response(body=_STORED, content_type="application/json")

    async def _alarm(self, door: _Door, request: web.Request, error: BodyTooLarge) -> None:
        """Say that a body was lost for size; if even that cannot be stored, the sender should come again (503)."""
        alarm = {
            "id": f"too-large:{door.source.name}:{error.sha256}",
            "kind": "too-large",
            "at": rfc3339(self._clock.now()),
            "owner": "engineering",
            "source": door.source.name,
            "sha256_read": error.sha256,
            "bytes_read": error.read,
            "bytes_declared": request.content_length,
            "limit": self._settings.body_limit,
        }
        log.error("body_too_large", **{name: value for name, value in alarm.items() if name not in ("kind", "at")})
        topic = self._settings.topic_prefix + ALARMS
        await self._store.put(topic, str(alarm["id"]).encode(), [Record(orjson.dumps(alarm), ())])

    @web.middleware
    async def _account(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count every request, and turn every way out into one of the answers that a sender is promised."""
        source = request.match_info.route.name or "none"
        self._in_flight += 1
        self._idle.clear()
        try:
            response, reason = await self._respond(request, handler)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()
        self._metrics.requests.labels(source, str(response.status)).inc()
        if response.status != 200:
            # In an outage every request of a peak is a 503: counted by reason, and logged only when asked for.
            say = log.debug if response.status == 503 else log.info
            say("not_stored", source=source, status=response.status, reason=reason)
        return _closing(response) if self.draining else response

    async def _respond(self, request: web.Request, handler: Handler) -> tuple[web.StreamResponse, str]:
        try:
            return await handler(request), ""
        except web.HTTPException as answer:  # 404, 405 and the like
            headers = {"Allow": answer.headers["Allow"]} if "Allow" in answer.headers else None
            return _answer(answer.status, answer.reason, headers), "route"
        except BodyTooSlow:
            return _closing(_answer(408, "the body took too long")), "slow-body"
        except web.RequestPayloadError:
            return _closing(_answer(400, "the body is not readable HTTP")), "unreadable"
        except ConnectionError:
            return _closing(_answer(LEFT, "")), "sender-left"
        except StoreUnavailable as error:
            self._metrics.unavailable.labels(error.reason).inc()
            return self._again(), error.reason
        except Exception as error:
            # A fault of ours must not read as the sender's (500 is often never repeated): it comes again.
            log.exception("intake_failed", error=type(error).__name__)
            self._metrics.unavailable.labels("bug").inc()
            return self._again(), "bug"

    def _again(self) -> web.Response:
        return _answer(503, "not stored; send again", {"Retry-After": str(self._settings.retry_after_seconds)})


class _in_time:
    """`asyncio.timeout` that raises `BodyTooSlow`."""

    def __init__(self, seconds: float) -> None:
        self._timeout = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, *raised: object) -> None:
        try:
            await self._timeout.__aexit__(*raised)  # type: ignore[arg-type]  # passed through as it came
        except TimeoutError:
            raise BodyTooSlow from None


_STORED = orjson.dumps({"status": "stored"})


def _answer(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, body=orjson.dumps({"error": message}), content_type="application/json", headers=headers
    )


def _closing(response: web.StreamResponse) -> web.StreamResponse:
    response.force_close()
    return response
