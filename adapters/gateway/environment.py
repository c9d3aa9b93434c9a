"""The gateway's settings, from the project's settings and the gateway's own bounds."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.gateway.configuration import Bind, GatewaySettings
from adapters.gateway.sources import SOURCES
from adapters.settings import PREFIX, Settings, SettingsFaults

_USUAL = GatewaySettings(kafka="")


class GatewayEnvironment(BaseSettings):
    """The bounds that an installation may want to move, beside `Settings`; raises `SettingsFaults`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", hide_input_in_errors=True, frozen=True
    )

    gateway_body_limit: int = Field(default=_USUAL.body_limit, ge=1024, le=64 * 1024 * 1024)
    gateway_body_seconds: float = Field(default=_USUAL.body_seconds, gt=0, le=60)
    gateway_store_seconds: float = Field(default=_USUAL.store_seconds, gt=0, le=30)
    gateway_idle_seconds: float = Field(default=_USUAL.idle_seconds, gt=0, le=3600)
    gateway_reading_bytes: int = Field(default=_USUAL.reading_bytes, ge=16 * 1024 * 1024)
    gateway_outstanding_bytes: int = Field(default=_USUAL.outstanding_bytes, ge=1024 * 1024)
    gateway_linger_ms: int = Field(default=_USUAL.linger_ms, ge=0, le=1000)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            faults = [f"{PREFIX}{'.'.join(map(str, f['loc'])).upper()}: {f['msg']}" for f in error.errors()]
            raise SettingsFaults("\n".join(faults)) from None


def read_environment() -> GatewayEnvironment:
    """The bounds as the environment and `.env` set them; raises `SettingsFaults`."""
    return GatewayEnvironment()


def gateway_settings(settings: Settings, bounds: GatewayEnvironment | None = None) -> GatewaySettings:
    """The server's settings; raises `SettingsFaults`, and `OSError` when a certificate cannot be read."""
    bounds = bounds or read_environment()
    options = settings.connection().options()
    address = options.pop("bootstrap_servers")
    names = [source.name for source in SOURCES]
    schemes = {name: getattr(settings, f"signature_{name}") for name in names}
    return GatewaySettings(
        kafka=address,
        kafka_options=options,
        idempotent=settings.kafka_idempotent is not False,
        bind=Bind.parse(settings.gateway_bind),
        health_bind=Bind.parse(settings.health_bind),
        topic_prefix=settings.topic_prefix,
        secrets={name: settings.secrets(name) for name in names},
        schemes={name: scheme for name, scheme in schemes.items() if scheme is not None},
        body_limit=bounds.gateway_body_limit,
        body_seconds=bounds.gateway_body_seconds,
        store_seconds=bounds.gateway_store_seconds,
        idle_seconds=bounds.gateway_idle_seconds,
        reading_bytes=bounds.gateway_reading_bytes,
        outstanding_bytes=bounds.gateway_outstanding_bytes,
        linger_ms=bounds.gateway_linger_ms,
        drain_seconds=bounds.gateway_body_seconds + bounds.gateway_store_seconds + 5,
    )
