"""Who mends an exception: the table behind the console's wording, in one place."""

from __future__ import annotations

from streams.vocabulary import DocumentKind, ErrorKind, Owner


def owner_of(kind: ErrorKind, document: DocumentKind) -> Owner:
    """Who mends an exception of a kind, where the exception does not say (the table of the console's wording)."""
    goods = document in (DocumentKind.ITEM_RECEIPT, DocumentKind.STOCK_MOVEMENT)
    match kind:
        case ErrorKind.AUTH | ErrorKind.BUG | ErrorKind.TOO_LARGE | ErrorKind.INVALID:
            return Owner.ENGINEERING
        case ErrorKind.NOT_FOUND:
            return Owner.OPERATIONS
        case ErrorKind.OUT_OF_STOCK:
            return Owner.CX
        case ErrorKind.UNMAPPED:
            return Owner.ECOMMERCE
        case ErrorKind.UNKNOWN_OUTCOME | ErrorKind.REFUSED:
            if goods:
                return Owner.WAREHOUSE
            return Owner.CX if document is DocumentKind.EXCHANGE_ORDER else Owner.FINANCE
        case ErrorKind.MISMATCH:
            return Owner.WAREHOUSE if goods else Owner.FINANCE
        case _:
            return Owner.FINANCE


_NEXT: dict[ErrorKind, str] = {
    ErrorKind.UNMAPPED: "Publish a profile with the mapping, or map a SKU for this order; all that wait for it go on.",
    ErrorKind.INVALID: "Ask the sender to send it again, put right.",
    ErrorKind.MISMATCH: "Compare; then post anyway, reject, or have it put right at the source.",
    ErrorKind.OUT_OF_STOCK: "Retry when stock is back, or agree a refund with the shopper.",
    ErrorKind.NOT_FOUND: "Name the order; all lines are kept.",
    ErrorKind.CLOSED: "Open the period or say done by hand; or let the profile post to the next open one.",
    ErrorKind.DUPLICATE: "Say whether it is two (post anyway) or one (reject).",
    ErrorKind.REFUSED: "Put it right in the other system, then retry.",
    ErrorKind.AUTH: "Renew the credentials and run doctor; the account waits meanwhile.",
    ErrorKind.TOO_LARGE: "Split it at the source and send it again; it is kept whole.",
    ErrorKind.UNKNOWN_OUTCOME: "Look in the other system: then done by hand with its number, or retry.",
    ErrorKind.BUG: "Nothing for you; Engineering mends it, then replays.",
}


def next_step(kind: str) -> str:
    """What to do about an exception of a kind (E01), in one sentence; empty for a kind not known here."""
    return _NEXT[ErrorKind(kind)] if kind in frozenset(ErrorKind) else ""
