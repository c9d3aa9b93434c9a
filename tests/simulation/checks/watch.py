"""The one who watches a run: the simulation tells it everything, and it says what promise was not kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson

from adapters.generator.books import Books
from adapters.generator.deliveries import Delivery
from tests.simulation.checks.calls import Call, Calls
from tests.simulation.checks.conservation import Conservation, LogRecord, is_lane
from tests.simulation.checks.dead_letters import DeadLetters
from tests.simulation.checks.dispatches import Dispatches
from tests.simulation.checks.documents import Documents
from tests.simulation.checks.findings import Findings
from tests.simulation.checks.intake import Intake
from tests.simulation.checks.merchant import Merchant
from tests.simulation.checks.orders import Orders
from tests.simulation.checks.overdue import Overdue
from tests.simulation.checks.people import People
from tests.simulation.checks.pieces import Pieces
from tests.simulation.checks.position import Position, net_position
from tests.simulation.checks.recovery import ORDERS, Recovery
from tests.simulation.checks.rest import Rest
from tests.simulation.checks.rows import RowRecord
from tests.simulation.checks.told import Told
from tests.simulation.plan import Plan
from tests.simulation.result import Violation

_COMMANDS = "erp.commands."
_TABLE = "begun-changelog"

CLOSED_RETURNS = frozenset({"accepted", "partly_accepted", "rejected", "cancelled"})
"""States in which nothing more is decided about a return (CONTRACTS 2)."""


class Watch:
    """Cheap at each call: bodies are decoded once, and the folds are made at rest."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._findings, self._orders = plan, Findings(), Orders(plan.expected.orders)
        self._merchant = Merchant(plan)
        self._told = Told(self._merchant, plan.world.orders)
        self._intake = Intake(self._findings)
        self._documents = Documents(plan, self._findings, self._merchant, self._told, self._orders)
        self._conservation = Conservation(self._findings)
        self._dispatches = Dispatches(self._findings)
        self._dead_letters = DeadLetters(self._findings)
        self._recovery = Recovery(plan, self._findings)
        self._people = People(plan, self._findings, self._merchant, self._orders)
        self._calls = Calls(plan, self._findings)
        self._overdue = Overdue(plan, self._findings, self._merchant)
        self._pieces = Pieces(plan, self._findings, self._merchant, self._orders)
        self._exceptions: Sequence[Mapping[str, Any]] = ()
        self._waiting: Sequence[Mapping[str, Any]] = ()

    @property
    def violations(self) -> list[Violation]:
        return self._findings.violations

    @property
    def checks(self) -> Counter[str]:
        """How often each invariant was looked at."""
        return self._findings.checks

    @property
    def books(self) -> Books:
        """The vendor's ledger as it was read so far."""
        return self._documents.books

    @property
    def now(self) -> float:
        return self._findings.now

    @now.setter
    def now(self, seconds: float) -> None:
        self._findings.now = seconds
        if self._merchant.at(seconds):
            self._told.recount()

    # -- the senders

    def sent(self, delivery: Delivery, at: float) -> None:
        """An attempt begins."""
        self.now = at
        self._told.begin(delivery)

    def answered(self, delivery: Delivery, status: int, at: float) -> None:
        """It was answered; status 0: it never will be."""
        self.now = at
        self._told.answer(delivery, status)
        self._intake.answered(delivery, status)

    # -- the log

    def written(self, topic: str, partition: int, record: LogRecord) -> None:
        """A record was appended."""
        if is_lane(topic):
            self._dead_letters.record(topic, partition, record)
            event = self._conservation.taken(topic, partition, record)
            if topic == "erp.outcomes":
                if event is not None:
                    self._outcome(event)
            else:
                self._intake.written(record)
                if topic == "events.reveni" and record.value is not None:
                    self._told.stored(record.value)
                if topic == "events.decisions" and record.value is not None:
                    self._decision(record.value)
        elif topic.startswith(_COMMANDS):
            self._dead_letters.record(topic, partition, record)
            self._command(topic, partition, record)
        elif topic.endswith(ORDERS):
            self._conservation.row(record)
            self._recovery.written(topic, partition, record)
        elif topic.endswith(_TABLE):
            if self._dispatches.table(record):
                self._calls.taken_over()
            self._recovery.written(topic, partition, record)
        elif topic == "dead.letters":
            self._letter(record)
        elif topic == "dead.resolutions":
            self._conservation.resolution(record.value)
        elif topic == "alarms" and record.key is not None:
            self._conservation.published.alarms.add(record.key)
            self._overdue.alarm(record.key, record.value)

    def _decision(self, value: bytes) -> None:
        ruling = self._orders.decision(value)
        self._people.decision(ruling, self._conservation)
        note = self._orders.reversed_by_hand(ruling) if ruling is not None else ""
        if note:
            self._documents.taken_back(note)

    def _outcome(self, event: Mapping[str, Any]) -> None:
        self._dispatches.outcome(event)
        self._calls.outcome(event)
        self._orders.outcome(event)
        asked = self._orders.asked.get(event["command_id"])
        if asked is not None and event.get("reason") == "shadow":
            self._orders.shadowed[event["command_id"]] = asked

    def _command(self, topic: str, partition: int, record: LogRecord) -> None:
        try:
            raw = orjson.loads(record.value or b"")
            raw["id"], raw["body"], raw["row_stamp"][0], raw["void"]
        except (ValueError, KeyError, TypeError, IndexError):
            raw = None  # it has to be buried
        self._dispatches.command(topic, partition, record, raw)
        if raw is not None:
            if raw["id"] not in self._orders.asked:
                self._people.command(raw)
            self._orders.command(raw)
            self._calls.asked(raw["id"])
            self._documents.asked(raw)
            self._conservation.command(raw)

    def _letter(self, record: LogRecord) -> None:
        names, place = self._dead_letters.letter(record)
        letter_id = names.get("dlq.id", "")
        if place is not None:
            buried = self._dispatches.buried if place[0].startswith(_COMMANDS) else self._conservation.buried
            buried.add(place)
        else:
            stage = names.get("dlq.stage", "").partition(":")[2]
            with suppress(ValueError, KeyError, TypeError):  # found spoilt above
                held = orjson.loads(record.value or b"")
                self._orders.letter(letter_id, stage, str(held["subject"]), held["body"])
        replays = names.get("dlq.replays", "")
        count = int(replays) if replays.isdigit() else 0
        self._conservation.letter(record.key, letter_id, count, about=place)

    def committed(self, group: str, topic: str, partition: int, offset: int) -> None:
        """A group will go on from `offset`."""
        if topic.startswith(_COMMANDS):
            self._dispatches.committed(topic, partition, offset)
        elif is_lane(topic) and "sequencer" in group:
            self._conservation.committed(topic, partition, offset)

    def recovered(
        self, worker: str, topic: str, partition: int, rows: Mapping[bytes, bytes], end: int | None = None
    ) -> None:
        """A worker's table right after recovery; `end`: the changelog offset up to which it had read."""
        self._recovery.recovered(worker, topic, partition, rows, end)

    def unjoined(self) -> bool:
        """Whether the owner of some row or entry has yet to write down what another wrote late."""
        return bool(self._recovery.unjoined())

    # -- the vendor

    def entry(self, ledger_entry: Mapping[str, Any]) -> None:
        """A new line of the ledger."""
        self._documents.entry(ledger_entry)
        self._dispatches.entry(ledger_entry)
        if ledger_entry["op"] == "create":
            self._people.document(ledger_entry, str(ledger_entry["order_id"] or ""))

    def call(self, account: str, in_flight: int, limit: int) -> None:
        """A call begins; `in_flight` counts it."""
        self._findings.check("I12")
        if in_flight > limit:
            what = f"at most {limit} calls may be in flight at account {account}; {in_flight} are"
            self._findings.add("I12", "limit-breached", "", what)

    def called(self, call: Call, *, ended: bool) -> None:
        """The same call with what the vendor's log says of it, as it begins and as it ends."""
        if ended:
            self._calls.ended(call)
            self._people.called(call)
        else:
            self._calls.began(call)

    # -- at rest

    def finish(
        self,
        rows: Mapping[bytes, bytes],
        exceptions: Sequence[Mapping[str, Any]],
        waiting: Sequence[Mapping[str, Any]],
        letters: Iterable[Any] = (),
        lags: Iterable[str] = (),
    ) -> None:
        """After heal and drain: the orders' rows, the operators' lists, the dead letters, and what is left to do."""
        self._exceptions = exceptions
        self._waiting = waiting
        for letter in letters:
            letter_id = str(getattr(letter, "letter_id", letter))
            if letter_id not in self._conservation.published.letters:
                self._findings.add("I9", "letter-invented", "", f"letter {letter_id} is shown; it is in no topic")
        final = {
            key: RowRecord(0, value) for key, value in rows.items()
        }  # each is decoded once, and for all to look at
        records = {key.decode(errors="replace"): row for key, row in final.items()}
        self._conservation.at_rest(final)
        self._dispatches.at_rest()
        self._recovery.at_rest()
        rest = Rest(
            self._plan,
            self._findings,
            self._merchant,
            self._told,
            self._orders,
            self._documents,
            self._conservation,
        )
        rest.look(records, exceptions, waiting, lags)
        if not self._documents.amounts_go_wrong:
            self._pieces.at_rest(self._told.snapshots(), self.books)
        self._overdue.at_rest(records, waiting)
        self._people.at_rest(self._told.truths(), self.books, exceptions)
        self._people.rulings(records)

    def position(self) -> Position:
        """I6: what it all came to, for comparison with another order of arrival; after `finish`."""
        per_order = Counter(str(data["order_id"]) for data in self._told.truths()[1].returns.values())
        competing = [order_id for order_id, count in per_order.items() if count > 1]
        shown = [entry for entry in self._exceptions if not self._is_a_matter_of_time(entry)]
        return net_position(self._documents.books, self._orders, shown, competing, self._waiting)

    def _is_a_matter_of_time(self, entry: Mapping[str, Any]) -> bool:
        """Of a return that is not done with, that too little was refunded is told once its progress deadline has passed
        (CONTRACTS 2), and two runs do not take equally long (seed 20261128001540). Done with: closed, and each of its
        refunds paid or failed and readable."""
        if entry.get("step") != "credit_note" or not str(entry.get("reason")).endswith("too little."):
            return False
        truth, return_id = self._told.truths()[0], str(entry.get("return_id"))
        data = truth.returns.get(return_id, {})
        refunds = data.get("refunds") or []
        known = isinstance(refunds, list) and all(
            isinstance(one, dict) and one.get("state") in ("paid", "failed") for one in refunds
        )
        spoilt = any(one.return_id == return_id for one in truth.spoilt)
        return data.get("state") not in CLOSED_RETURNS or not known or spoilt
