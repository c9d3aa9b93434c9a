"""I5: a note that stands, or perhaps stands, counts until it is reversed, whatever the ids of the refunds."""

from __future__ import annotations

import pytest

from streams.commands import Failure
from streams.vocabulary import DocumentKind, ErrorKind
from tests.scenarios.messages import hat, refund, tee
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


@pytest.mark.parametrize("kind", [ErrorKind.MISMATCH, ErrorKind.DUPLICATE, ErrorKind.UNKNOWN_OUTCOME])
def test_i5_a_note_that_may_be_in_the_books_counts_though_it_was_not_done(kind: ErrorKind) -> None:
    """It stands for another amount, twice, or nobody knows: the next one would take the order over what was paid."""
    erp = second_refund_after(Failure(kind, "look at it"))
    assert erp.made(NOTE) == []
    (held,) = (letter.content for letter in erp.row.open_letters() if letter.content["refund_id"] == "rf2")
    assert (held["kind"], "GBP 30.00 too much" in held["reason"]) == ("mismatch", True)


@pytest.mark.parametrize("kind", [ErrorKind.REFUSED, ErrorKind.CLOSED, ErrorKind.NOT_FOUND])
def test_i5_a_note_that_was_refused_counts_for_nothing(kind: ErrorKind) -> None:
    """The account said no, so nothing is in its books: the next refund has the whole order to itself."""
    erp = second_refund_after(Failure(kind, "no"))
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf2"]


def second_refund_after(failure: Failure) -> Erp:
    """Of an order paid with 60.00, a refund of 40.00 whose note ended so, then another return's of 50.00."""
    erp = Erp(total="60.00")
    erp.refuse[NOTE] = failure
    erp.hear(snapshot(return_id="r2", refunds=[refund("rf1", "40.00")]))
    assert erp.exceptions() == [(failure.kind.value, NOTE.value)]
    erp.refuse.clear()
    # its id comes first, so this evaluation has not come to the other's note when it decides this one
    erp.hear(snapshot(return_id="r1", lines=[tee(), hat()], refunds=[refund("rf2", "50.00")]))
    return erp
