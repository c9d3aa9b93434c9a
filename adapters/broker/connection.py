"""How to reach the brokers: an address, and security as aiokafka and Faust each want to be told."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from adapters.broker.embedded import EMBEDDED_CLUSTER
from adapters.broker.process import cluster_id_at

_LOOPBACK = ("127.0.0.1:", "localhost:", "[::1]:")


@dataclass(frozen=True)
class Connection:
    """An address ("host:port,host:port") and the security settings; the password is not in its repr."""

    address: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""  # PEM; empty: the system's authorities
    certificate_file: str = ""  # PEM, for brokers that want one of the client
    key_file: str = ""
    said_idempotent: bool | None = None  # None: whatever the broker can

    @cached_property
    def idempotent(self) -> bool:
        """Whether producers may be idempotent: always, but for the embedded broker, which only listens on loopback."""
        if self.said_idempotent is not None:
            return self.said_idempotent
        if self.security_protocol != "PLAINTEXT" or not self.address.startswith(_LOOPBACK):
            return True
        host, _, port = self.address.partition(",")[0].rpartition(":")
        return not cluster_id_at(host.strip("[]"), int(port)).startswith(EMBEDDED_CLUSTER)

    def options(self) -> dict[str, Any]:
        """What every aiokafka client takes. Raises `OSError` when a certificate cannot be read."""
        chosen: dict[str, Any] = {"bootstrap_servers": self.address, "security_protocol": self.security_protocol}
        if self.security_protocol.endswith("SSL"):
            chosen["ssl_context"] = self._tls()
        if self.security_protocol.startswith("SASL"):
            chosen["sasl_mechanism"] = self.sasl_mechanism
            chosen["sasl_plain_username"] = self.username
            chosen["sasl_plain_password"] = self.password
        return chosen

    def consumer(self, **options: Any) -> AIOKafkaConsumer:
        """A consumer outside any group that commits nothing and begins at the beginning; not started."""
        usual: dict[str, Any] = {"enable_auto_commit": False, "auto_offset_reset": "earliest"}
        return AIOKafkaConsumer(**{**self.options(), **usual, **options})

    def producer(self, **options: Any) -> AIOKafkaProducer:
        """A producer that waits for all in-sync replicas, idempotent where the broker can; not started."""
        usual: dict[str, Any] = {"acks": "all", "enable_idempotence": self.idempotent}
        return AIOKafkaProducer(**{**self.options(), **usual, **options})

    def admin(self, request_timeout_ms: int = 15_000) -> AIOKafkaAdminClient:
        """An admin client; not started."""
        return AIOKafkaAdminClient(**self.options(), request_timeout_ms=request_timeout_ms)

    def faust(self) -> Mapping[str, Any]:
        """The same security as settings of `faust.App`; empty for plain text."""
        if self.security_protocol == "PLAINTEXT":
            return {}
        import faust

        tls = self._tls() if self.security_protocol.endswith("SSL") else None
        if not self.security_protocol.startswith("SASL"):
            return {"broker_credentials": faust.SSLCredentials(context=tls)}
        return {
            "broker_credentials": faust.SASLCredentials(
                username=self.username, password=self.password, mechanism=self.sasl_mechanism, ssl_context=tls
            )
        }

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca_file or None)
        if self.certificate_file:
            context.load_cert_chain(self.certificate_file, self.key_file or None)
        return context
