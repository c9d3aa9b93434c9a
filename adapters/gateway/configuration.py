"""What the gateway needs to know, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.gateway.signatures import SignatureScheme
from streams.parts import MAX_RECORD


@dataclass(frozen=True, slots=True)
class Bind:
    """Where a server listens; port 0 lets the system choose."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Bind:
        """Read `host:port` or `[v6]:port`; raises `ValueError`."""
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isdigit() or int(port) > 65_535:
            raise ValueError(f"{text!r} is not an address such as 127.0.0.1:8080")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Addresses, secrets, and the bounds that keep one sender from hurting another.

    The times fit together: a sender waits five seconds at the least (Shopify's limit); a body that is here is answered
    within `store_seconds`, because the broker is not given longer than that.
    """

    kafka: str
    bind: Bind = Bind("127.0.0.1", 8080)
    health_bind: Bind = Bind("127.0.0.1", 8081)
    topic_prefix: str = ""
    kafka_options: Mapping[str, object] = field(default_factory=dict)  # TLS and SASL, as aiokafka names them
    idempotent: bool = True  # where the broker can; the embedded one cannot
    secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by source; any of them will do (rotation)
    schemes: Mapping[str, SignatureScheme] = field(default_factory=dict)  # by source, where it is not the usual one

    body_limit: int = 8 * 1024 * 1024  # above: 413
    record_limit: int = MAX_RECORD  # above: stored in parts
    body_seconds: float = 10.0  # a slower body: 408
    idle_seconds: float = 75.0  # a connection that sends no whole request head; above a load balancer's usual 60
    store_seconds: float = 3.0  # then 503
    stall_seconds: float = 2.0  # a partition silent for so long gets nothing more: 503 at once
    renew_seconds: float = 10.0  # a producer silent for so long is replaced
    retry_after_seconds: int = 5
    reading_bytes: int = 256 * 1024 * 1024  # bodies being read or stored, all together; above: 503
    outstanding_bytes: int = 64 * 1024 * 1024  # handed to the broker and not acknowledged; above: 503
    drain_seconds: float = 20.0  # how long a stop waits for what was taken: body_seconds, store_seconds and some
    linger_ms: int = 5
    batch_bytes: int = 256 * 1024
