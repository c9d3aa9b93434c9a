"""The settings: environment variables `REVENI_STREAMS_*`, and `.env` in the working directory."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from adapters.broker.connection import Connection
from adapters.broker.embedded import EMBEDDED_ADDRESS
from adapters.gateway.configuration import Bind
from adapters.gateway.signatures import SignatureScheme
from streams.topics import DEFAULT_PARTITIONS, Topology

PREFIX = "REVENI_STREAMS_"


class SettingsFaults(ValueError):
    """One or more settings are wrong; each line says which, what is wrong and how to mend it, and repeats no value."""


class Settings(BaseSettings):
    """Everything that is set from outside. Raises `SettingsFaults` with all faults at once.

    Webhook secrets are comma lists: while one is being replaced, the old and the new one are both good. A signature is
    JSON: `REVENI_STREAMS_SIGNATURE_REVENI={"header":"X-Reveni-Signature","encoding":"hex","timestamped":true}`.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", hide_input_in_errors=True, frozen=True
    )

    kafka: str = Field("", description="the brokers, host:port[,host:port]; empty: the embedded broker")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_username: str = ""
    kafka_password: SecretStr = SecretStr("")
    kafka_ca_file: Path | None = Field(None, description="PEM; empty: the system's authorities")
    kafka_certificate_file: Path | None = Field(None, description="PEM, where the brokers want one")
    kafka_key_file: Path | None = None
    kafka_idempotent: bool | None = Field(None, description="empty: idempotent producers unless the broker is embedded")
    topic_prefix: str = Field("", description="stands before every topic and consumer group")
    partitions: int = Field(DEFAULT_PARTITIONS, ge=1, le=1024, description="the shared count; fixed at topics init")
    replication: int = Field(-1, description="copies of each partition; -1: the brokers' own default")
    sequencer_session_seconds: float = Field(8.0, ge=6, le=60, description="a silent sequencer loses its partitions")
    dispatcher_session_seconds: float = Field(
        15.0, ge=6, le=60, description="a silent dispatcher loses its account; at least a call's deadline + 5"
    )
    stop_when_all_fails: bool = Field(
        True, description="stop consuming when half of what is read is unreadable or fails by our own fault"
    )
    profile: Path | None = Field(None, description="the merchant's profile, a TOML file")
    database_url: str = Field(
        "sqlite:///.reveni-streams/read-model.db", description="the read model; may hold a password"
    )
    data_dir: Path = Field(Path(".reveni-streams"), description="working files; nothing in it is needed after a loss")
    gateway_bind: str = "127.0.0.1:8080"
    health_bind: str = "127.0.0.1:8081"
    webhook_secret_reveni: SecretStr = SecretStr("")
    webhook_secret_warehouse: SecretStr = SecretStr("")
    signature_reveni: SignatureScheme | None = None
    signature_warehouse: SignatureScheme | None = None

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsFaults("\n".join(_sentence(fault) for fault in error.errors())) from None
        except SettingsError as error:
            # JSON that cannot be parsed; the message names the field and does not repeat the value.
            raise SettingsFaults(f"{error}: write JSON, or leave it out") from None

    @field_validator("kafka")
    @classmethod
    def _addresses(cls, text: str) -> str:
        addresses = [item.strip() for item in text.split(",") if item.strip()]
        for address in addresses:
            _bind(address)
        return ",".join(addresses)

    @field_validator("gateway_bind", "health_bind")
    @classmethod
    def _address(cls, text: str) -> str:
        _bind(text)
        return text

    @field_validator("replication")
    @classmethod
    def _copies(cls, count: int) -> int:
        if count == 0 or count < -1:
            raise ValueError("write -1 for the brokers' default, or how many copies")
        return count

    @field_validator("kafka_ca_file", "kafka_certificate_file", "kafka_key_file", "profile")
    @classmethod
    def _there(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError(f"there is no file {path}")
        return path

    @field_validator(
        "profile", "kafka_ca_file", "kafka_certificate_file", "kafka_key_file", "kafka_idempotent", mode="before"
    )
    @classmethod
    def _unset(cls, value: Any) -> Any:
        return None if value == "" else value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kafka_security_protocol.startswith("SASL") and not (
            self.kafka_username and self.kafka_password.get_secret_value()
        ):
            raise ValueError(
                f"{PREFIX}KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol} needs {PREFIX}KAFKA_USERNAME and "
                f"{PREFIX}KAFKA_PASSWORD"
            )
        try:
            Topology(self.topic_prefix, self.partitions)
        except ValueError as wrong:
            raise ValueError(f"{PREFIX}TOPIC_PREFIX: {wrong}") from None
        return self

    @property
    def address(self) -> str:
        """The brokers' address; that of the embedded one when none is set."""
        return self.kafka or EMBEDDED_ADDRESS

    def connection(self) -> Connection:
        """How to reach the brokers."""
        return Connection(
            self.address,
            security_protocol=self.kafka_security_protocol,
            sasl_mechanism=self.kafka_sasl_mechanism if self.kafka_security_protocol.startswith("SASL") else "",
            username=self.kafka_username,
            password=self.kafka_password.get_secret_value(),
            ca_file=str(self.kafka_ca_file or ""),
            certificate_file=str(self.kafka_certificate_file or ""),
            key_file=str(self.kafka_key_file or ""),
            said_idempotent=self.kafka_idempotent,
        )

    def accounts(self) -> tuple[str, ...]:
        """The ERP accounts that the profile's file names; none without a profile. Raises `SettingsFaults`."""
        if self.profile is None:
            return ()
        try:
            document = tomllib.loads(self.profile.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsFaults(f"{PREFIX}PROFILE: {self.profile} cannot be read: {error}") from None
        accounts = document.get("accounts")
        return tuple(accounts) if isinstance(accounts, dict) else ()

    def topology(self) -> Topology:
        """The topics of this installation. Raises `SettingsFaults`."""
        try:
            return Topology(self.topic_prefix, self.partitions, self.accounts())
        except ValueError as error:
            raise SettingsFaults(f"{PREFIX}PROFILE: {error}") from None

    def secrets(self, source: str) -> tuple[str, ...]:
        """The secrets that a source may sign with; the newest first, by custom."""
        listed: SecretStr = getattr(self, f"webhook_secret_{source}")
        return tuple(item.strip() for item in listed.get_secret_value().split(",") if item.strip())


def _bind(text: str) -> Bind:
    try:
        address = Bind.parse(text)
    except ValueError:
        raise ValueError("write host:port, such as 127.0.0.1:9092") from None
    if any(c.isspace() or c in "/@" for c in address.host):
        raise ValueError("write host:port, without a scheme, a user or spaces")
    return address


def _sentence(fault: Any) -> str:
    """One fault of pydantic's in our words: the variable, then what is wrong with it."""
    message = str(fault["msg"]).removeprefix("Value error, ")
    if not fault["loc"]:
        return message
    name = PREFIX + str(fault["loc"][0]).upper()
    inner = ".".join(str(part) for part in fault["loc"][1:])
    return f"{name}{f' ({inner})' if inner else ''}: {message}"
