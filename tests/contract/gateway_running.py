"""A running gateway, and senders that speak HTTP to it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from adapters.gateway.configuration import Bind, GatewaySettings
from adapters.gateway.server import GatewayServer
from tests.kafka import create_topics, wait_for

ANY_PORT = Bind("127.0.0.1", 0)
SECRETS = {"reveni": ("r-new", "r-old"), "warehouse": ("w-1",)}
SIGNATURE_HEADERS = {"reveni": "X-Reveni-Signature", "warehouse": "X-Signature"}
TOPICS = {"events.reveni": 4, "events.warehouse": 4, "alarms": 1}


@dataclass(frozen=True)
class Answer:
    """What a sender gets."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def event(order_id: str, number: int = 0) -> bytes:
    """A small event about an order."""
    return json.dumps({"id": f"{order_id}-{number}", "data": {"order_id": order_id, "version": number}}).encode()


def signature(body: bytes, secret: str) -> str:
    """The default signature, made without the code under test."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def signed(body: bytes, source: str = "reveni", secret: str | None = None) -> dict[str, str]:
    """The headers of a well signed request."""
    return {SIGNATURE_HEADERS[source]: signature(body, secret or SECRETS[source][0])}


class Sender:
    """An HTTP client of one gateway."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session, self._port = session, port

    async def post(
        self, body: bytes, source: str = "reveni", headers: Mapping[str, str] | None = None, path: str | None = None
    ) -> Answer:
        """Send a body to a source's route, well signed unless `headers` says otherwise."""
        url = f"http://127.0.0.1:{self._port}{path or '/webhooks/' + source}"
        sent = signed(body, source) if headers is None else headers
        async with self._session.post(url, data=body, headers=sent) as response:
            return Answer(response.status, response.headers, await response.read())

    async def raw(self, head: bytes, *, seconds: float = 20) -> bytes:
        """Send bytes as they are, and read to the end of the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(head)
            await writer.drain()
            async with asyncio.timeout(seconds):
                return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def sender_to(port: int) -> AsyncIterator[Sender]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield Sender(session, port)


def settings_for(address: str, prefix: str, **changes: Any) -> GatewaySettings:
    """A gateway on any free port with the tests' secrets."""
    settings = GatewaySettings(kafka=address, bind=ANY_PORT, health_bind=ANY_PORT, topic_prefix=prefix, secrets=SECRETS)
    return replace(settings, **changes)


@asynccontextmanager
async def gateway(address: str, prefix: str, **changes: Any) -> AsyncIterator[tuple[GatewayServer, Sender]]:
    """A ready gateway on its own topics, and a sender to it."""
    await create_topics(address, {prefix + name: count for name, count in TOPICS.items()})
    server = GatewayServer(settings_for(address, prefix, **changes))
    await server.start()
    try:
        await wait_for(lambda: server.ready, 20, "a ready gateway")
        async with sender_to(server.port) as sender:
            yield server, sender
    finally:
        await server.stop()
