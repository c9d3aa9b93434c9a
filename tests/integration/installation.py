"""One installation on a real Kafka for the command line's tests: its topics, a sequencer process, and the verbs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from click.testing import Result
from typer.testing import CliRunner

from adapters.cli.main import app
from adapters.settings import Settings
from streams.commands import Command, Failure, Outcome
from streams.topics import Topology
from streams.vocabulary import DocumentKind, OutcomeStatus
from tests.kafka import produce, read_all
from tests.terminal import Shown, on_terminal

ROOT = Path(__file__).parents[2]
PROFILE = ROOT / "docker" / "profiles" / "demo.toml"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def snapshot(order: str, *, return_id: str = "", version: int = 1, **changes: Any) -> bytes:
    """A Reveni event about a return of one line, with a paid refund."""
    data: dict[str, Any] = {
        "return_id": return_id or f"ret-{order}",
        "order_id": order,
        "order_number": f"#{order}",
        "version": version,
        "updated_at": "2026-11-20T09:00:00Z",
        "type": "refund",
        "mode": "instant",
        "state": "in_progress",
        "currency": "GBP",
        "lines": [
            {
                "line_id": "l1",
                "order_line_id": "ol1",
                "sku": "TEE-RED-M",
                "quantity": 1,
                "unit_price": "40.00",
                "tax_amount": "6.67",
                "tax_code": "GB-STD",
                "request": "return",
                "reason": "too_small",
                "verdict": "pending",
            }
        ],
        "fees": [{"kind": "logistics", "amount": "2.95"}],
        "refunds": [
            {
                "refund_id": f"rf-{order}",
                "kind": "goods",
                "method": "bank_transfer",
                "amount": "37.05",
                "currency": "GBP",
                "state": "paid",
                "executed_at": "2026-11-20T08:59:00Z",
            }
        ],
        "shipping_refund": "0.00",
    }
    return orjson.dumps({"id": "e", "type": "return.updated", "data": {**data, **changes}})


def order_answer(order: str) -> dict[str, Any]:
    """The original order as the account answers it."""
    line = {
        "order_line": "1",
        "order_line_id": "ol1",
        "sku": "TEE-RED-M",
        "item": "4711",
        "quantity": 1,
        "fulfilled": 1,
        "unit_price": "40.00",
        "amount": "40.00",
        "tax": "6.67",
        "tax_code": "5",
        "active": True,
        "components": [],
    }
    return {
        "at": now(),
        "found": 1,
        "number": f"SO-{order}",
        "status": "fulfilled",
        "currency": "GBP",
        "customer": {"number": "C-77", "active": True},
        "total": "44.95",
        "shipping": "4.95",
        "lines": [line],
        "returns": [],
        "invoices": [],
    }


@dataclass
class Place:
    """An installation: what the environment says of it, and what a test does to it from outside."""

    address: str
    prefix: str
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = {
            "REVENI_STREAMS_KAFKA": self.address,
            "REVENI_STREAMS_TOPIC_PREFIX": self.prefix,
            "REVENI_STREAMS_PARTITIONS": "4",
            "REVENI_STREAMS_REPLICATION": "1",
            "REVENI_STREAMS_PROFILE": str(PROFILE),
            "NO_COLOR": "1",
        }

    @property
    def topology(self) -> Topology:
        return Topology(self.prefix, 4, ("ns",))

    def settings(self) -> Settings:
        return Settings(kafka=self.address, topic_prefix=self.prefix, partitions=4, replication=1, profile=PROFILE)

    def run(self, *words: str, code: int | None = 0) -> Result:
        """One verb, as typed; `code` is the exit code it must have (None: any)."""
        result = CliRunner().invoke(app, list(words), env=self.environment)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert code is None or result.exit_code == code, f"{words}: {result.exit_code}\n{result.output}"
        return result

    def on_terminal(self, *words: str, columns: int) -> Shown:
        """One verb on a pseudo-terminal of so many columns."""
        command = [sys.executable, "-m", "adapters.cli.main", *words]
        return on_terminal(command, columns=columns, environment={**os.environ, **self.environment}, directory=ROOT)

    def json(self, *words: str, code: int | None = None) -> Any:
        return json.loads(self.run(*words, "--json", code=code).stdout)

    def send(self, topic: str, key: str | None, value: bytes, headers: Iterable[tuple[str, bytes]] = ()) -> None:
        name = key.encode() if key is not None else None
        sent = produce(self.address, self.topology.named(topic), [(name, value)], headers=list(headers))
        asyncio.run(sent)

    def records(self, topic: str) -> list[Any]:
        return asyncio.run(read_all(self.address, self.topology.named(topic)))

    def command(self, order: str, kind: DocumentKind, *, revision: int = 1) -> Command:
        """The command of a kind that the sequencer asked of the account about an order, once it is there."""

        def find() -> Command | None:
            for klass in ("", ".goods"):
                for record in self.records(f"erp.commands.ns{klass}"):
                    command = Command.decode(record.value)
                    if (command.order_key, command.kind, command.revision) == (order, kind, revision):
                        return command
            return None

        return soon(find, f"{kind} revision {revision} of order {order}")

    def answer(self, command: Command, answer: dict[str, Any]) -> None:
        self._outcome(command, OutcomeStatus.ANSWERED, answer=answer)

    def done(self, command: Command, number: str) -> None:
        self._outcome(command, OutcomeStatus.DONE, number=number, reason="created")

    def refuse(self, command: Command, failure: Failure) -> None:
        self._outcome(command, OutcomeStatus.REFUSED, failure=failure)

    def _outcome(self, command: Command, status: OutcomeStatus, **fields: Any) -> None:
        outcome = Outcome(
            command_id=command.id,
            revision=command.revision,
            hash=command.hash,
            account=command.account,
            order_key=command.order_key,
            kind=command.kind,
            subject=command.subject,
            status=status,
            at=now(),
            **fields,
        )
        self.send("erp.outcomes", command.order_key, outcome.encode())

    def exceptions(self, order: str) -> list[dict[str, Any]]:
        return [entry for entry in self.json("exceptions") if entry["order_id"] == order]


def soon(condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """What the condition returned, once it is truthy."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {seconds} s; last seen: {found!r}")
        time.sleep(0.1)
    return found


def start_sequencer(place: Place, directory: Path) -> subprocess.Popen[bytes]:
    """A sequencer as a process of its own; it says what it does in `sequencer.log`."""
    log = (directory / "sequencer.log").open("wb")
    environment = {**os.environ, **place.environment, "REVENI_STREAMS_DATA_DIR": str(directory)}
    command = [sys.executable, "-m", "adapters.cli.main", "worker", "--role", "sequencer"]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    if process.poll() is None:
        process.kill()
