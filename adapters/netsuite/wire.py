"""What carries one request to NetSuite and brings the answer back: sockets and signatures, or a double without any."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Protocol

import aiohttp
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256
from oauthlib.oauth1 import Client as Signer
from yarl import URL

MOST_BYTES = 4 * 1024 * 1024
"""Of a body, as sent and as unpacked: whatever so many say is read in a second. A page of 1,000 hits takes 0.2 MB, an
order of 1,000 lines 1 to 3 MB."""

_MOST_OF_A_REFUSAL = 64 * 1024  # what is told of an error is a sentence
_PIECE = 64 * 1024
_CONNECT_SECONDS = 5.0
# Shorter than any keep-alive of a server seen: a connection that the server is about to close is not written to.
_KEEP_ALIVE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """Token-based authentication of one integration; `account` is the OAuth realm (30000_SB1, not 30000-SB1)."""

    account: str
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    token_id: str = field(repr=False)
    token_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of any status."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(slots=True)
class Progress:
    """How far a request got; until `connected`, not one byte of it can have arrived."""

    connected: bool = False


class ConnectionFailed(Exception):
    """The connection could not be made, broke before the answer was whole, or carried more than an answer can be."""


class _TooMuch(Exception):
    """A body passed its limit; `read` is what was read of it."""

    def __init__(self, read: bytes) -> None:
        self.read = read


class Wire(Protocol):
    """One request there, one answer back. The caller's deadline cancels it; it sends nothing a second time."""

    async def send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], progress: Progress
    ) -> Answer:
        """Raises `ConnectionFailed`; `progress` tells, then and after a cancellation, what may have arrived."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


class _ConnectionBroken(aiohttp.ClientError):
    """The connection broke after it was made."""


async def _never_again(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a GET or PUT a second time, by itself and with the same nonce (measured, 3.14).

    It resends on these two errors only; another class of error goes straight through (public API, no switch exists).
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _ConnectionBroken(type(error).__name__) from error


class HttpWire:
    """HTTP, signed with OAuth 1.0a (token-based auth)."""

    def __init__(self, credentials: Credentials) -> None:
        self._realm = credentials.account
        self._signer = Signer(
            credentials.consumer_key,
            client_secret=credentials.consumer_secret,
            resource_owner_key=credentials.token_id,
            resource_owner_secret=credentials.token_secret,
            signature_method=SIGNATURE_HMAC_SHA256,
            realm=credentials.account,
        )
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"<HTTP to NetSuite as {self._realm}>"

    async def send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], progress: Progress
    ) -> Answer:
        # Signed here, after all waiting, so that the timestamp is fresh; a JSON body is not part of the signature.
        _, signed, _ = self._signer.sign(url, method, headers={**headers, "Accept-Encoding": "gzip"})
        try:
            async with self._open().request(
                method, URL(url, encoded=True), data=body, headers=signed, allow_redirects=False,
                trace_request_ctx=progress,
            ) as response:  # fmt: skip
                return Answer(response.status, response.headers, await _text(response))
        except (aiohttp.ClientError, OSError, zlib.error) as error:
            raise ConnectionFailed(f"the connection failed ({type(error.__cause__ or error).__name__})") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            watch = aiohttp.TraceConfig()
            watch.on_connection_create_end.append(_connected)
            watch.on_connection_reuseconn.append(_connected)
            self._session = aiohttp.ClientSession(
                # The gate alone says how many calls are in flight; a second limit would only hide waiting from it.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS),
                # The deadline of a call is the gate's; only connecting has its own, since nothing is in doubt by then.
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # done here, within a limit
                middlewares=(_never_again,),
                trace_configs=[watch],
            )
        return self._session


async def _connected(session: aiohttp.ClientSession, context: SimpleNamespace, params: Any) -> None:
    context.trace_request_ctx.connected = True


async def _text(response: aiohttp.ClientResponse) -> str:
    """The body as UTF-8, whatever the headers call it. Raises `ConnectionFailed` where it is too long for an answer.

    Of an error the beginning is enough. Who stops reading closes the connection.
    """
    fine = 200 <= response.status < 300
    try:
        body = await _bounded(response, MOST_BYTES if fine else _MOST_OF_A_REFUSAL)
    except _TooMuch as much:
        response.close()
        if fine:
            raise ConnectionFailed(f"the answer is longer than {MOST_BYTES} bytes") from None
        body = much.read
    return body.decode("utf-8", errors="replace")


async def _bounded(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, decompressed; raises `_TooMuch` as soon as either form passes the limit."""
    unpack = _unpacker(response.headers.get("Content-Encoding", ""))
    sent, read = 0, bytearray()
    async for piece in response.content.iter_chunked(_PIECE):
        sent += len(piece)
        if unpack is None:
            read += piece
        elif not unpack.eof:
            read += unpack.decompress(piece, limit + 1 - len(read))
        if sent > limit or len(read) > limit:
            raise _TooMuch(bytes(read[:limit]))
    if unpack is not None and sent and not unpack.eof:
        raise ConnectionFailed("the connection failed (the body ended in the middle)")
    return bytes(read)


def _unpacker(encoding: str) -> zlib._Decompress | None:
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(zlib.MAX_WBITS | 16)
    raise ConnectionFailed("the answer is packed in a way that was not asked for")
