"""An ERP for tests of decisions: it answers each command once, as told, and keeps what it was asked for.

It decides nothing about returns and removes no duplicates: two commands make two documents.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.netsuite.playbook import NETSUITE
from streams.commands import Command, Failure, Outcome
from streams.decide import Rules, decide
from streams.facts import Fact
from streams.profile import Profile
from streams.row import Issued, Row
from streams.vocabulary import DocumentKind, OutcomeStatus

START = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
PROFILE = (Path(__file__).parents[2] / "docker" / "profiles" / "demo.toml").read_text()


def rules(*changes: tuple[str, str], version: int = 1) -> Rules:
    text = PROFILE
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return Rules(Profile.from_toml(text, version), {"netsuite": NETSUITE})


class Erp:
    """One order's row, decided again after each fact, and an account that carries out what is asked."""

    def __init__(self, order_key: str = "5001", using: Rules | None = None, **order: Any) -> None:
        self.row = Row(order_key)
        self.row.first_seen = "2026-11-27T09:59:00.000Z"
        self.rules = using or rules()
        self.now = START
        self.order: dict[str, Any] = {
            "found": 1,
            "number": "1001",
            "status": "fulfilled",
            "currency": "GBP",
            "customer": {"number": "55", "active": True},
            "total": "94.95",
            "shipping": "4.95",
            "lines": [
                order_line("1", "ol1", "TEE-RED-M", 2, "80.00", "13.33"),
                order_line("2", "ol2", "HAT-1", 1, "10.00", "1.67"),
                order_line("90", "ol90", "SOCK-1", 3, "0.00", "0.00"),  # a gift
            ],
            "returns": earlier_returns(),
            "invoices": [{"number": "77", "open": "94.95", "currency": "GBP"}],
            **order,
        }
        self.available = 5
        self.item: dict[str, bool] = {}  # what is said of each item, where it is not that it is there and active
        self.available_of: dict[str, int] = {}  # by SKU, where it is not that
        self.asked: list[Command] = []  # every command as published, repeats too
        self.documents: list[tuple[Command, str]] = []
        self.refuse: dict[DocumentKind, Failure] = {}
        self.adopted: dict[str, str] = {}  # by subject: the number of the document made by hand that stands for it
        self.silent: set[DocumentKind] = set()  # asked, not answered yet
        self.slow_by = timedelta(0)  # how far the account's clock is behind ours
        self._sequence = 0

    # -- what happens

    def hear(self, *facts: Fact) -> None:
        """Facts arrive; then decide, and carry out until nothing more is asked."""
        for fact in facts:
            self.row.absorb(fact, self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
        self.settle()

    def decide(self) -> list[Command]:
        """One decision; the commands it publishes."""
        self._sequence += 1
        decide(self.row, self.rules, self.now, (1, self._sequence))
        self.row.previous, self.row.stamp = self.row.stamp, (1, self._sequence)
        commands = []
        for entry in list(self.row.unpublished()):
            entry.published = True
            if isinstance(entry, Issued):
                commands.append(entry.command)
        self.asked.extend(commands)
        return commands

    def settle(self) -> None:
        for _ in range(50):
            commands = self.decide()
            if not commands:
                return
            for command in commands:
                if command.kind not in self.silent:
                    self.row.absorb(self.carry_out(command))
        raise AssertionError("deciding never comes to rest")

    def speak(self, kind: DocumentKind) -> None:
        """Carry out what was asked while the account was silent for a kind."""
        self.silent.discard(kind)
        for issued in list(self.row.issued.values()):
            if issued.command.kind is kind and not self.row.is_settled(issued):
                self.row.absorb(self.carry_out(issued.command))
        self.settle()

    def carry_out(self, command: Command) -> Outcome:
        if command.void:
            return self._outcome(command, OutcomeStatus.WITHHELD, reason="void")
        if command.kind.is_question:
            answer = self._answers[command.kind]()
            if command.body.get("sku") in self.available_of:
                answer["available"] = self.available_of[command.body["sku"]]
            return self._outcome(command, OutcomeStatus.ANSWERED, answer=answer)
        failure = self.refuse.get(command.kind)
        if failure is not None:
            return self._outcome(command, OutcomeStatus.REFUSED, failure=failure)
        number = self.adopted.get(command.subject) or f"{command.kind.value}-{len(self.documents) + 1}"
        self.documents.append((command, number))
        return self._outcome(command, OutcomeStatus.DONE, number=number)

    def pass_time(self, by: timedelta) -> None:
        self.now += by
        self.settle()

    @property
    def _answers(self) -> dict[DocumentKind, Callable[[], dict[str, Any]]]:
        at = (self.now - self.slow_by).isoformat()
        return {
            DocumentKind.ORDER_SNAPSHOT: lambda: {"at": at, **self.order},
            DocumentKind.INVOICE: lambda: {"at": at, "invoices": self.order["invoices"]},
            DocumentKind.AVAILABILITY: lambda: {
                "at": at,
                "item_exists": True,
                "item_active": True,
                **self.item,
                "available": self.available,
            },
        }

    def _outcome(self, command: Command, status: OutcomeStatus, **more: Any) -> Outcome:
        return Outcome(
            command_id=command.id,
            revision=command.revision,
            hash=command.hash,
            account=command.account,
            order_key=command.order_key,
            kind=command.kind,
            subject=command.subject,
            status=status,
            at=self.now.isoformat(),
            **more,
        )

    # -- what can be seen

    def made(self, kind: DocumentKind) -> list[dict[str, Any]]:
        """Bodies of the documents of a kind, oldest first."""
        return [dict(command.body) for command, _ in self.documents if command.kind is kind]

    def exceptions(self) -> list[tuple[str, str]]:
        """(kind, step) of the open exceptions."""
        return sorted((letter.content["kind"], letter.content["step"]) for letter in self.row.open_letters())

    def waiting(self) -> list[tuple[str, str]]:
        return sorted((item.step, item.waits_for) for item in self.row.waiting.values())


def earlier_returns() -> list[dict[str, Any]]:
    """What other people took back of the order: two of the three socks, and one return that came to nothing."""
    socks = [{"order_line": "90", "sku": "SOCK-1", "quantity": 2}]
    return [
        {"number": "58", "external_ref": "", "status": "closed", "lines": []},
        {"number": "59", "external_ref": "desk-7", "status": "pending receipt", "lines": socks},
    ]


def order_line(number: str, name: str, sku: str, quantity: int, amount: str, tax: str, **more: Any) -> dict[str, Any]:
    return {
        "order_line": number,
        "order_line_id": name,
        "sku": sku,
        "item": f"item-{sku}",
        "quantity": quantity,
        "fulfilled": quantity,
        "unit_price": amount,
        "amount": amount,
        "tax": tax,
        "tax_code": "5",
        "components": [],
        "active": True,
        **more,
    }
