"""Which invoices a credit note is applied to, and what stays open (R05)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.cli._order_text import order_text
from adapters.views.order import describe
from streams.bodies import invoices_of
from streams.commands import Failure
from streams.documents.application import Credit, apportion
from streams.vocabulary import DocumentKind, ErrorKind
from tests.scenarios.messages import hat, refund, tee
from tests.unit.erp import Erp
from tests.unit.told import decision, snapshot

NOTE, APPLICATION = DocumentKind.CREDIT_NOTE, DocumentKind.CREDIT_APPLICATION


def invoice(number: str, still_open: str, day: str = "", *billed: str, **more: Any) -> dict[str, Any]:
    """An open invoice; `billed` are the order lines it names."""
    lines = [{"order_line": line, "order_line_id": "", "sku": ""} for line in billed]
    return {"number": number, "open": still_open, "currency": "GBP", "date": day, "lines": lines, **more}


def applied(erp: Erp) -> list[list[tuple[str, str]]]:
    return [[(one["number"], one["amount"]) for one in body["invoices"]] for body in erp.made(APPLICATION)]


def tees_back(erp: Erp, amount: str = "40.00", **changes: Any) -> None:
    erp.hear(snapshot(refunds=[refund("rf1", amount)], **changes))


def test_r05_the_invoice_that_billed_the_line_comes_first_though_it_is_the_younger() -> None:
    """The tees were billed on the second invoice; the hat's older one gets nothing of their credit."""
    invoices = [invoice("70", "14.95", "2026-11-01", "2"), invoice("71", "80.00", "2026-11-08", "1")]
    erp = Erp(invoices=invoices)
    tees_back(erp)
    assert applied(erp) == [[("71", "40.00")]]
    assert erp.made(APPLICATION)[0]["stays_open"] == "0.00"


def test_r05_what_the_lines_invoice_does_not_take_goes_to_the_oldest_open_one() -> None:
    """10.00 is open on the tees' invoice: 30.00 goes to the older of the others, as far as that goes, then on."""
    erp = Erp(
        invoices=[
            invoice("73", "50.00", "2026-11-09", "2"),
            invoice("72", "25.00", "2026-11-02", "2"),
            invoice("71", "10.00", "2026-11-08", "1"),
        ]
    )
    tees_back(erp)
    assert applied(erp) == [[("72", "25.00"), ("71", "10.00"), ("73", "5.00")]]


def test_r05_each_line_goes_to_its_own_invoice() -> None:
    """A note over a tee and the hat: 40.00 to the one that billed the tees, 10.00 to the hat's."""
    erp = Erp(invoices=[invoice("70", "94.95", "2026-11-01", "1"), invoice("71", "94.95", "2026-11-08", "2")])
    tees_back(erp, "50.00", lines=[tee(), hat()])
    assert applied(erp) == [[("70", "40.00"), ("71", "10.00")]]


def test_r05_a_fee_makes_the_credit_smaller_not_larger() -> None:
    """47.05 is credited: no more is applied than that, though the lines come to 50.00."""
    erp = Erp(invoices=[invoice("70", "94.95", "2026-11-01", "1"), invoice("71", "94.95", "2026-11-08", "2")])
    tees_back(erp, "47.05", lines=[tee(), hat()], fees=[{"kind": "logistics", "amount": "2.95"}])
    assert applied(erp) == [[("70", "40.00"), ("71", "7.05")]]


def test_r05_invoices_of_one_day_are_taken_by_their_number() -> None:
    """9 was made before 10, whatever their first digits are."""
    erp = Erp(invoices=[invoice("10", "94.95", "2026-11-01"), invoice("9", "15.00", "2026-11-01")])
    tees_back(erp)
    assert applied(erp) == [[("9", "15.00"), ("10", "25.00")]]


@pytest.mark.parametrize(
    "row",
    [
        {"order_line": "", "order_line_id": "ol1", "sku": "X"},
        {"order_line": "", "order_line_id": "", "sku": "TEE-RED-M"},
    ],
    ids=["by the channel's id", "by the SKU"],
)
def test_r05_an_invoice_that_numbers_its_rows_otherwise_is_known_by_them(row: dict[str, str]) -> None:
    """Where the order's line is not named, its id tells, else its SKU."""
    others = [invoice("70", "94.95", "2026-11-01", "2"), invoice("71", "94.95", "2026-11-08", lines=[row])]
    erp = Erp(invoices=others)
    tees_back(erp)
    assert applied(erp) == [[("71", "40.00")]]


