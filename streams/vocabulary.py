"""The closed sets of words that flow through the system."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class DocumentKind(StrEnum):
    """What a command asks another system for: a document, or (questions) an answer."""

    RETURN_AUTHORISATION = "return_authorisation"
    CREDIT_NOTE = "credit_note"
    CREDIT_APPLICATION = "credit_application"
    ITEM_RECEIPT = "item_receipt"
    STOCK_MOVEMENT = "stock_movement"
    EXCHANGE_ORDER = "exchange_order"
    RETURN_CLOSING = "return_closing"
    REVERSAL = "reversal"
    # Questions: their outcome is `answered`.
    ORDER_SNAPSHOT = "order_snapshot"
    INVOICE = "invoice"
    AVAILABILITY = "availability"

    @property
    def is_question(self) -> bool:
        return self in _QUESTIONS


_QUESTIONS = frozenset({DocumentKind.ORDER_SNAPSHOT, DocumentKind.INVOICE, DocumentKind.AVAILABILITY})


class CommandClass(StrEnum):
    """Which of an account's three topics a command travels on; the weights are P02's."""

    MONEY = "money"
    GOODS = "goods"
    BULK = "bulk"


CLASS_WEIGHTS: dict[CommandClass, int] = {CommandClass.MONEY: 70, CommandClass.GOODS: 20, CommandClass.BULK: 10}

GOODS_KINDS = frozenset({DocumentKind.ITEM_RECEIPT, DocumentKind.STOCK_MOVEMENT})


def command_class(kind: DocumentKind) -> CommandClass:
    """P02: receipts and stock movements are goods; all else an order asks for is money."""
    return CommandClass.GOODS if kind in GOODS_KINDS else CommandClass.MONEY


class ErrorKind(StrEnum):
    """Why a thing cannot go on (CONTRACTS section 5)."""

    UNMAPPED = "unmapped"
    INVALID = "invalid"
    MISMATCH = "mismatch"
    OUT_OF_STOCK = "out-of-stock"
    NOT_FOUND = "not-found"
    CLOSED = "closed"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    AUTH = "auth"
    TOO_LARGE = "too-large"
    UNKNOWN_OUTCOME = "unknown-outcome"
    BUG = "bug"


MAY_STAND: Final = frozenset({ErrorKind.UNKNOWN_OUTCOME, ErrorKind.BUG})
"""Ends of a command that say nothing of its document: it may be there all the same."""

LEFT_BEHIND: Final = MAY_STAND | {ErrorKind.MISMATCH, ErrorKind.DUPLICATE}
"""Ends of a command after which a document may be there: nobody knows, or it is there otherwise than asked for."""


class Owner(StrEnum):
    """The team that can mend it."""

    FINANCE = "finance"
    OPERATIONS = "operations"
    CX = "cx"
    WAREHOUSE = "warehouse"
    ECOMMERCE = "ecommerce"
    ENGINEERING = "engineering"


class OutcomeStatus(StrEnum):
    """How a command ended."""

    DONE = "done"
    REFUSED = "refused"
    ANSWERED = "answered"
    WITHHELD = "withheld"
