"""Each document has the day of its own cause, and each deadline runs from its own return: never from the order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from streams.commands import Failure
from streams.rowcodec import decode, encode
from streams.vocabulary import DocumentKind, ErrorKind
from tests.scenarios.messages import hat, refund, replacement, tee
from tests.unit.erp import START, Erp, rules
from tests.unit.told import decision, exception, inspected, snapshot

RMA, NOTE, EXCHANGE = DocumentKind.RETURN_AUTHORISATION, DocumentKind.CREDIT_NOTE, DocumentKind.EXCHANGE_ORDER
RECEIPT, MOVEMENT, REVERSAL = DocumentKind.ITEM_RECEIPT, DocumentKind.STOCK_MOVEMENT, DocumentKind.REVERSAL


def day(body: dict[str, Any]) -> str:
    return str(body["date"])[:10]


def dates(erp: Erp, kind: DocumentKind) -> list[str]:
    return [day(body) for body in erp.made(kind)]


def later(erp: Erp, days: int) -> str:
    """So many days go by; the day that it is then."""
    erp.pass_time(timedelta(days=days))
    return erp.now.date().isoformat()


TODAY = START.date().isoformat()


def test_c16_a_second_return_is_authorised_on_its_own_day() -> None:
    """Weeks after the order was first heard of."""
    erp = Erp()
    erp.hear(snapshot())
    then = later(erp, 21)
    erp.hear(snapshot(return_id="r2", lines=[hat()]))
    assert dates(erp, RMA) == [TODAY, then]


def test_c16_a_line_that_is_added_later_is_authorised_on_its_own_day() -> None:
    """And a quantity that changed on the day on which it changed."""
    erp = Erp()
    erp.hear(snapshot())
    then = later(erp, 9)
    erp.hear(snapshot(2, lines=[tee(), hat()]))
    assert dates(erp, RMA) == [TODAY, then]
    again = later(erp, 5)
    erp.hear(snapshot(3, lines=[tee(quantity=2, tax_amount="13.33"), hat()]))
    assert dates(erp, RMA)[2:] == [again]


def test_c16_a_second_returns_exchange_has_its_own_day() -> None:
    """In instant mode the day on which it was asked for."""
    erp = Erp()
    erp.hear(snapshot(lines=[hat()]))
    then = later(erp, 14)
    line = tee(request="exchange")
    erp.hear(snapshot(return_id="r2", type="exchange", lines=[line], replacements=[replacement()]))
    assert dates(erp, EXCHANGE) == [then]


@pytest.mark.parametrize("said", [{"verdict": "accepted"}, {"accepted_quantity": 1}])
def test_c16_in_standard_mode_an_exchange_has_the_day_of_its_acceptance(said: dict[str, Any]) -> None:
    """Later news about the return do not move it."""
    erp = Erp(using=rules(("approval = [] ", 'approval = ["exchange_order"] ')))
    line = tee(request="exchange")
    story = {"mode": "standard", "type": "exchange", "replacements": [replacement()]}
    erp.hear(snapshot(lines=[line], **story))
    then = later(erp, 6)
    erp.hear(snapshot(2, lines=[line | said], **story))
    later(erp, 3)
    erp.hear(snapshot(3, lines=[line | said], state="accepted", **story))
    (waits,) = (item for item in erp.row.waiting.values() if item.waits_for == "approval")
    erp.hear(decision("approve", command_id=waits.command_id))
    assert dates(erp, EXCHANGE) == [then]


def test_c16_a_refund_without_a_time_has_the_day_on_which_it_was_heard_of_as_paid() -> None:
    """Not the day of its return, and not that of the order."""
    erp = Erp()
    told = {name: value for name, value in refund("rf1", "40.00").items() if name != "executed_at"}
    erp.hear(snapshot(refunds=[told | {"state": "pending"}]))
    then = later(erp, 4)
    erp.hear(snapshot(2, refunds=[told]))
    assert dates(erp, NOTE) == [then]
    exact = Erp()
    exact.hear(snapshot(refunds=[refund("rf1", "40.00", executed_at="2026-11-20T23:30:00-02:00")]))
    assert [body["date"] for body in exact.made(NOTE)] == ["2026-11-21T01:30:00Z"]


def test_c16_a_reversal_has_the_day_of_the_decision() -> None:
    """The refund failed, and Finance said so 35 days later."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    erp.hear(snapshot(2, refunds=[refund("rf1", "40.00", "failed")]))
    held = exception(erp, "mismatch", "reversal")
    later(erp, 35)
    yes = decision("approve", held["command"])
    erp.hear(yes)
    (made,) = erp.made(REVERSAL)
    assert made["date"] == yes.at  # type: ignore[union-attr]
    assert datetime.fromisoformat(made["date"]).year == 2026


