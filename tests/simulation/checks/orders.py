"""Which command is whose, and what operators decided: read from the topics, never from a row."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson

from adapters.generator.names import Names
from adapters.generator.orders import ACCOUNT
from streams.commands import body_hash, command_id

GOODS = frozenset({"item_receipt", "stock_movement"})
_SAYS_YES = frozenset({"post_anyway", "approve"})
_RENAMES = frozenset({"name_order", "map_sku"})


@dataclass(slots=True)
class Asked:
    """A command by its id: the bodies it was published with."""

    order_key: str
    kind: str
    subject: str
    bodies: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def amounts(self) -> set[str]:
        return {str(body["amount"]) for body in self.bodies if body.get("amount") is not None}


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision as it was written."""

    decision_id: str
    order_id: str
    kind: str
    target: str
    step: str
    subject: str
    hash: str  # of the content that it was about; empty: whatever it is
    revision: int | None
    refused: bool = False  # the account had refused the command by then


class Orders:
    """Grows with the log."""

    def __init__(self, sold: Container[str] = ()) -> None:
        self.names = Names(sold)
        self.asked: dict[str, Asked] = {}
        self.shadowed: dict[str, Asked] = {}
        self.decisions: dict[str, Ruling] = {}
        self.adopted: dict[str, str] = {}  # command: the number of the document made by hand that stands for it
        self.refusals: dict[str, str] = {}  # command: what its last refusal said
        self._letters: dict[str, tuple[str, str]] = {}  # letter id: step, subject
        self._held: dict[str, list[Mapping[str, Any]]] = {}  # letter id: the bodies that were shown with it
        self._renamed: set[str] = set()

    def command(self, raw: Mapping[str, Any]) -> None:
        asked = self.asked.get(raw["id"])
        if asked is None:
            asked = self.asked[raw["id"]] = Asked(raw["order_key"], raw["kind"], raw["subject"])
        if raw["body"] not in asked.bodies:
            asked.bodies.append(raw["body"])

    def outcome(self, event: Mapping[str, Any]) -> None:
        if event["status"] == "refused" and event.get("failure"):
            self.refusals[event["command_id"]] = str(event["failure"]["message"])
        if event["status"] == "done" and event.get("reason") == "adopted":
            self.adopted[event["command_id"]] = str(event["number"])

    def taken_over(self) -> set[str]:
        """Returns for which an authorisation that somebody made by hand stands."""
        about = (self.asked[cid] for cid in self.adopted if cid in self.asked)
        return {asked.subject.split("~")[0] for asked in about if asked.kind == "return_authorisation"}

    def letter(self, letter_id: str, step: str, subject: str, body: Mapping[str, Any] | None = None) -> None:
        """`body`: of the document that is held, as people see it."""
        self._letters[letter_id] = (step, subject)
        if body:
            self._held.setdefault(letter_id, []).append(body)

    def decision(self, value: bytes) -> Ruling | None:
        try:
            event = orjson.loads(value)
            decision = event["decision"]
            kind = str(decision["kind"]).replace("-", "_")
            order_id, decision_id = str(event["order_id"]), str(event["id"])
        except (ValueError, KeyError, TypeError):
            return None  # no decision: the pipeline has to bury it, which is looked at elsewhere
        target, revision = str(decision.get("command_id") or ""), decision.get("revision")
        asked = self.asked.get(target)
        step, subject = self._letters.get(target) or ((asked.kind, asked.subject) if asked else ("", ""))
        ruling = self.decisions[decision_id] = Ruling(
            decision_id,
            order_id,
            kind,
            target,
            step,
            subject,
            str(decision.get("hash") or ""),
            revision,
            target in self.refusals,
        )
        if kind in _RENAMES:
            self._renamed.add(order_id)
            if kind == "name_order":
                self.names.call_order(order_id, str(decision.get("to") or ""))
            else:
                self.names.call_sku(order_id, str(decision.get("sku") or ""), str(decision.get("to") or ""))
        return ruling

    def about(self, ruling: Ruling) -> tuple[str, str]:
        """Step and subject of what a decision is about; of an exception whose letter came out later too."""
        if ruling.step:
            return ruling.step, ruling.subject
        asked = self.asked.get(ruling.target)
        return self._letters.get(ruling.target) or ((asked.kind, asked.subject) if asked else ("", ""))

    def reversed_by_hand(self, ruling: Ruling) -> str:
        """The note (its command's id) that a person says to have reversed; empty for a decision about anything else."""
        step, subject = self.about(ruling)
        if ruling.kind != "done_by_hand" or step != "reversal":
            return ""
        return command_id(ACCOUNT, ruling.order_id, "credit_note", subject)

    def noted_by_hand(self, ruling: Ruling) -> tuple[str, Decimal] | None:
        """The refund and amount of a note that a person says to have made; none for a decision about anything else."""
        step, subject = self.about(ruling)
        if ruling.kind != "done_by_hand" or step != "credit_note":
            return None
        asked = self.asked.get(ruling.target)
        bodies = [*self._held.get(ruling.target, ()), *(asked.bodies if asked is not None else ())]
        seen = [body["amount"] for body in bodies if body.get("amount") and ruling.hash in ("", body_hash(body))]
        return (subject.split("~")[0], Decimal(seen[-1])) if seen else None

    def order_of(self, reference: str, named: str) -> str:
        """The order that a document is about: as it names it, unless an operator gave the order another name."""
        asked = self.asked.get(reference)
        return asked.order_key if asked is not None and asked.order_key in self._renamed else named

    def renamed(self, order_id: str) -> bool:
        """Whether an operator named the order or one of its SKUs otherwise."""
        return order_id in self._renamed

    def yes_to(self, command_id: str) -> set[str]:
        """The contents of a command that people said yes to; the empty text for any."""
        rulings = self.decisions.values()
        return {ruling.hash for ruling in rulings if ruling.target == command_id and ruling.kind in _SAYS_YES}

    def noted(self, order_id: str, refund_ids: Container[str]) -> bool:
        """Whether a person said yes to the note of one of these refunds."""
        return any(
            ruling.order_id == order_id and ruling.kind in _SAYS_YES and step == "credit_note"
            for ruling in self.decisions.values()
            for step, subject in (self.about(ruling),)
            if subject.split("~")[0] in refund_ids
        )

    def allowed(self, order_id: str, *steps: str) -> bool:
        """Whether a person said yes to something about one of these steps: what was held may be there then."""
        return any(
            ruling.order_id == order_id and ruling.kind in _SAYS_YES and self.about(ruling)[0] in steps
            for ruling in self.decisions.values()
        )
