"""The shapes of command bodies and answers: the seam between what is decided and how a vendor is told.

Money is a decimal string with the currency's ISO 4217 digits, tax inside. `item`, `tax_code`, `location`, `reason` and
`method` hold the account's own codes, mapped when the command was decided. `source` names the document a transform
starts from, by its number in the account. `order_line` is the account's own line number of the original order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NotRequired, TypedDict

from streams.vocabulary import DocumentKind


class Source(TypedDict):
    """The document another one is made from."""

    kind: str
    number: str


class Customer(TypedDict):
    """The account's own customer number; never personal data."""

    number: str


class Line(TypedDict):
    """One line of a document. `amount` is gross for the whole line and may be negative for a fee.

    A returned line whose units stand on several rows of the order is one line for each row. `nth` counts rows of one
    item where nothing else may tell them apart (absent: the first); `kit` names the bundle whose part is received, by
    its item, order line and `nth`.
    """

    item: str
    quantity: int
    sku: NotRequired[str]
    line_id: NotRequired[str]
    component: NotRequired[str]  # line, exchange, shipping, bonus, fee, goodwill, adjustment
    order_line: NotRequired[str]
    order_line_id: NotRequired[str]
    sold_as: NotRequired[str]  # of a service, which no authorisation holds: the order's line (lines: `2,3`)
    amount: NotRequired[str]
    tax: NotRequired[str]
    tax_code: NotRequired[str]
    tax_rate: NotRequired[str]
    location: NotRequired[str]
    reason: NotRequired[str]


class ReturnAuthorisationBody(TypedDict):
    """`from_order` transforms the sales order; `standalone` names only the customer and the order id (R14)."""

    order_id: str
    return_id: str
    currency: str
    form: str  # from_order | standalone
    customer: Customer
    lines: list[Line]
    date: str  # RFC 3339: when Reveni authorised it
    source: NotRequired[Source]  # sales_order, when from_order


class CreditNoteBody(TypedDict):
    """`from_return` transforms the RMA; `standalone` is for refunds without one. Sum of line amounts == amount."""

    order_id: str
    return_id: str
    refund_id: str
    currency: str
    amount: str
    form: str  # from_return | standalone
    customer: Customer
    lines: list[Line]
    method: str
    date: str  # when the refund was executed
    on_closed_period: str  # hold | next_open
    source: NotRequired[Source]  # return_authorisation, when from_return


class AppliedInvoice(TypedDict):
    """An invoice's number (internal id) in the account, and how much of the credit goes to it."""

    number: str
    amount: str


class CreditApplicationBody(TypedDict):
    """All that one note is applied to: `amount` is the sum over `invoices`, `stays_open` what is left of the note.

    A body of an earlier version names its one invoice as `invoice` instead: read with `invoices_of`.
    """

    order_id: str
    refund_id: str
    currency: str
    amount: str
    stays_open: str
    source: Source  # credit_note
    invoices: list[AppliedInvoice]


def invoices_of(body: Mapping[str, Any]) -> list[AppliedInvoice]:
    """The invoices that an application names, also in a body written by an earlier version."""
    named: list[AppliedInvoice] | None = body.get("invoices")
    return named if named is not None else [{"number": body["invoice"], "amount": body["amount"]}]


class ItemReceiptBody(TypedDict):
    """Goods of one inspected lot into one location; every line carries it."""

    order_id: str
    return_id: str
    source: Source  # return_authorisation
    location: str
    disposition: str
    lines: list[Line]
    date: str  # when the goods were inspected
    on_closed_period: str  # hold | next_open


class StockMovementBody(TypedDict):
    """A transfer of units already received, after a disposition changed."""

    order_id: str
    return_id: str
    item: str
    sku: str
    quantity: int
    from_location: str
    to_location: str
    date: str
    on_closed_period: str


class ExchangeOrderBody(TypedDict):
    """A zero-value order for a replacement."""

    order_id: str
    return_id: str
    line_id: str
    currency: str
    customer: Customer
    lines: list[Line]
    date: str


