"""Refunds that cannot be told from others or read: each is shown to Finance with its amount, and the others go on."""

from __future__ import annotations

from typing import Any

import pytest

from streams.vocabulary import DocumentKind
from tests.scenarios.messages import hat, refund, tee
from tests.unit.erp import Erp
from tests.unit.told import decision, exception, inspected, snapshot

NOTE, RMA = DocumentKind.CREDIT_NOTE, DocumentKind.RETURN_AUTHORISATION
BOTH = [tee(), hat()]


def nameless(amount: str, **changes: Any) -> dict[str, Any]:
    entry = refund("", amount, **changes)
    del entry["refund_id"]
    return entry


def shown(erp: Erp) -> list[tuple[str, str, str, str]]:
    """(kind, owner, amount, return) of each open exception about money."""
    found = [letter.content for letter in erp.row.open_letters() if letter.content["step"] == "credit_note"]
    return sorted((one["kind"], one["owner"], one["amount"], one["return_id"]) for one in found)


@pytest.mark.parametrize("odd", [{}, {"refund_id": None}, {"refund_id": ""}, {"refund_id": {"id": 1}}])
def test_c12_a_paid_refund_without_an_id_is_finances_and_the_other_one_posts(odd: dict[str, Any]) -> None:
    """No note can be told to be its: the exception says the amount."""
    erp = Erp()
    erp.hear(snapshot(lines=BOTH, refunds=[nameless("40.00") | odd, refund("rf2", "10.00")]))
    assert [(body["refund_id"], body["amount"]) for body in erp.made(NOTE)] == [("rf2", "10.00")]
    assert [body["refund_id"] for body in erp.made(DocumentKind.CREDIT_APPLICATION)] == ["rf2"]
    assert shown(erp) == [("invalid", "finance", "40.00", "r1")]
    held = exception(erp, "invalid")
    assert "a refund (GBP 40.00, paid) has no refund_id" in held["reason"]
    assert held["currency"] == "GBP"


@pytest.mark.parametrize("told", [refund("rf1", "40.00"), {"rf1": refund("rf1", "40.00")}])
def test_c12_refunds_that_are_an_object_are_finances(told: Any) -> None:
    """The list is none, so nothing in it is used, and nothing of it is lost."""
    erp = Erp()
    erp.hear(snapshot(refunds=told))
    assert erp.made(NOTE) == []
    assert shown(erp) == [("invalid", "finance", "40.00", "r1")]
    assert len(erp.made(RMA)) == 1


def test_c12_refunds_that_are_a_text_are_finances() -> None:
    """What was told is repeated, and a note made before stands."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    erp.hear(snapshot(2, refunds="rf1: 40.00"))
    assert len(erp.made(NOTE)) == 1
    held = exception(erp, "invalid")
    assert (held["owner"], "'rf1: 40.00'" in held["reason"]) == ("finance", True)


def test_c12_of_two_refunds_with_one_id_none_is_posted_and_both_are_shown() -> None:
    """Neither wins; told once again the refund is posted, and what it does not answer stays with Finance."""
    erp = Erp()
    erp.hear(snapshot(lines=BOTH, refunds=[refund("rf1", "40.00"), refund("rf1", "10.00")]))
    assert erp.made(NOTE) == []
    assert shown(erp) == [("invalid", "finance", "10.00", "r1"), ("invalid", "finance", "40.00", "r1")]
    erp.hear(snapshot(2, lines=BOTH, refunds=[refund("rf1", "40.00"), refund("rf2", "10.00")]))
    assert sorted(body["amount"] for body in erp.made(NOTE)) == ["10.00", "40.00"]
    assert erp.exceptions() == []


def test_c12_a_refund_known_before_it_came_twice_is_held_while_it_is_in_dispute() -> None:
    """Three sentences, one for each that was told; no note is sent meanwhile."""
    erp = Erp()
    erp.silent.add(DocumentKind.ORDER_SNAPSHOT)
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    erp.hear(snapshot(2, refunds=[refund("rf1", "40.00"), refund("rf1", "30.00")]))
    erp.speak(DocumentKind.ORDER_SNAPSHOT)
    assert erp.made(NOTE) == []
    assert [amount for _, _, amount, _ in shown(erp)] == ["30.00", "40.00", "40.00"]


def test_c12_a_note_made_before_its_refund_came_twice_stands_beside_the_exceptions() -> None:
    """It was right by what was known; nothing is posted a second time."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    erp.hear(snapshot(2, refunds=[refund("rf1", "40.00"), refund("rf1", "30.00")]))
    assert [body["amount"] for body in erp.made(NOTE)] == ["40.00"]
    assert "30.00" in [amount for _, _, amount, _ in shown(erp)]


@pytest.mark.parametrize("first", [1, 2])
def test_c12_told_with_its_id_in_a_newer_message_it_posts_and_the_exception_ends(first: int) -> None:
    """Whichever of the two messages comes first."""
    erp = Erp()
    told = {1: snapshot(1, refunds=[nameless("40.00")]), 2: snapshot(2, refunds=[refund("rf1", "40.00")])}
    erp.hear(told[first])
    erp.hear(told[3 - first])
    assert [body["amount"] for body in erp.made(NOTE)] == ["40.00"]
    assert erp.exceptions() == []