@pytest.mark.parametrize(
    "row",
    [
        {"order_line": "2", "order_line_id": "ol1", "sku": "TEE-RED-M"},
        {"order_line": "", "order_line_id": "ol2", "sku": "TEE-RED-M"},
        {"order_line": "", "order_line_id": "", "sku": ""},
    ],
)
def test_r05_a_row_that_names_another_line_billed_that_one(row: dict[str, str]) -> None:
    """What names more exactly wins; nothing named is nothing billed."""
    erp = Erp(invoices=[invoice("70", "94.95", "2026-11-01"), invoice("71", "94.95", "2026-11-08", lines=[row])])
    tees_back(erp)
    assert applied(erp) == [[("70", "40.00")]]


def test_r05_invoices_in_another_currency_are_left_alone() -> None:
    """Currencies are never mixed (R21)."""
    erp = Erp(invoices=[invoice("70", "94.95", "2026-11-01", "1", currency="EUR"), invoice("71", "9.00", "2026-11-08")])
    tees_back(erp)
    assert applied(erp) == [[("71", "9.00")]]
    assert erp.made(APPLICATION)[0]["stays_open"] == "31.00"


def test_r05_the_second_note_sees_what_the_first_left() -> None:
    """Its question is asked after the first application, so that no invoice is given more than is open."""
    erp = Erp(invoices=[invoice("70", "50.00", "2026-11-01")])
    erp.silent.add(APPLICATION)
    erp.hear(snapshot(refunds=[refund("rf1", "40.00")]))
    erp.hear(snapshot(return_id="r2", lines=[hat()], refunds=[refund("rf2", "10.00")]))
    assert [command.subject for command in erp.asked if command.kind is APPLICATION] == ["rf1"]
    erp.order["invoices"] = [invoice("70", "10.00", "2026-11-01")]
    erp.speak(APPLICATION)
    assert applied(erp) == [[("70", "40.00")], [("70", "10.00")]]


@pytest.mark.parametrize("returns", [("r1", "r1"), ("r1", "r2"), ("r2", "r1")])
def test_r05_of_two_notes_posted_at_once_one_is_applied_after_the_other(returns: tuple[str, str]) -> None:
    """Both were asked about while 45.00 was open: the second does not believe what it heard before the first."""
    erp = Erp(invoices=[invoice("70", "45.00", "2026-11-01")])
    erp.silent |= {NOTE, APPLICATION}
    first, second = returns
    if first == second:
        erp.hear(snapshot(lines=[tee(), hat()], refunds=[refund("rf1", "40.00"), refund("rf2", "10.00")]))
    else:
        erp.hear(
            snapshot(return_id=first, refunds=[refund("rf1", "40.00")]),
            snapshot(return_id=second, lines=[hat()], refunds=[refund("rf2", "10.00")]),
        )
    erp.speak(NOTE)
    asked = [command for command in erp.asked if command.kind is APPLICATION]
    assert len(asked) == 1
    erp.order["invoices"] = [invoice("70", "5.00" if asked[0].body["amount"] == "40.00" else "35.00", "2026-11-01")]
    erp.speak(APPLICATION)
    assert sum(float(body["amount"]) for body in erp.made(APPLICATION)) == 45.0
    assert erp.exceptions() == []


@pytest.mark.parametrize("kind", [ErrorKind.BUG, ErrorKind.UNKNOWN_OUTCOME])
def test_r05_what_was_heard_before_an_application_of_unknown_end_is_not_believed(kind: ErrorKind) -> None:
    """The first may have taken its share all the same: what is open is asked again, and the second takes just that."""
    erp = Erp(invoices=[invoice("70", "45.00", "2026-11-01")])
    erp.silent |= {NOTE, APPLICATION}
    erp.hear(snapshot(lines=[tee(), hat()], refunds=[refund("rf1", "40.00"), refund("rf2", "10.00")]))
    erp.speak(NOTE)
    (first,) = [command for command in erp.asked if command.kind is APPLICATION]
    left = {"40.00": "5.00", "10.00": "35.00"}[first.body["amount"]]
    erp.order["invoices"] = [invoice("70", left, "2026-11-01")]
    erp.refuse[APPLICATION] = Failure(kind, "what became of it is not known")
    erp.row.absorb(erp.carry_out(first))
    del erp.refuse[APPLICATION]
    erp.speak(APPLICATION)
    assert applied(erp)[0] == [("70", left)]


