"""`python -m adapters.simulators --bind 127.0.0.1:8600 [--config FILE]`."""

from __future__ import annotations

import typer

from adapters.cli.simulators import simulators

if __name__ == "__main__":
    typer.run(simulators)
