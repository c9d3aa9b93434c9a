"""HTTP: what is between an aiohttp server and a simulated system that knows requests and replies only."""

from __future__ import annotations

import socket
import struct
from typing import Any

from aiohttp import web

from adapters.simulators.exchange import Reply, Request


async def read(request: web.Request) -> Request:
    """The request, whole."""
    return Request(
        method=request.method,
        origin=f"{request.scheme}://{request.host}",
        target=request.raw_path,
        path=request.path,
        query=request.query,
        headers=request.headers,
        body=await request.read(),
    )


def response(reply: Reply) -> web.Response:
    """The reply as aiohttp sends it."""
    return web.Response(status=reply.status, headers=reply.headers, body=reply.body or None)


def closed(request: web.Request) -> bool:
    """Whether the caller's connection is gone."""
    return request.transport is None or request.transport.is_closing()


def reset(request: web.Request) -> web.Response:
    """Break the connection with a RST, so that the caller sees a reset and not an orderly end."""
    transport: Any = request.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=503)
