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
