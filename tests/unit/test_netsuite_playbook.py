"""What NetSuite gets, from whom, by when and after what: the playbook against what the contract says (CONTRACTS 6)."""

from __future__ import annotations

from adapters.netsuite.playbook import NETSUITE
from streams.vocabulary import DocumentKind

OF_ROLE = {
    "order_authority": {"return_authorisation", "return_closing"},
    "finance_ledger": {"credit_note", "credit_application", "reversal"},
    "stock_ledger": {"item_receipt", "stock_movement"},
    "order_desk": {"exchange_order"},
}
WAITS_FOR = {
    "credit_note": ("return_authorisation",),
    "credit_application": ("credit_note",),
    "item_receipt": ("return_authorisation",),
}
DUE = {"return_authorisation", "credit_note", "exchange_order"}


def test_each_document_goes_to_the_account_that_holds_its_role() -> None:
    """Every kind of document once, and none of them to another ledger."""
    told = {(step.kind.value, step.role) for step in NETSUITE.steps}
    assert told == {(kind, role) for role, kinds in OF_ROLE.items() for kind in kinds}
    assert len(NETSUITE.steps) == len(told) == len([kind for kind in DocumentKind if not kind.is_question])
    assert (NETSUITE.system, NETSUITE.version) == ("netsuite", 1)


def test_each_document_waits_for_what_it_is_made_from() -> None:
    """A note for its authorisation, an application for its note, goods for the authorisation; nothing else waits."""
    assert {
        step.kind.value: tuple(kind.value for kind in step.after) for step in NETSUITE.steps if step.after
    } == WAITS_FOR


def test_what_is_owed_by_a_deadline_has_one_of_its_own_name() -> None:
    """V02: authorisation, note and exchange."""
    assert {step.kind.value: step.deadline for step in NETSUITE.steps if step.deadline} == {kind: kind for kind in DUE}
