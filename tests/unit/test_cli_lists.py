"""Lists on terminals of any width, and text from outside that must not act on them."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from adapters.cli._escape import visible
from adapters.cli._lists import laid_out, plain_table

COLUMNS = ("order", "step", "kind", "owner", "since", "amount", "dlq id", "reason, and what to do")
REASON = (
    "NetSuite has no code for tax code GB-ZERO, so the credit note cannot be made. "
    "Publish a profile with the mapping; all that wait for it go on."
)
LONG = "c7a7ir2x5vjsx77ulsfmyauk5f452q3e"
ROWS = [
    ["5001", "credit note rf1", "unmapped", "finance", "2 h 13 min", "GBP 6,918.40", LONG, REASON],
    ["500000000000000000000000002", f"item receipt ins-1/l1/TEE-RED-M/{LONG}", "mismatch", "warehouse", "45 s", "-",
     LONG.replace("c7", "x7"), "Short."],
]  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160, 240])
def test_a_list_is_readable_at_every_width(width: int) -> None:
    """Every id, amount, kind, owner and age is whole and on one line; sentences lose no word; nothing is too wide."""
    lines = laid_out(COLUMNS, ROWS, width)
    text = " ".join(" ".join(lines).split())
    for row in ROWS:
        for cell in row[:-1]:
            assert cell == "-" or any(cell in line for line in lines), cell
    for word in REASON.split():
        assert word in text
    assert all(cell_len(line) <= width or LONG[2:] in line for line in lines)


def test_a_wide_terminal_has_a_table_and_a_narrow_one_entries() -> None:
    assert laid_out(COLUMNS, ROWS[:1], 300)[0].split()[:3] == ["ORDER", "STEP", "KIND"]
    narrow = laid_out(COLUMNS, ROWS[:1], 80)
    assert narrow[0] == "order 5001 · step credit note rf1 · kind unmapped · owner finance"
    assert narrow[1:3] == ["  since 2 h 13 min · amount GBP 6,918.40", f"  dlq id {LONG}"]
    assert narrow[3].startswith("  NetSuite has no code for tax code GB-ZERO, so ")


def test_a_sentence_wraps_inside_its_column_where_there_is_room() -> None:
    rows = [["5001", "word " * 20]]
    lines = laid_out(("order", "why"), [[cell.strip() for cell in row] for row in rows], 60)
    assert lines[0] == "ORDER  WHY"
    assert lines[1].startswith("5001   word") and lines[2].startswith("       word")
    assert all(len(line) <= 60 for line in lines)


def test_entries_are_parted_by_an_empty_line() -> None:
    lines = laid_out(COLUMNS, ROWS, 60)
    assert lines.count("") == 1
    assert lines[lines.index("") + 1].startswith("order 5000")


def test_wide_characters_keep_the_columns() -> None:
    """A CJK character takes two columns."""
    lines = plain_table(("a", "b"), [["東京", "x"], ["abcd", "y"]])
    assert [cell_len(line) for line in lines] == [7, 7, 7]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202ecba", "abc\\u202ecba"),
        ("a\u200bb\ufeffc", "a\\u200bb\\ufeffc"),
        ("a\x00b\x7f", "a\\x00b\\x7f"),
        ("a\rb\tc", "a\\x0db\\x09c"),
        ("a\u2028b", "a\\u2028b"),
        ("\U000e0041", "\\U000e0041"),
        ("Zürich 東京 £5 · ok", "Zürich 東京 £5 · ok"),
    ],
)
def test_what_could_act_on_a_terminal_is_shown_instead(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_our_own_line_feeds_stay() -> None:
    assert visible("one\ntwo\u200b") == "one\ntwo\\u200b"
