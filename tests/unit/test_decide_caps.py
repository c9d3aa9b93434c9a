"""I5: a note that is posted counts until it is reversed, whatever the ids of the refunds."""

from __future__ import annotations

from streams.vocabulary import DocumentKind
from tests.scenarios.messages import refund, tee
from tests.unit.erp import Erp
from tests.unit.told import decision, exception, snapshot

NOTE = DocumentKind.CREDIT_NOTE


def test_i5_a_refund_paid_again_waits_until_the_failed_ones_note_is_reversed() -> None:
    """Paid, posted, failed, paid anew under a lower id: held as too much; after the reversal it posts by itself."""
    erp = Erp()
    line = tee(quantity=2, tax_amount="13.33")
    erp.hear(snapshot(lines=[line], refunds=[refund("rf-b", "80.00")]))
    assert [body["amount"] for body in erp.made(NOTE)] == ["80.00"]
    again = [refund("rf-a", "80.00"), refund("rf-b", "80.00", "failed")]
    erp.hear(snapshot(2, lines=[line], refunds=again))
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf-b"]
    assert "too much" in exception(erp, "mismatch", NOTE.value)["reason"]
    reversal = exception(erp, "mismatch", DocumentKind.REVERSAL.value)
    erp.hear(decision("approve", reversal["command"]))
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf-b", "rf-a"]
    assert erp.exceptions() == []
