"""A command on a pseudo-terminal of a given width: what a person sees, not what a pipe gets."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_STYLE = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Shown:
    """What was on the terminal (standard error too), and how the command ended."""

    code: int
    raw: str

    @property
    def lines(self) -> list[str]:
        """Without colours and boldness."""
        return _STYLE.sub("", self.raw).replace("\r\n", "\n").splitlines()


def on_terminal(
    command: Sequence[str],
    *,
    columns: int,
    environment: Mapping[str, str],
    directory: Path,
    typed: bytes = b"",
    seconds: float = 60,
) -> Shown:
    """Run it to its end; `typed` is what somebody types. Raises `TimeoutError`."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    given = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        list(command), stdin=theirs, stdout=theirs, stderr=theirs, env={**given, "TERM": "xterm"}, cwd=directory
    )
    os.close(theirs)
    if typed:
        os.write(ours, typed)
    seen, deadline = b"", time.monotonic() + seconds
    while time.monotonic() < deadline:
        ready, _, _ = select.select([ours], [], [], 0.1)
        if not ready:
            if process.poll() is not None:
                break
            continue
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    try:
        return Shown(process.wait(max(0.1, deadline - time.monotonic())), seen.decode(errors="replace"))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise TimeoutError(f"{command} did not end within {seconds} s; last seen: {seen[-500:]!r}") from None