class ReturnClosingBody(TypedDict):
    order_id: str
    return_id: str
    source: Source  # return_authorisation


class ReversalBody(TypedDict):
    """Takes back a whole credit note; `amount` positive."""

    order_id: str
    refund_id: str
    currency: str
    amount: str
    source: Source  # credit_note
    date: str
    on_closed_period: str


class OrderSnapshotQuestion(TypedDict):
    """`order_id` is what the order is called in the account (a name given by an operator, R15, or the key itself)."""

    order_id: str


class Component(TypedDict):
    """A part of a bundle, by its definition at the time of sale; without a list price it has no share."""

    sku: str
    quantity: int
    item: NotRequired[str]
    list_price: NotRequired[str]
    order_line: NotRequired[str]


class OrderLine(TypedDict):
    """A line that was sold: `amount` and `tax` before the order's discounts. Rows that sell nothing (a discount, a
    subtotal, a text) are no lines. A `service` is billed and never sent: it can be credited, it does not come back."""

    order_line: str
    order_line_id: str
    sku: str
    item: str
    quantity: int
    fulfilled: int
    unit_price: str
    amount: str
    tax: str
    tax_code: str
    components: list[Component]
    kind: NotRequired[str]  # goods | service; absent: goods


class Discount(TypedDict):
    """What a discount takes off, tax inside (below zero: a surcharge), for the order or for some of its lines."""

    amount: str
    order_lines: list[str]  # the lines' `order_line`; empty: all
    tax: NotRequired[str]  # absent: the account does not say how much of it is tax


class Invoice(TypedDict):
    """An invoice of the order. `date` and `lines` (what it billed) are absent where the account does not say."""

    number: str
    open: str
    currency: str
    date: NotRequired[str]  # an ISO day
    lines: NotRequired[list[dict[str, str]]]  # {"order_line","order_line_id","sku"}, each empty where not shown


class EarlierLine(TypedDict):
    order_line: str  # the order's line; empty where the account does not say which
    sku: str
    quantity: int


class EarlierReturn(TypedDict):
    """A return authorisation that the account already holds for the order."""

    number: str
    external_ref: str
    status: str
    lines: list[EarlierLine]


class KnownCustomer(TypedDict):
    number: str
    active: bool


class OrderSnapshotAnswer(TypedDict):
    """`found` counts candidates; with 0 or more than 1 there is no order, with 1 it is a `FoundOrder`."""

    at: str
    found: int
    number: NotRequired[str]
    status: NotRequired[str]  # pending | fulfilled | closed | archived
    currency: NotRequired[str]
    customer: NotRequired[dict[str, Any]]  # {"number","active": bool}
    total: NotRequired[str]  # the order's own: what was to be paid for it, discounts taken off
    shipping: NotRequired[str]  # tax inside
    handling: NotRequired[str]  # tax inside
    discounts: NotRequired[list[Discount]]
    lines: NotRequired[list[OrderLine]]
    returns: NotRequired[list[EarlierReturn]]
    invoices: NotRequired[list[Invoice]]


class FoundOrder(TypedDict):
    """What the one order that was found cannot lack."""

    number: str
    status: str
    customer: KnownCustomer
    lines: list[OrderLine]


class InvoiceQuestion(TypedDict):
    """What is still open on the order's invoices; `order_number` is the sales order's number in the account."""

    order_id: str
    order_number: str


class InvoiceAnswer(TypedDict):
    at: str
    invoices: list[Invoice]


class AvailabilityQuestion(TypedDict):
    order_id: str
    sku: str
    item: str
    locations: list[str]


class AvailabilityAnswer(TypedDict):
    at: str
    item_exists: bool
    item_active: bool
    available: int


ANSWERS: Final = {
    DocumentKind.ORDER_SNAPSHOT: OrderSnapshotAnswer,
    DocumentKind.INVOICE: InvoiceAnswer,
    DocumentKind.AVAILABILITY: AvailabilityAnswer,
}
"""What the answer to each question looks like."""
