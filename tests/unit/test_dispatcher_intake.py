"""What is no command to the account goes no further, whatever its bytes are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dispatcher.intake import LONGEST_COMMAND, NotACommand, read_command
from streams.commands import Command
from streams.vocabulary import ErrorKind
from tests.dispatcher_bench import command

ASKED = command(look_first=True, adopt_since="2026-11-20T00:00:00Z", asked_at="2026-11-27T09:30:00Z", subject="rf9")


def read(changes: dict[str, Any]) -> Command:
    return read_command(orjson.dumps({**ASKED.as_json(), **changes}), "erp")


@pytest.mark.parametrize("asked", [ASKED, command(), command(void=True), command(shadow=True), command(revision=9)])
def test_a_command_is_read_as_it_was_written(asked: Command) -> None:
    """Every field of it."""
    assert read_command(asked.encode(), "erp") == asked


def test_a_command_of_the_release_before_is_read() -> None:
    """Fields that it did not know have their defaults."""
    bare = {name: value for name, value in ASKED.as_json().items() if name not in ("asked_at", "shadow", "void")}
    assert read_command(orjson.dumps(bare), "erp") == replace(ASKED, asked_at="")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"account": "other"}, "ValueError: it is for account 'other'"),
        ({"id": "~owner"}, "ValueError: its id is none: '~owner'"),
        ({"id": ASKED.id.upper()}, "ValueError: its id is none:"),
        ({"id": ASKED.id + "a"}, "ValueError: its id is none:"),
        ({"id": None}, "ValueError: its id is none: 'None'"),
        ({"order_key": 5001}, "TypeError: order, subject, hash or time"),
        ({"subject": None}, "TypeError: order, subject, hash or time"),
        ({"hash": 7}, "TypeError: order, subject, hash or time"),
        ({"asked_at": 7}, "TypeError: order, subject, hash or time"),
        ({"body": [1]}, "TypeError: the body is not an object"),
        ({"body": None}, "TypeError: the body is not an object"),
        ({"adopt_since": 7}, "TypeError: the body is not an object, or the adoption"),
        ({"revision": "1"}, "TypeError: revision, profile version or row stamp"),
        ({"revision": True}, "TypeError: revision, profile version or row stamp"),
        ({"profile_version": 1.5}, "TypeError: revision, profile version or row stamp"),
        ({"row_stamp": ["1", 2]}, "TypeError: revision, profile version or row stamp"),
        ({"row_stamp": [1, None]}, "TypeError: revision, profile version or row stamp"),
        ({"row_stamp": [1]}, "IndexError:"),
        ({"row_stamp": 1}, "TypeError:"),
        ({"look_first": 1}, "TypeError: look_first, void or shadow"),
        ({"void": "no"}, "TypeError: look_first, void or shadow"),
        ({"shadow": None}, "TypeError: look_first, void or shadow"),
        ({"kind": "letter"}, "ValueError: 'letter' is not a valid DocumentKind"),
    ],
)
def test_a_mistyped_field_makes_it_no_command(changes: dict[str, Any], why: str) -> None:
    """Each would end the process further on, at the table or at the vendor."""
    with pytest.raises(NotACommand) as caught:
        read(changes)
    assert caught.value.message.startswith(why)
    assert (caught.value.kind, caught.value.type) == (ErrorKind.INVALID, why.partition(":")[0])


@pytest.mark.parametrize("name", ["id", "revision", "account", "order_key", "kind", "subject", "body", "hash"])
def test_a_missing_field_makes_it_no_command(name: str) -> None:
    """Named, so that whoever produced it finds it."""
    raw = {key: value for key, value in ASKED.as_json().items() if key != name}
    with pytest.raises(NotACommand, match=name):
        read_command(orjson.dumps(raw), "erp")


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"7", b"\xff", b"null", b'"text"'])
def test_what_is_no_object_is_no_command(value: bytes | None) -> None:
    """No bytes at all included."""
    with pytest.raises(NotACommand):
        read_command(value, "erp")


def test_a_body_that_could_not_be_written_again_is_refused() -> None:
    """orjson reads 1,024 levels and writes 254: it would end the process at `begun`, again and again."""
    deep = orjson.dumps(ASKED.as_json()).replace(b'"amount":"10.00"', b'"amount":' + b"[" * 300 + b"]" * 300)
    with pytest.raises(NotACommand):
        read_command(deep, "erp")


def test_a_command_too_large_for_begun_is_refused_unread() -> None:
    """The table's record of it would be larger than the brokers take."""
    assert len(read({"body": {"text": "x" * (LONGEST_COMMAND - 1000)}}).body["text"]) == 899_000
    whole = ASKED.encode()
    assert read_command(whole + b" " * (LONGEST_COMMAND - len(whole)), "erp") == ASKED
    with pytest.raises(NotACommand, match="900,001 bytes, and a command may have 900,000") as caught:
        read_command(whole + b" " * (LONGEST_COMMAND + 1 - len(whole)), "erp")
    assert caught.value.kind is ErrorKind.TOO_LARGE


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(ASKED.as_json())), JSON)
def test_any_value_in_any_field_is_a_command_or_is_not(name: str, value: Any) -> None:
    """Nothing else is raised, and what is read can be written."""
    try:
        asked = read({name: value})
    except NotACommand:
        return
    assert read_command(asked.encode(), "erp") == asked


@given(st.binary(max_size=40))
def test_any_bytes_are_a_command_or_are_not(value: bytes) -> None:
    """No bytes get past it with another exception."""
    with pytest.raises(NotACommand):
        read_command(value, "erp")
