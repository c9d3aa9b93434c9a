"""What NetSuite gets about an order, in which order, and why.

Read from top to bottom: the authorisation at once, the credit note when the refund is paid, its application while the
invoice is open, the goods once inspected, the exchange once its stock is known; and what takes each of them back.
"""

from __future__ import annotations

from streams.documents import application, authorisation, credit, exchange, goods, refunds
from streams.playbook import Playbook, Step
from streams.vocabulary import DocumentKind

NETSUITE = Playbook(
    system="netsuite",
    version=1,
    steps=(
        Step(
            DocumentKind.RETURN_AUTHORISATION,
            authorisation.each_return,
            authorisation.authorisation,
            when=(authorisation.authorised,),
            deadline="return_authorisation",
            changed=authorisation.authorisation_changed,
            role="order_authority",
        ),
        Step(
            DocumentKind.CREDIT_NOTE,
            refunds.each_refund,
            credit.credit_note,
            when=(refunds.paid,),
            after=(DocumentKind.RETURN_AUTHORISATION,),
            deadline="credit_note",
            changed=credit.note_changed,
            role="finance_ledger",
        ),
        Step(
            DocumentKind.CREDIT_APPLICATION,
            credit.each_posted_note,
            application.application,
            after=(DocumentKind.CREDIT_NOTE,),
            role="finance_ledger",
        ),
        Step(
            DocumentKind.ITEM_RECEIPT,
            goods.each_lot,
            goods.receipt,
            when=(goods.inspected, goods.nothing_is_being_taken_back, authorisation.not_being_replaced),
            after=(DocumentKind.RETURN_AUTHORISATION,),
            role="stock_ledger",
        ),
        Step(
            DocumentKind.STOCK_MOVEMENT,
            goods.each_move,
            goods.movement,
            when=(goods.inspected,),
            role="stock_ledger",
        ),
        Step(
            DocumentKind.EXCHANGE_ORDER,
            exchange.each_exchange,
            exchange.exchange_order,
            when=(exchange.exchange_is_due,),
            deadline="exchange_order",
            changed=exchange.exchange_changed,
            role="order_desk",
        ),
        Step(
            DocumentKind.REVERSAL,
            credit.each_failed_note,
            credit.reversal,
            role="finance_ledger",
        ),
        Step(
            DocumentKind.RETURN_CLOSING,
            authorisation.each_closed_return,
            authorisation.closing,
            when=(authorisation.notes_are_made,),
            role="order_authority",
        ),
    ),
)
