"""A child process of ours: its log in a file, ended by its own process group, never by name."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen


class ChildFailed(Exception):
    """A part of the system did not start, or ended when it should not have; the message has the end of its log."""


class Child:
    """`python -m adapters.cli.main <arguments>`, started in a session of its own."""

    def __init__(self, name: str, arguments: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.name, self.arguments, self.env, self.log = name, list(arguments), dict(env), log
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def code(self) -> int | None:
        return self._process.poll() if self._process is not None else None

    def start(self, **env: str) -> None:
        """Start it (again); `env` adds to its environment for this start only."""
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        self.starts += 1
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "adapters.cli.main", *self.arguments],
                env={**os.environ, **self.env, **env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def signal(self, number: int) -> None:
        """Send a signal to the process and its children."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                return

    def kill(self) -> None:
        """SIGKILL, at once, its children too."""
        self.signal(signal.SIGKILL)
        self.wait(10)

    def stop(self, seconds: float = 30) -> int:
        """SIGTERM and wait; SIGKILL if it does not end in time. Its exit code."""
        if self._process is None:
            return 0
        if self.running:
            self._process.terminate()
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    def wait(self, seconds: float) -> int:
        assert self._process is not None
        return self._process.wait(seconds)

    def wait_for(self, url: str, seconds: float = 30) -> None:
        """Wait until `url` answers 200."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.running:
                raise ChildFailed(f"{self.name} ended with {self.code}:\n{self.tail()}")
            try:
                with urlopen(url, timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (URLError, OSError):
                time.sleep(0.05)
        raise ChildFailed(f"{self.name} did not answer at {url} within {seconds:.0f} s:\n{self.tail()}")

    def tail(self, lines: int = 15) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def run(arguments: Sequence[str], env: Mapping[str, str], *, seconds: float = 60) -> str:
    """Run a verb to its end and give its standard output; raises `ChildFailed` unless it ends with 0."""
    done = subprocess.run(
        [sys.executable, "-m", "adapters.cli.main", *arguments],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode != 0:
        output = (done.stdout + done.stderr).decode(errors="replace")
        raise ChildFailed(f"reveni-streams {' '.join(arguments)} ended with {done.returncode}:\n{output}")
    return done.stdout.decode()


def run_json(arguments: Sequence[str], env: Mapping[str, str], *, seconds: float = 120) -> Any:
    """Run a read verb with `--json`; exit code 1 (found something) is as good as 0. Raises `ChildFailed`."""
    done = subprocess.run(
        [sys.executable, "-m", "adapters.cli.main", *arguments, "--json"],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode not in (0, 1):
        output = done.stderr.decode(errors="replace")
        raise ChildFailed(f"reveni-streams {' '.join(arguments)} ended with {done.returncode}:\n{output}")
    return json.loads(done.stdout)
