"""Simulators, gateway and workers against one broker."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from adapters.stage.child import Child, run

SECRETS = {"reveni": "demo-reveni-secret", "warehouse": "demo-warehouse-secret"}

NETSUITE_CREDENTIALS = {
    "NS_ACCOUNT": "TSTDRV1",
    "NS_CONSUMER_KEY": "demo-consumer-key",
    "NS_CONSUMER_SECRET": "demo-consumer-secret",
    "NS_TOKEN_ID": "demo-token-id",
    "NS_TOKEN_SECRET": "demo-token-secret",
}
"""What the simulated NetSuite accepts by default; secrets of nobody."""


class Stage:
    """All parts but the broker; addresses are free loopback ports."""

    def __init__(
        self,
        directory: Path,
        kafka: str,
        *,
        prefix: str = "",
        partitions: int = 4,
        profile: str,
        simulators: Mapping[str, Any] | None = None,
        embedded: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """`profile` is TOML in which `{simulators}` stands for the simulators' address."""
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.kafka, self.prefix, self.partitions = directory, kafka, prefix, partitions
        ports = _free_ports(3)
        self.simulators_url = f"http://127.0.0.1:{ports[0]}"
        self.gateway_url = f"http://127.0.0.1:{ports[1]}"
        self.health_url = f"http://127.0.0.1:{ports[2]}"
        self.profile_text = profile.replace("{simulators}", self.simulators_url)
        self.profile_file = directory / "profile.toml"
        self.profile_file.write_text(self.profile_text)
        self.env = {
            "REVENI_STREAMS_KAFKA": kafka,
            "REVENI_STREAMS_KAFKA_IDEMPOTENT": "false" if embedded else "true",
            "REVENI_STREAMS_TOPIC_PREFIX": prefix,
            "REVENI_STREAMS_PARTITIONS": str(partitions),
            "REVENI_STREAMS_PROFILE": str(self.profile_file),
            "REVENI_STREAMS_DATA_DIR": str(directory / "data"),
            "REVENI_STREAMS_GATEWAY_BIND": f"127.0.0.1:{ports[1]}",
            "REVENI_STREAMS_HEALTH_BIND": f"127.0.0.1:{ports[2]}",
            "REVENI_STREAMS_WEBHOOK_SECRET_REVENI": SECRETS["reveni"],
            "REVENI_STREAMS_WEBHOOK_SECRET_WAREHOUSE": SECRETS["warehouse"],
            **NETSUITE_CREDENTIALS,
            **(env or {}),
        }
        arguments = ["simulators", "--bind", f"127.0.0.1:{ports[0]}"]
        if simulators is not None:
            config = directory / "simulators.json"
            config.write_text(json.dumps(simulators))
            arguments += ["--config", str(config)]
        self.simulators = self._child("simulators", arguments)
        self.gateway = self._child("gateway", ["gateway"])
        self.workers: list[Child] = []

    def _child(self, name: str, arguments: list[str], **env: str) -> Child:
        return Child(name, arguments, {**self.env, **env}, self.directory / f"{name}.log")

    def worker(self, name: str, role: str = "all", account: str = "", loglevel: str = "info") -> Child:
        """A worker of this stage, not started yet."""
        arguments = ["worker", "--role", role, "--loglevel", loglevel]
        if account:
            arguments += ["--account", account]
        child = self._child(name, arguments)
        self.workers.append(child)
        return child

    def prepare(self) -> None:
        """Make the topics and publish the profile."""
        run(["topics", "init"], self.env)
        run(["profile", "publish", str(self.profile_file), "--reason", "first profile", "--yes"], self.env)

    def open(self) -> None:
        """Start the simulators and the gateway."""
        self.simulators.start()
        self.gateway.start()
        self.simulators.wait_for(f"{self.simulators_url}/_calls?summary=1")
        self.gateway.wait_for(f"{self.health_url}/ready")

    def close(self) -> None:
        """Stop everything, the intake first."""
        for child in (self.gateway, *self.workers, self.simulators):
            child.stop()

    # -- the simulators' control plane

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the simulators' control plane; raises on anything but 2xx."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.simulators_url}{path}", data=data, method=method, headers=headers)
        with urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def seed(self, payload: Mapping[str, Any]) -> None:
        self.control("PUT", "/_orders", payload)

    def faults(self, *rules: Mapping[str, Any]) -> None:
        """Replace all fault rules."""
        self.control("PUT", "/_faults", {"rules": list(rules)})

    def ledger(self, **query: str) -> list[dict[str, Any]]:
        asked = "&".join(f"{name}={value}" for name, value in query.items() if value)
        entries: list[dict[str, Any]] = self.control("GET", f"/_ledger?{asked}")
        return entries


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in held]
    finally:
        for each in held:
            each.close()