def test_c16_a_reversal_that_was_refused_is_not_sent_again_by_itself() -> None:
    """Its approval stands, and only a retry sends it again, with the same day."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    erp.hear(snapshot(2, refunds=[refund("rf1", "40.00", "failed")]))
    erp.refuse[REVERSAL] = Failure(ErrorKind.REFUSED, "no")
    yes = decision("approve", exception(erp, "mismatch", "reversal")["command"])
    erp.hear(yes)
    held = exception(erp, "refused", "reversal")
    erp.refuse.clear()
    later(erp, 2)
    assert erp.made(REVERSAL) == []
    erp.hear(decision("retry", held["command"]))
    assert [body["date"] for body in erp.made(REVERSAL)] == [yes.at]  # type: ignore[union-attr]


def test_c16_goods_that_are_kept_from_sale_later_are_moved_on_that_day() -> None:
    """By the message's own time: inspected on the 20th, kept back on the 24th."""
    erp = Erp()
    erp.hear(snapshot(), inspected(("l1", "TEE-RED-M", 1, "sellable")))
    erp.hear(snapshot(2, lines=[tee(restock=False)], updated_at="2026-11-24T09:00:00Z"))
    assert (dates(erp, RECEIPT), dates(erp, MOVEMENT)) == (["2026-11-20"], ["2026-11-24"])


@pytest.mark.parametrize("how", ["rejected", "found to be fewer"])
def test_c16_goods_that_leave_the_sellable_stock_leave_it_on_the_day_on_which_that_was_said(how: str) -> None:
    """By Reveni's rejection, or by the inspection that was corrected."""
    erp = Erp()
    line = tee(quantity=2, tax_amount="13.33")
    erp.hear(snapshot(lines=[line]), inspected(("l1", "TEE-RED-M", 2, "sellable")))
    if how == "rejected":
        erp.hear(snapshot(2, lines=[line | {"verdict": "rejected"}], updated_at="2026-11-25T09:00:00Z"))
        assert dates(erp, MOVEMENT) == ["2026-11-25"]
    else:
        erp.hear(inspected(("l1", "TEE-RED-M", 1, "sellable"), version=2))
        assert dates(erp, MOVEMENT) == ["2026-11-20"]


def half(return_id: str, version: int = 1) -> Any:
    return snapshot(version, return_id=return_id, refunds=[refund(f"rf-{return_id}", "20.00")])


def test_c16_a_second_return_is_not_overdue_by_the_age_of_its_order() -> None:
    """40 days later 20.00 of its 40.00 are refunded: it is posted, until its own 30 days are over."""
    erp = Erp()
    erp.hear(snapshot(lines=[hat()]))
    later(erp, 40)
    erp.hear(half("r2"))
    assert ([body["amount"] for body in erp.made(NOTE)], erp.exceptions()) == (["20.00"], [])
    later(erp, 29)
    assert erp.exceptions() == []
    later(erp, 2)
    assert "GBP 20.00 too little" in exception(erp, "mismatch", "credit_note")["reason"]


def test_c16_a_return_is_overdue_by_its_own_age() -> None:
    """What is paid after its 30 days is held."""
    erp = Erp()
    erp.hear(snapshot())
    later(erp, 31)
    erp.hear(half("r1", 2))
    assert erp.made(NOTE) == []
    assert "too little" in exception(erp, "mismatch", "credit_note")["reason"]


