"""Named places where a test may end the process with SIGKILL: one for each gap of both commit protocols.

`REVENI_STREAMS_FAULT_POINT=name[:nth]` arms one; when it is reached for the nth time the process appends the name to
the file `REVENI_STREAMS_FAULT_LOG` (so that a test can assert it was reached) and kills itself; or it sends itself the
signal that `REVENI_STREAMS_FAULT_SIGNAL` names: SIGSTOP, to be woken in that very gap. A simulation, whose processes
all live in one, listens instead. Unset, a point costs two comparisons.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

_armed, _, _nth = os.environ.get("REVENI_STREAMS_FAULT_POINT", "").partition(":")
_left = int(_nth or 1)
_signal = signal.Signals[os.environ.get("REVENI_STREAMS_FAULT_SIGNAL") or "SIGKILL"]
_listener: Callable[[str], None] | None = None


def listen(listener: Callable[[str], None] | None) -> None:
    """Have `listener` called with the name of every point that is passed; None ends it."""
    global _listener
    _listener = listener


def reach(name: str) -> None:
    """Pass the fault point `name`; armed and due, it does not return (after SIGSTOP: until it is woken)."""
    global _left
    if _listener is not None:
        _listener(name)
    if name != _armed:
        return
    _left -= 1
    if _left == 0:
        log = os.environ.get("REVENI_STREAMS_FAULT_LOG")
        if log:
            with Path(log).open("a") as out:
                out.write(f"{name}\n")
                out.flush()
                os.fsync(out.fileno())
        os.kill(os.getpid(), _signal)
