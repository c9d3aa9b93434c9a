"""A request to a simulated system and its reply, whatever carries them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller sent."""

    method: str
    origin: str  # scheme and host, as the caller wrote them
    target: str  # path and query, as sent
    path: str  # decoded
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a simulated system answers."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class ConnectionReset(Exception):
    """The simulated system breaks the connection instead of answering."""