def test_c16_what_is_waited_for_is_owed_from_when_the_wait_began() -> None:
    """A second return's inspection is due three days after it was received."""
    erp = Erp()
    erp.hear(snapshot(lines=[hat()]))
    later(erp, 40)
    erp.hear(snapshot(return_id="r2", state="received"))
    (item,) = (item for item in erp.row.waiting.values() if item.waits_for == "inspection")
    assert datetime.fromisoformat(item.due) == erp.now + timedelta(hours=72)
    assert not erp.row.is_late(item.key)


def test_c16_the_first_news_of_a_return_is_the_earliest_whatever_the_order_of_arrival() -> None:
    """Rows that meet keep the earlier one, and bytes keep it."""
    first, second = Erp(), Erp()
    first.row.absorb(snapshot(), "2026-11-27T10:00:00.000Z")
    second.row.absorb(snapshot(2), "2026-11-27T09:00:00.000Z")
    for mine, theirs in ((first, second), (second, first)):
        row = decode(encode(mine.row))
        row.join(decode(encode(theirs.row)))
        assert row.returns["r1"].news == {"": "2026-11-27T09:00:00.000Z", "line/l1/1": "2026-11-27T09:00:00.000Z"}


def test_a_refusal_is_not_tried_again_because_a_date_moved() -> None:
    """A wrong amount stands in the books: another date must not post the note a second time."""
    erp = Erp()
    told = {name: value for name, value in refund("rf1", "40.00").items() if name != "executed_at"}
    erp.refuse[NOTE] = Failure(ErrorKind.MISMATCH, "it stands there with another amount")
    erp.hear(snapshot(refunds=[told]))
    erp.refuse.clear()
    erp.hear(snapshot(2, refunds=[told | {"executed_at": "2026-11-21T09:00:00Z"}]))
    assert erp.made(NOTE) == []
    assert exception(erp, "mismatch", "credit_note")["refund_id"] == "rf1"


def test_r22_a_note_held_by_a_closed_period_goes_out_when_its_date_is_put_right() -> None:
    """There another date is another document."""
    erp = Erp()
    erp.refuse[NOTE] = Failure(ErrorKind.CLOSED, "the period is closed")
    erp.hear(snapshot(refunds=[refund("rf1", "40.00", executed_at="2026-09-20T09:00:00Z")]))
    erp.refuse.clear()
    erp.hear(snapshot(2, refunds=[refund("rf1", "40.00", executed_at="2026-11-20T09:00:00Z")]))
    assert dates(erp, NOTE) == ["2026-11-20"]


@pytest.mark.parametrize(("start", "made"), [("2026-11-20T09:01:01Z", 0), ("2026-11-20T09:01:00Z", 1)])
def test_l01_a_return_whose_news_are_all_from_before_the_cut_over_is_somebody_elses(start: str, made: int) -> None:
    """Neither authorised, nor credited, nor received, nor exchanged, nor said to come to too little."""
    erp = Erp(using=rules(("start_from = 2026-11-01T00:00:00Z", f"start_from = {start}")))
    exchanged = hat("l2", request="exchange")
    erp.hear(
        snapshot(
            type="mixed",
            lines=[tee(), exchanged],
            replacements=[replacement("HAT-2", "l2", unit_price="10.00")],
            refunds=[refund("rf1", "40.00")],
        ),
        snapshot(return_id="r2", lines=[hat(request="exchange")], replacements=[replacement("HAT-9", "l2")]),
        inspected(("l1", "TEE-RED-M", 1, "sellable")),
    )
    kinds = (RMA, NOTE, EXCHANGE, RECEIPT)
    assert [len([body for body in erp.made(kind) if body["return_id"] == "r1"]) for kind in kinds] == [made] * 4
    if not made:
        assert (erp.documents, erp.exceptions(), erp.waiting()) == ([], [], [])
