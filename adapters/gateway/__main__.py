"""`python -m adapters.gateway`: the gateway alone, set by the environment."""

from __future__ import annotations

import asyncio
import sys

from adapters.gateway.environment import gateway_settings
from adapters.gateway.server import serve
from adapters.logs import configure, quiet_about_the_broker
from adapters.settings import Settings


def run() -> int:
    """Serve until stopped; 0, or 2 with the reason on standard error when it cannot start."""
    try:
        settings = gateway_settings(Settings())
        configure()
        quiet_about_the_broker()
        asyncio.run(serve(settings))
    except (OSError, ValueError) as error:
        print(f"gateway: {error}", file=sys.stderr)  # noqa: T201  (there is no log yet to say it in)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(run())
