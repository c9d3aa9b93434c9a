"""`reveni-streams worker`: the actors as processes, one Faust app each."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from enum import StrEnum
from types import FrameType
from typing import Annotated

import typer


class Role(StrEnum):
    SEQUENCER = "sequencer"
    DISPATCHER = "dispatcher"
    ALL = "all"


def worker(
    role: Annotated[Role, typer.Option(help="Which actor to run; all runs one child process for each app.")],
    account: Annotated[str, typer.Option(help="The account of a dispatcher; empty: all of the profile.")] = "",
    loglevel: Annotated[str, typer.Option(help="crit, error, warn, info or debug.")] = "info",
) -> None:
    """Run actors until stopped: SIGTERM finishes the batch in hand, commits and leaves."""
    from adapters.logs import for_worker
    from adapters.runtime import CannotStart, build_dispatcher, build_sequencer
    from adapters.settings import Settings
    from agents.runtime import run_worker

    try:
        configure_logs = for_worker(loglevel)
    except ValueError as error:
        typer.echo(f"worker: {error}", err=True)
        raise typer.Exit(2) from None
    try:
        if role is Role.SEQUENCER:
            run_worker(build_sequencer(Settings()), configure_logs)
        elif role is Role.DISPATCHER and account:
            run_worker(build_dispatcher(Settings(), account), configure_logs)
        else:
            apps = [["--role", "dispatcher", "--account", name] for name in _accounts()]
            if role is Role.ALL:
                apps.insert(0, ["--role", "sequencer"])
            raise typer.Exit(_look_after([[*app, "--loglevel", loglevel] for app in apps]))
    except CannotStart as error:
        typer.echo(f"worker: {error}", err=True)
        raise typer.Exit(2) from None


def _accounts() -> tuple[str, ...]:
    from adapters.runtime import newest_profile
    from adapters.settings import Settings

    settings = Settings()
    connection = settings.connection()
    profile = asyncio.run(newest_profile(connection.consumer, settings.topology().named("profiles")))
    return profile.role_accounts()


RESTART_SECONDS = 2.0
"""A child that ended is started again after this; its partitions move to another worker meanwhile."""


def _look_after(apps: list[list[str]]) -> int:
    """Run the children; start one that ended again; pass SIGTERM and SIGINT on and wait for all."""
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    children: list[subprocess.Popen[bytes] | None] = [None] * len(apps)
    not_before = [0.0] * len(apps)
    while not stopping:
        for number, app in enumerate(apps):
            child = children[number]
            if child is not None and child.poll() is not None:
                typer.echo(f"worker {' '.join(app[:4])} ended with {child.returncode}; starting again", err=True)
                if child.returncode == 2:
                    stopping = True  # it said what is wrong, and starting again would say it again
                    break
                children[number], not_before[number] = None, time.monotonic() + RESTART_SECONDS
            if children[number] is None and time.monotonic() >= not_before[number]:
                command = [sys.executable, "-m", "adapters.cli.main", "worker", *app]
                children[number] = subprocess.Popen(command, env=os.environ)
        time.sleep(0.1)
    alive = [child for child in children if child is not None and child.poll() is None]
    for child in alive:
        child.send_signal(signal.SIGTERM)
    codes = [child.wait() for child in alive]
    return max(codes, default=2)
