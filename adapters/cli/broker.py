"""`reveni-streams broker`: the embedded broker, in the foreground."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer


def broker(
    port: Annotated[int, typer.Option(help="Loopback port; 0 takes a free one.", min=0, max=65535)] = 19092,
) -> None:
    """Run the embedded broker until stopped. It keeps everything in memory: nothing survives it."""
    import signal
    import sys

    from adapters.broker.embedded import EmbeddedBroker
    from adapters.broker.errors import BrokerNotReady
    from adapters.broker.process import answers

    if port and answers("127.0.0.1", port):
        raise BrokerNotReady(f"Another broker answers on 127.0.0.1:{port}. Stop it, or choose another --port.")
    with tempfile.TemporaryDirectory(prefix="reveni-streams-broker-") as directory:
        running = EmbeddedBroker(Path(directory), port=port or None)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # unwinds through the `finally` below
        running.start()
        typer.echo(f"broker: {running.address} (memory only)\nREVENI_STREAMS_KAFKA={running.address}")
        try:
            code = running.wait()
        except KeyboardInterrupt:
            code = 0
        finally:
            running.stop()
    if code > 0:
        raise BrokerNotReady(f"The broker ended by itself with code {code}.")
