"""Real Apache Kafka from its published jars: fetched with Maven, run as one KRaft process on loopback ports."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from adapters.broker.errors import BrokerNotReady, NoBrokerHere
from adapters.broker.process import ChildProcess, free_port

KAFKA_VERSION = "4.1.1"
SCALA_VERSION = "2.13"
OLDEST_JAVA = 17  # Kafka 4 brokers need it

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>reveni-streams</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_{SCALA_VERSION}</artifactId><version>{KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-streams</artifactId><version>{KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""

_PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# A killed broker's own lease must run out before it may register again: 9 s by default, measured 11 s to come back.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# One small machine: 64 MiB segments and a cleaner buffer that fits the heap (its default alone is 128 MiB).
log.segment.bytes=67108864
log.cleaner.dedupe.buffer.size=33554432
log.cleaner.threads=1
num.network.threads=2
num.io.threads=4
"""


def cache_directory() -> Path:
    """Where the jars are kept: `REVENI_STREAMS_CACHE`, else the user's cache."""
    chosen = os.environ.get("REVENI_STREAMS_CACHE")
    root = Path(chosen) if chosen else Path.home() / ".cache" / "reveni-streams"
    return root / f"kafka-{KAFKA_VERSION}"


def missing() -> str:
    """What this machine lacks to run Kafka from jars, in words; empty when nothing."""
    java = shutil.which("java")
    if java is None:
        return "no Java"
    version = java_version(java)
    if version < OLDEST_JAVA:
        return f"Java {version} is too old, Kafka {KAFKA_VERSION} needs {OLDEST_JAVA}"
    if not cache_directory().is_dir() and shutil.which("mvn") is None:
        return "no Maven to fetch the jars with"
    return ""


def java_version(java: str = "java") -> int:
    """The major version that `java -version` prints; 0 when it cannot be read."""
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    _, _, rest = said.partition('version "')
    numbers = rest.partition('"')[0].split(".")
    major = numbers[1] if numbers[0] == "1" and len(numbers) > 1 else numbers[0]
    digits = major.partition("-")[0]
    return int(digits) if digits.isdigit() else 0


def fetch(seconds: float = 900) -> Path:
    """The directory of the jars, fetched on first use; two processes that fetch at once do not disturb each other."""
    home = cache_directory()
    if home.is_dir():
        return home
    mvn = shutil.which("mvn")
    if mvn is None:
        raise NoBrokerHere("no Maven to fetch the jars with")
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".fetch-") as scratch:
        pom, jars = Path(scratch, "pom.xml"), Path(scratch, "jars")
        pom.write_text(_POM)
        argv = [mvn, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired as late:
            raise NoBrokerHere(f"Maven did not fetch Kafka's jars within {seconds:.0f} s") from late
        if done.returncode != 0 or not any(jars.glob("kafka-server-*.jar")):
            raise NoBrokerHere(f"Maven could not fetch Kafka's jars: {(done.stdout + done.stderr).strip()[-1500:]}")
        try:
            jars.rename(home)
        except OSError:
            if not home.is_dir():  # else another process was faster: its copy is as good as ours
                raise
    return home


def new_cluster_id(draw: Callable[[], bytes] = lambda: uuid4().bytes) -> str:
    """A cluster id as Kafka wants it. One that begins with "-" would be read as an option: 1 in 64 starts failed."""
    while (text := urlsafe_b64encode(draw()).decode().rstrip("=")).startswith("-"):
        continue
    return text


class KafkaProcess:
    """One KRaft broker. It keeps its port and its data over `stop`, `kill` and `start`: restarts can be tested."""

    def __init__(self, data: Path, *, port: int | None = None, heap: str = "512m") -> None:
        self.data = data
        self.port = port or free_port()
        self.cluster_id = new_cluster_id()
        self._heap = heap
        self._controller = free_port()
        self._process: ChildProcess | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.running() else None

    def start(self, seconds: float = 60) -> None:
        """Start, or start again, and return when clients can use it."""
        jars = fetch()
        self.data.mkdir(parents=True, exist_ok=True)
        properties = self.data / "server.properties"
        if not properties.exists():
            properties.write_text(
                _PROPERTIES.format(port=self.port, controller=self._controller, data=self.data / "log")
            )
            self._format(jars, properties)
        java = ["java", f"-Xmx{self._heap}", "-Xms128m", "-XX:+UseSerialGC", "-cp", f"{jars}/*"]
        argv = [*java, "kafka.Kafka", str(properties)]
        self._process = ChildProcess(argv, self.data / "kafka.log", cwd=self.data)
        try:
            self._process.wait_ready("127.0.0.1", self.port, seconds)
        except BaseException:
            self._process.kill()
            raise

    def stop(self) -> None:
        """A controlled shutdown."""
        if self._process:
            self._process.stop(seconds=30)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()

    def restart(self, *, kill: bool = False) -> None:
        """Go away and come back at the same address with the same data."""
        if kill:
            self.kill()
        else:
            self.stop()
        self.start()

    def _format(self, jars: Path, properties: Path) -> None:
        argv = ["java", "-Xmx256m", "-cp", f"{jars}/*", "kafka.tools.StorageTool", "format"]
        argv += [f"--cluster-id={self.cluster_id}", "-c", str(properties)]  # an id may begin with a dash
        done = subprocess.run(argv, capture_output=True, text=True, cwd=self.data, check=False)
        if done.returncode != 0:
            properties.unlink()
            raise BrokerNotReady(f"Kafka could not format its storage: {(done.stdout + done.stderr).strip()[-1500:]}")
