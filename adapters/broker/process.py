"""A broker as a child process: free ports, readiness by the Kafka protocol, and an end that never leaves orphans."""

from __future__ import annotations

import signal
import socket
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from adapters.broker.errors import BrokerNotReady

_POLL_SECONDS = 0.05
_CORRELATION = 7
_LONGEST_REPLY = 1 << 20


def free_port() -> int:
    """A loopback TCP port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(host: str, port: int, timeout: float = 1.0) -> bool:
    """Whether a Kafka broker there answers Metadata and names at least one live broker.

    An open port is not enough: a KRaft broker listens before it is unfenced, and a client that comes then sees an empty
    cluster.
    """
    return _metadata(host, port, timeout)[0] > 0


def cluster_id_at(host: str, port: int, timeout: float = 1.0) -> str:
    """The id of the cluster there, in plain text; empty when nothing answers or it does not say."""
    return _metadata(host, port, timeout)[1]


def _metadata(host: str, port: int, timeout: float) -> tuple[int, str]:
    """(live brokers, cluster id) by a Metadata request (v2) for no topics; (0, "") when there is no good answer."""
    request = struct.pack(">hhih", 3, 2, _CORRELATION, -1) + struct.pack(">i", 0)
    try:
        with socket.create_connection((host, port), timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(struct.pack(">i", len(request)) + request)
            stream = connection.makefile("rb")
            (size,) = struct.unpack(">i", stream.read(4))
            reply = _Reader(stream.read(min(size, _LONGEST_REPLY)))
        if reply.number(">i") != _CORRELATION:
            return 0, ""
        brokers = reply.number(">i")
        for _ in range(brokers):
            reply.number(">i")  # node id
            reply.text()  # host
            reply.number(">i")  # port
            reply.text()  # rack
        return brokers, reply.text()
    except (OSError, struct.error):
        return 0, ""


class _Reader:
    """Reads the primitive types of Kafka's protocol; raises `struct.error` at the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self, form: str) -> int:
        (value,) = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return int(value)

    def text(self) -> str:
        size = max(0, self.number(">h"))  # -1 is null
        value = self._data[self._at : self._at + size]
        self._at += size
        return value.decode(errors="replace")


class ChildProcess:
    """A process that ends when we end, however we end.

    A second, tiny process holds the reading end of a pipe; when our end closes, by exit or by SIGKILL, it kills the
    child.
    """

    def __init__(
        self, argv: Sequence[str], log: Path, *, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        with log.open("ab") as out:
            self._child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd, env=env, start_new_session=True
            )
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", f"read _; kill -9 {self._child.pid} 2>/dev/null"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._child.pid

    def running(self) -> bool:
        return self._child.poll() is None

    def wait_ready(self, host: str, port: int, seconds: float) -> None:
        """Return once the broker answers; raises `BrokerNotReady` with the end of its log if it ends or is too slow."""
        end = time.monotonic() + seconds
        while not answers(host, port):
            if not self.running():
                raise BrokerNotReady(f"The broker ended with code {self._child.returncode}. {self.last_words()}")
            if time.monotonic() > end:
                raise BrokerNotReady(f"No answer on {host}:{port} within {seconds:.0f} s. {self.last_words()}")
            time.sleep(_POLL_SECONDS)
        if not self.running():
            raise BrokerNotReady(f"Another process answers on {host}:{port}; ours has ended. {self.last_words()}")

    def stop(self, seconds: float = 10.0) -> None:
        """Ask the process to end, then make it."""
        self._end(signal.SIGTERM, seconds)

    def kill(self) -> None:
        """End the process at once, as a power failure would."""
        self._end(signal.SIGKILL, 10.0)

    def wait(self) -> int:
        """Wait until the process ends by itself."""
        return self._child.wait()

    def last_words(self) -> str:
        """The end of the log, for an error message."""
        text = self.log.read_text(errors="replace")[-2000:].strip() if self.log.exists() else ""
        return f"Its last words ({self.log}):\n{text}" if text else f"It said nothing ({self.log})."

    def _end(self, how: signal.Signals, seconds: float) -> None:
        # The guard goes first: a pid of a reaped child may be another's.
        self._guard.kill()
        self._guard.wait()
        if self._guard.stdin:
            self._guard.stdin.close()
        if self.running():
            self._child.send_signal(how)
            try:
                self._child.wait(seconds)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