@pytest.mark.parametrize("later", [[], [refund("rf2", "10.00")]])
def test_c12_left_out_of_a_newer_list_it_stays_with_finance(later: list[Any]) -> None:
    """Absence never withdraws money; a refund of another amount says nothing of it."""
    erp = Erp()
    erp.hear(snapshot(1, lines=BOTH, refunds=[nameless("40.00")]))
    erp.hear(snapshot(2, lines=BOTH, refunds=later))
    assert shown(erp) == [("invalid", "finance", "40.00", "r1")]


def test_c12_two_that_are_alike_need_two_answers() -> None:
    """One refund with an id of their amount answers one of them."""
    erp = Erp()
    erp.hear(snapshot(1, lines=BOTH, refunds=[nameless("20.00"), nameless("20.00")]))
    assert len(shown(erp)) == 2
    erp.hear(snapshot(2, lines=BOTH, refunds=[refund("rf1", "20.00")]))
    assert shown(erp) == [("invalid", "finance", "20.00", "r1")]
    erp.hear(snapshot(3, lines=BOTH, refunds=[refund("rf1", "20.00"), refund("rf2", "20.00")]))
    assert erp.exceptions() == []


def test_c12_one_that_was_beside_it_all_the_time_is_no_answer() -> None:
    """Two of 20.00 were told, one of them with an id; the other one is still owed an answer."""
    erp = Erp()
    erp.hear(snapshot(1, lines=BOTH, refunds=[nameless("20.00"), refund("rf1", "20.00")]))
    erp.hear(snapshot(2, lines=BOTH, refunds=[refund("rf1", "20.00")]))
    assert shown(erp) == [("invalid", "finance", "20.00", "r1")]


def test_c12_one_that_failed_or_was_never_paid_needs_nobody_once_it_is_gone() -> None:
    """No money went out under it."""
    erp = Erp()
    erp.hear(snapshot(1, refunds=[nameless("40.00", state="failed"), nameless("30.00", state="pending")]))
    assert [amount for _, _, amount, _ in shown(erp)] == ["30.00"]
    erp.hear(snapshot(2, refunds=[]))
    assert erp.exceptions() == []


def test_c12_a_refund_id_that_two_returns_have_posts_for_one_and_is_shown_for_the_other() -> None:
    """Notes are called by the refund's id: the second return's would have been taken for the first's."""
    erp = Erp()
    erp.hear(snapshot(return_id="r2", lines=[hat()], refunds=[refund("rf1", "10.00")]))
    erp.hear(snapshot(return_id="r1", lines=[tee()], refunds=[refund("rf1", "40.00"), refund("rf9", "0.01")]))
    assert [(body["return_id"], body["amount"]) for body in erp.made(NOTE)] == [("r2", "10.00"), ("r1", "0.01")]
    assert shown(erp) == [("invalid", "finance", "40.00", "r1")]
    assert "has the id of a refund of return r2" in exception(erp, "invalid")["reason"]


def test_c12_a_note_stays_that_of_its_return_though_the_return_cannot_be_read_any_more() -> None:
    """A second return with that refund id is shown, not taken for credited."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    erp.hear(snapshot(2, currency="nothing"))
    erp.hear(snapshot(return_id="r2", lines=[hat()], refunds=[refund("rf1", "10.00")]))
    assert [body["amount"] for body in erp.made(NOTE)] == ["40.00"]
    assert shown(erp) == [("invalid", "finance", "10.00", "r2")]


def test_c12_finance_may_reject_it_or_say_that_it_was_done_by_hand() -> None:
    """Either ends the exception, and nothing is sent."""
    for kind, more in (("reject", {}), ("done_by_hand", {"number": "CM-7"})):
        erp = Erp()
        erp.hear(snapshot(refunds=[nameless("40.00")]))
        erp.hear(decision(kind, exception(erp, "invalid")["command"], **more))
        assert (erp.exceptions(), erp.made(NOTE)) == ([], [])


@pytest.mark.parametrize("executed_at", ["27/11/2026 09:30", 1795771797, "0001-01-01T00:00:00+14:00", {"at": "now"}])
def test_a1_a_time_that_cannot_be_read_is_invalid_for_that_refund_alone(executed_at: Any) -> None:
    """The note of the other refund, its application and the authorisation are made."""
    erp = Erp()
    bad = refund("rf1", "40.00") | {"executed_at": executed_at}
    erp.hear(snapshot(lines=BOTH, refunds=[bad, refund("rf2", "10.00")]))
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf2"]
    assert len(erp.made(DocumentKind.CREDIT_APPLICATION)) == len(erp.made(RMA)) == 1
    assert shown(erp) == [("invalid", "finance", "40.00", "r1")]
    erp.hear(snapshot(2, lines=BOTH, refunds=[refund("rf1", "40.00"), refund("rf2", "10.00")]))
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf2", "rf1"]
    assert erp.exceptions() == []


@pytest.mark.parametrize(("spoilt", "says"), [({"amount": 40}, "GBP 40"), ({"currency": "pounds"}, "pounds '40.00'")])
def test_c12_an_amount_that_cannot_be_read_is_repeated_as_it_was_told(spoilt: dict[str, Any], says: str) -> None:
    """The exception has no amount to reckon with, and its sentence has what was told."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "40.00") | spoilt]))
    held = exception(erp, "invalid")
    assert (held["amount"], held["currency"], says in held["reason"]) == ("", "", True)


