"""The gateway's settings from the environment (`REVENI_STREAMS_*`) and `.env`."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.gateway.configuration import Bind, GatewaySettings
from adapters.gateway.signatures import SignatureScheme

_USUAL = GatewaySettings(kafka="")


class GatewayEnvironment(BaseSettings):
    """What can be set from outside; the rest of `GatewaySettings` has one good value.

    Secrets are comma lists: while one is being replaced, the old and the new one are both good. A signature is set as
    JSON, for instance `REVENI_STREAMS_SIGNATURE_REVENI={"header": "X-Reveni-Signature", "timestamped": true}`.
    """

    model_config = SettingsConfigDict(env_prefix="REVENI_STREAMS_", env_file=".env", extra="ignore")

    kafka: str = ""
    kafka_options: dict[str, Any] = Field(default_factory=dict)
    topic_prefix: str = ""
    gateway_bind: str = "127.0.0.1:8080"
    health_bind: str = "127.0.0.1:8081"
    webhook_secret_reveni: str = ""
    webhook_secret_warehouse: str = ""
    signature_reveni: SignatureScheme | None = None
    signature_warehouse: SignatureScheme | None = None
    gateway_body_limit: int = Field(default=_USUAL.body_limit, ge=1024, le=64 * 1024 * 1024)
    gateway_body_seconds: float = Field(default=_USUAL.body_seconds, gt=0, le=60)
    gateway_store_seconds: float = Field(default=_USUAL.store_seconds, gt=0, le=30)
    gateway_outstanding_bytes: int = Field(default=_USUAL.outstanding_bytes, ge=1024 * 1024)


def read_environment() -> GatewayEnvironment:
    """The environment, checked; raises `ValueError` that names the faults and repeats no value (it may be a secret)."""
    try:
        return GatewayEnvironment()
    except ValidationError as error:
        faults = [f"REVENI_STREAMS_{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()]
        raise ValueError("; ".join(faults)) from None


def gateway_settings(environment: GatewayEnvironment, *, kafka: str = "") -> GatewaySettings:
    """The server's settings; `kafka` stands in for an address that is not set. Raises `ValueError`."""
    address = environment.kafka or kafka
    if not address:
        raise ValueError("no broker: set REVENI_STREAMS_KAFKA to its address")
    schemes = {"reveni": environment.signature_reveni, "warehouse": environment.signature_warehouse}
    return GatewaySettings(
        kafka=address,
        kafka_options=environment.kafka_options,
        bind=Bind.parse(environment.gateway_bind),
        health_bind=Bind.parse(environment.health_bind),
        topic_prefix=environment.topic_prefix,
        secrets={
            "reveni": _listed(environment.webhook_secret_reveni),
            "warehouse": _listed(environment.webhook_secret_warehouse),
        },
        schemes={source: scheme for source, scheme in schemes.items() if scheme is not None},
        body_limit=environment.gateway_body_limit,
        body_seconds=environment.gateway_body_seconds,
        store_seconds=environment.gateway_store_seconds,
        outstanding_bytes=environment.gateway_outstanding_bytes,
        drain_seconds=environment.gateway_body_seconds + environment.gateway_store_seconds + 5,
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(secret for secret in (item.strip() for item in text.split(",")) if secret)