def test_r05_each_try_of_an_application_of_unknown_end_has_the_other_ask_again() -> None:
    """Any of its tries may be the one that was applied; nothing is asked without end."""
    erp = Erp(invoices=[invoice("70", "94.95", "2026-11-01")])
    erp.refuse[APPLICATION] = Failure(ErrorKind.BUG, "no amount")
    erp.hear(snapshot(lines=[tee(), hat()], refunds=[refund("rf1", "40.00"), refund("rf2", "10.00")]))
    (one, _) = [letter.content for letter in erp.row.open_letters()]
    erp.hear(decision("retry", one["command"]))
    asked = [command for command in erp.asked if command.kind is DocumentKind.INVOICE]
    other = next(name for name in ("rf1", "rf2") if name != one["subject"])
    assert [command.body["after"] for command in asked if command.subject == other][-1] == 2


def shown(erp: Erp) -> tuple[dict[str, Any], str]:
    """The note as `order show` has it: its entry, and its line of text."""
    order = describe(erp.row, [])
    (entry,) = [one for one in order["documents"] if one["kind"] == "credit_note"]
    (line,) = [one for one in order_text(order, erp.now, erp.now.tzinfo) if f"  {entry['number']}  credit note" in one]  # type: ignore[arg-type]
    return entry, line


@pytest.mark.parametrize(
    ("invoices", "taken", "left", "says"),
    [
        ([invoice("70", "94.95")], "40.00", "0.00", "applied 40.00"),
        ([invoice("70", "10.00"), invoice("71", "5.00")], "15.00", "25.00", "applied 15.00, 25.00 stays open"),
        ([invoice("70", "0.00")], "0.00", "40.00", "applied 0.00, 40.00 stays open"),
        ([], "0.00", "40.00", "applied 0.00, 40.00 stays open"),
    ],
)
def test_r05_what_stays_open_is_said(invoices: list[dict[str, Any]], taken: str, left: str, says: str) -> None:
    """`order show` tells how much of the note the invoices took, and how much none of them takes."""
    erp = Erp(invoices=invoices)
    tees_back(erp)
    entry, line = shown(erp)
    assert (entry["applied"], entry["stays_open"]) == (taken, left)
    assert line.endswith(says)


def test_r05_nothing_is_said_before_it_is_decided() -> None:
    """While the account is asked, or the application is on its way, nobody can say what stays open."""
    for kind in (DocumentKind.INVOICE, APPLICATION):
        erp = Erp()
        erp.silent.add(kind)
        tees_back(erp)
        entry, line = shown(erp)
        assert (entry["applied"], entry["stays_open"]) == ("0.00", None)
        assert "open" not in line and "applied" not in line


def test_an_application_of_an_earlier_version_is_still_read() -> None:
    """It named one invoice, for the whole amount."""
    assert invoices_of({"invoice": "77", "amount": "40.00"}) == [{"number": "77", "amount": "40.00"}]


@given(
    amount=st.integers(1, 20_000),
    credits=st.lists(st.tuples(st.integers(-500, 9_000), st.frozensets(st.sampled_from("abcd"))), max_size=4),
    still_open=st.dictionaries(st.sampled_from("abcd"), st.integers(-500, 9_000)),
)
def test_an_application_is_as_large_as_it_can_be_and_never_larger(
    amount: int, credits: list[tuple[int, frozenset[str]]], still_open: dict[str, int]
) -> None:
    """All that is open is used before anything of the note stays open, and no invoice gets more than is open on it."""
    shares = apportion(amount, [Credit(*credit) for credit in credits], still_open)
    open_in_all = sum(max(left, 0) for left in still_open.values())
    assert sum(shares.values()) == min(amount, open_in_all)
    assert all(0 < share <= still_open[number] for number, share in shares.items())
    assert list(shares) == [number for number in still_open if number in shares]


@given(
    value=st.integers(1, 9_000),
    own=st.integers(0, 9_000),
    other=st.integers(0, 9_000),
    older=st.booleans(),
)
def test_a_line_fills_its_own_invoice_before_another(value: int, own: int, other: int, older: bool) -> None:
    """Whichever is older."""
    names = ("own", "other") if older else ("other", "own")
    still_open = {name: {"own": own, "other": other}[name] for name in names}
    shares = apportion(value, [Credit(value, frozenset({"own"}))], still_open)
    assert shares.get("own", 0) == min(value, own)
