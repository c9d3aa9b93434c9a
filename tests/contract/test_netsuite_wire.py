"""What comes over a socket is bounded in bytes, time and form, whoever answers: against a server on loopback."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import repeat

import pytest

from adapters.netsuite import wire
from adapters.netsuite.adapter import NetSuite
from adapters.netsuite.client import Client
from adapters.netsuite.wire import Credentials, HttpWire
from agents.clock import SystemClock
from agents.gate import Gate, GateSettings
from streams.adapter import InDoubt, Limits, Unavailable, VendorError
from streams.vocabulary import CommandClass
from tests.unit.netsuite_commands import exchange

WANTED = exchange("7", {"item": "4712", "sku": "TEE-RED-L", "quantity": 1, "amount": "0.00"})
NOTHING = b'{"items": [], "hasMore": false, "count": 0, "offset": 0, "totalResults": 0}'
PIECE = b"[" * 65_536

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Asked:
    """What a look-up and a create come to."""

    def __init__(self, url: str, deadline: float) -> None:
        credentials = Credentials("1", "a", "b", "c", "d")
        self.adapter = NetSuite(Client(url, HttpWire(credentials)), Limits(deadline_seconds=deadline))
        self.gate = Gate(GateSettings.from_limits(self.adapter.limits), SystemClock(), random.Random(1))

    async def look_up(self) -> object:
        async with self.gate.slot(CommandClass.MONEY, WANTED.id) as slot:
            return await self.adapter.look_up(WANTED, slot)

    async def create(self) -> object:
        async with self.gate.slot(CommandClass.MONEY, WANTED.id) as slot:
            return await self.adapter.create(WANTED, slot)

    async def ends(self) -> None:
        """A read is unavailable, a write in doubt; no other exception leaves the adapter."""
        for call, kind in ((self.look_up, Unavailable), (self.create, InDoubt)):
            with pytest.raises((VendorError, TimeoutError)) as raised:
                await call()
            assert type(raised.value) is kind, raised.value


@asynccontextmanager
async def served(serve: Serve, deadline: float = 8.0) -> AsyncIterator[Asked]:
    """The adapter against a server that answers each connection's first request by `serve`, and closes."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0)
            await reader.readexactly(length)
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    asked = Asked(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", deadline)
    try:
        async with server:
            yield asked
            await asked.adapter.close()
            server.close()
    finally:
        await asked.adapter.close()


def plain(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> Serve:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told = b"".join(header + b"\r\n" for header in (b"Content-Length: %d" % len(body), *headers))
        writer.write(b"HTTP/1.1 " + status + b"\r\n" + told + b"Connection: close\r\n\r\n" + body)
        await writer.drain()

    return serve


@pytest.mark.parametrize("head", [b"Content-Length: 1073741824", b"Transfer-Encoding: chunked"])
@pytest.mark.parametrize("status", [b"200 OK", b"400 Bad Request"])
async def test_a_body_without_end_is_not_read_to_its_end(head: bytes, status: bytes) -> None:
    """B10: a body of 1 GB took 2.1 GB of memory. What passes the limit is not read, and the connection is closed."""
    sent: list[int] = []

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent.append(0)
        writer.write(b"HTTP/1.1 " + status + b"\r\n" + head + b"\r\n\r\n")
        for piece in repeat(PIECE, 16_384):
            writer.write(piece if b"Length" in head else b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            sent[-1] += len(piece)

    async with served(serve) as asked:
        await asked.ends()
    assert len(sent) == 2
    # What the sockets hold between them comes on top of the limit.
    assert max(sent) < (wire.MOST_BYTES if status.startswith(b"200") else 0) + 12 * 1024 * 1024


def bomb(megabytes: int) -> bytes:
    """A small gzip of very many zeros."""
    pack = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return b"".join(pack.compress(bytes(1_048_576)) for _ in range(megabytes)) + pack.flush()


@pytest.mark.parametrize("status", [b"200 OK", b"502 Bad Gateway"])
async def test_a_small_body_that_unpacks_to_much_is_unpacked_to_the_limit(
    monkeypatch: pytest.MonkeyPatch, status: bytes
) -> None:
    """B10: a gzip bomb took 4.2 GB, and 12.8 s past the deadline."""
    monkeypatch.setattr(wire, "MOST_BYTES", 1_048_576)
    packed = bomb(64)
    assert len(packed) < 200_000
    async with served(plain(packed, b"Content-Encoding: gzip", status=status)) as asked:
        tracemalloc.start()
        try:
            await asked.ends()
            assert tracemalloc.get_traced_memory()[1] < 12 * 1_048_576
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("kind", ["zlib", "hex", "rot13", "utf-16", "idna", "no-such", '"', "utf-8; charset=zip"])
async def test_a_body_is_utf_8_whatever_its_header_calls_it(kind: str) -> None:
    """B10: `charset=zlib` was an exception out of the client."""
    async with served(plain(NOTHING, f"Content-Type: application/json; charset={kind}".encode())) as asked:
        assert await asked.look_up() == ()


async def test_a_packed_body_is_unpacked() -> None:
    """What was asked for with Accept-Encoding."""
    async with served(plain(gzip.compress(NOTHING), b"Content-Encoding: GZip")) as asked:
        assert await asked.look_up() == ()


@pytest.mark.parametrize(
    "serve",
    [
        plain(gzip.compress(NOTHING)[:-4], b"Content-Encoding: gzip"),
        plain(gzip.compress(NOTHING), b"Content-Encoding: br"),
        plain(gzip.compress(NOTHING)),
        plain(NOTHING, b"Content-Encoding: gzip"),
        plain(NOTHING[:-5]),
        plain(b""),
        plain(b"\xff\xfe\x00"),
        plain(b"[" * 200_000),
        plain(b'{"items":' * 100_000),
        plain(NOTHING, b"X: " + b"y" * 100_000),
        plain(NOTHING, b"Set-Cookie: \xff=\xfe; expires=never"),
        plain(NOTHING, status=b"99 Nothing"),
        plain(NOTHING, status=b"OK 200"),
        plain(NOTHING, status=b"302 Found"),
        plain(b"<html>moved</html>", b"Location: http://127.0.0.1:9/\xff\x00", status=b"307 Temporary Redirect"),
        plain(b"<html>sign in</html>", b"WWW-Authenticate: Basic", status=b"401 Unauthorized"),
        plain(b"<html>proxy</html>", b"Proxy-Authenticate: Basic", status=b"407 Proxy Authentication Required"),
        plain(b"<html>no</html>", status=b"403 Forbidden"),
        plain(b"<html>none</html>", status=b"404 Not Found"),
        plain(NOTHING, status=b"206 Partial"),
    ],
    ids=range(20),
)  # fmt: skip
async def test_an_answer_that_is_not_netsuites_is_unavailable_or_in_doubt(
    request: pytest.FixtureRequest, serve: Serve
) -> None:
    """B7, B9, B10: no page of a proxy, no broken answer and no odd header is a refusal or an absence."""
    number = request.node.callspec.id
    async with served(serve) as asked:
        if number == "10":  # an odd cookie says nothing about a search that reads well
            assert await asked.look_up() == ()
            with pytest.raises(InDoubt):
                await asked.create()
        else:
            await asked.ends()


async def test_the_deadline_covers_the_body() -> None:
    """B10: a server that begins to answer and never ends."""
    forever = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + NOTHING)
        await writer.drain()
        await forever.wait()

    async with served(serve, deadline=0.2) as asked:
        await asyncio.wait_for(asked.ends(), 5)
        forever.set()


async def test_a_list_that_always_has_more_is_given_up() -> None:
    """B10: `hasMore: true` for ever, with ids that never repeat."""
    asked_for = 0

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked_for
        asked_for += 1
        page = {"items": [{"id": str(asked_for)}], "hasMore": True}
        await plain(json.dumps(page).encode())(_, writer)

    async with served(serve) as asked:
        with pytest.raises(Unavailable, match="more than 20 pages"):
            await asked.look_up()
    assert asked_for == 20


async def test_only_the_gate_says_how_many_calls_are_in_flight() -> None:
    """The wire opens as many connections as it is asked to: each of these calls is answered once all are there."""
    there, all_there = 0, asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal there
        there += 1
        if there == 4:
            all_there.set()
        await all_there.wait()
        await plain(NOTHING)(_, writer)

    async with served(serve) as asked:
        found = await asyncio.wait_for(asyncio.gather(*(asked.look_up() for _ in range(4))), 10)
        assert found == [()] * 4


async def test_a_refused_connection_is_unavailable_for_a_write_too() -> None:
    """Not one byte left: nothing is in doubt."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    asked = Asked(f"http://127.0.0.1:{port}", 2.0)
    for call in (asked.look_up, asked.create):
        with pytest.raises(Unavailable):
            await call()
    await asked.adapter.close()
