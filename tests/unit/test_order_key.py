"""The partition key is the order's id as the sender wrote it, and hostile bodies have none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.json_text import MAX_ID
from streams.order_key import Envelope, read_envelope, reveni_order_key, warehouse_order_key


def body(order_id: str) -> bytes:
    """An event whose order id is the given JSON text."""
    return b'{"id":"e1","data":{"order_id":' + order_id.encode() + b"}}"


@pytest.mark.parametrize(
    ("order_id", "key"),
    [
        ('"5001"', "5001"),
        ("5001", "5001"),
        ("5001.0", "5001.0"),
        ("1e3", "1e3"),
        ("1E+3", "1E+3"),
        ("0.1", "0.1"),
        ("-0", "-0"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("9007199254740993", "9007199254740993"),
        ("9007199254740993.0", "9007199254740993.0"),
        ("1e400", None),  # not JSON for orjson: infinite
        ('"#1001"', "#1001"),
        ('" 5001 "', " 5001 "),
        ('"ÅÄÖ-1"', "ÅÄÖ-1"),
        ('"\\u00e5"', "å"),
        ('"' + "x" * MAX_ID + '"', "x" * MAX_ID),
        ('"' + "x" * (MAX_ID + 1) + '"', None),
        ("1" * (MAX_ID + 1), None),
        ('""', None),
        ('"  "', None),
        ("null", None),
        ("true", None),
        ("[5001]", None),
        ('{"id":5001}', None),
        ("NaN", None),
        ("Infinity", None),
        ('"\\ud800"', None),
        ('"5001","order_id":"5002"', "5002"),
    ],
)
def test_the_key_is_the_text_of_the_id(order_id: str, key: str | None) -> None:
    """Text stays as it is, a number is its digits, anything else is no key."""
    assert reveni_order_key(body(order_id)) == warehouse_order_key(body(order_id)) == key


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"5001",
        b'"5001"',
        b"{",
        b"{}",
        b'{"data":null}',
        b'{"data":[{"order_id":"5001"}]}',
        b'{"order_id":"5001"}',
        b"\xef\xbb\xbf" + body('"5001"'),
        b'{"data":{"order_id":"\xff"}}',
        body('"5001"').decode().encode("utf-16"),
        b"[" * 100_000,
        b'{"data":' * 2_000 + b"1" + b"}" * 2_000,
        b'{"x":' + b"[" * 1_020 + b"]" * 1_020 + b',"data":{"order_id":5001}',
        body('"5001"') + b"x",
        b"\x00" * 64,
        b"\x1f\x8b\x08\x00",
    ],
)
def test_a_body_that_names_no_order_has_no_key(raw: bytes) -> None:
    """Nothing that is not JSON, or not the shape, has a key; none of it raises."""
    assert reveni_order_key(raw) is None


def test_deep_nesting_beside_a_number_never_raises() -> None:
    """The second reading, which keeps the digits, may not overflow where the first one did not."""
    for depth in (10, 900, 990, 1_000, 1_010, 1_020):
        raw = b'{"x":' + b"[" * depth + b"]" * depth + b',"data":{"order_id":5001}}'
        assert reveni_order_key(raw) in ("5001", None)


def test_the_event_id_follows_the_same_rule() -> None:
    """The envelope's own id is text or a number's digits."""
    assert read_envelope(b'{"id":7.0,"data":{"order_id":"5001"}}') == Envelope("5001", "7.0")
    assert read_envelope(b'{"id":{},"data":{"order_id":5001}}') == Envelope("5001", None)


@given(st.binary(max_size=200))
def test_no_bytes_raise(raw: bytes) -> None:
    """Whatever comes in, there is an answer."""
    read_envelope(raw)


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?", fullmatch=True))
def test_a_number_is_its_own_text(number: str) -> None:
    """No number is ever turned into a float and back."""
    assert reveni_order_key(body(number)) == number