def test_a1_a_posted_refund_that_makes_no_sense_any_more_is_told() -> None:
    """The note stands; a newer message spoils its refund."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    erp.hear(snapshot(2, refunds=[refund("rf1", "-1.00")]))
    assert len(erp.made(NOTE)) == 1
    assert (exception(erp, "invalid")["owner"], erp.waiting()) == ("finance", [])


@pytest.mark.parametrize("currency", [None, "gbp", {"code": "GBP"}])
def test_c12_a_return_that_cannot_be_read_shows_the_money_it_names(currency: Any) -> None:
    """Without its currency no part of it can be used; Finance sees what was paid."""
    erp = Erp()
    others = [refund(name, "8.00", state, kind="goodwill") for name, state in (("rf8", "pending"), ("rf9", "failed"))]
    told = [refund("rf1", "40.00"), nameless("10.00", currency=None), *others]
    erp.hear(snapshot(currency=currency, refunds=told))
    assert erp.documents == []
    held = exception(erp, "invalid", "order")
    assert (held["owner"], held["return_id"]) == ("finance", "r1")
    assert "refund rf1 (GBP 40.00, paid)" in held["reason"]
    assert "a refund ('10.00', paid)" in held["reason"]
    assert "rf8" not in held["reason"]
    assert "rf9" not in held["reason"]
    erp.hear(snapshot(2, refunds=[refund("rf1", "40.00")]))
    assert [body["amount"] for body in erp.made(NOTE)] == ["40.00"]


@pytest.mark.parametrize(("state", "owner"), [("paid", "finance"), ("pending", "finance"), ("failed", "engineering")])
def test_c12_a_return_that_cannot_be_read_is_finances_where_money_may_have_gone_out(state: str, owner: str) -> None:
    """Else it is for those who mend messages."""
    erp = Erp()
    erp.hear(snapshot(currency="gbp", refunds=[refund("rf1", "40.00", state)]))
    assert exception(erp, "invalid", "order")["owner"] == owner


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"lines": "l1"}, "lines of return r1 is not a list"),
        ({"lines": {"l1": tee()}}, "lines of return r1 is not a list"),
        ({"lines": [tee(), None]}, "lines[1] of return r1 is not an object"),
        ({"lines": [tee(), tee(line_id=None)]}, "line (without an id) has no line_id"),
        ({"replacements": "TEE-RED-L"}, "replacements of return r1 is not a list"),
        ({"fees": {"kind": "logistics", "amount": "2.95"}}, "fees of return r1 is not a list"),
        ({"bonuses": 5}, "bonuses of return r1 is not a list"),
        ({"shipping_refund": 4.95}, "shipping_refund is a float"),
    ],
)
def test_c12_a_list_that_is_none_holds_the_refund_with_its_amount(changes: dict[str, Any], says: str) -> None:
    """What the return comes to is not known, so its goods note waits for a person; goodwill goes on."""
    erp = Erp()
    erp.hear(snapshot(refunds=[refund("rf1", "40.00"), refund("rf2", "5.00", kind="goodwill")], **changes))
    assert [body["refund_id"] for body in erp.made(NOTE)] == ["rf2"]
    held = [letter.content for letter in erp.row.open_letters() if letter.content["refund_id"] == "rf1"]
    assert [(one["kind"], one["amount"], says in one["reason"]) for one in held] == [("invalid", "40.00", True)]


@pytest.mark.parametrize("lines", ["l1", [None], [tee(line_id=None)], {}])
def test_lines_that_cannot_be_read_are_shown_though_nothing_was_refunded(lines: Any) -> None:
    """No authorisation can be made of them, and somebody is told."""
    erp = Erp()
    erp.hear(snapshot(lines=lines))
    assert erp.documents == []
    assert exception(erp, "invalid", "return_authorisation")["owner"] == "engineering"


def test_lines_that_cannot_be_read_take_nothing_back() -> None:
    """An authorisation that is made is not closed because a newer message says nothing that can be read."""
    erp = Erp()
    erp.hear(snapshot())
    erp.hear(snapshot(2, lines="l1"))
    assert [command.kind for command, _ in erp.documents] == [RMA]
    assert exception(erp, "invalid", "return_authorisation")["return_id"] == "r1"
    erp.hear(snapshot(3), inspected(("l1", "TEE-RED-M", 1, "sellable")))
    assert [command.kind for command, _ in erp.documents] == [RMA, DocumentKind.ITEM_RECEIPT]
    assert erp.exceptions() == []
