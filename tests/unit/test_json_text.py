"""What comes from outside is read within bounds, and a number that names something is its text."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.bodies import KnownCustomer, OrderLine
from streams.json_text import MAX_DEPTH, TooDeep, Unreadable, id_text, read_json, read_object
from streams.order_key import read_envelope
from streams.shapes import Misshapen, expect

SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
JSON = st.recursive(
    SCALARS | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "qty", 'x"y', "\\"]), inner),
    max_leaves=20,
)


def nested(depth: int, *, opening: bytes = b"[", closing: bytes = b"]", inside: bytes = b"") -> bytes:
    return opening * depth + inside + closing * depth


def test_a_body_may_be_a_hundred_levels_deep() -> None:
    """A hundred levels are read, of whatever kind; one more is not."""
    assert MAX_DEPTH == 100
    read_json(nested(100))
    read_json(nested(100, opening=b'{"a":', closing=b"}", inside=b"1"))
    for deeper in (nested(101), nested(101, opening=b'{"a":', closing=b"}", inside=b"1"), nested(1_000)):
        with pytest.raises(TooDeep, match="nested more than 100 levels deep"):
            read_json(deeper)


def test_many_brackets_beside_each_other_are_not_deep() -> None:
    """A list of a thousand lists has two levels, and a bracket in text is text."""
    assert len(read_json(b"[" + b",".join([b"[]"] * 1_000) + b"]")) == 1_000
    assert read_json(b'"' + b"[" * 1_000 + b'"') == "[" * 1_000


def test_what_is_read_can_be_written_in_a_row() -> None:
    """The deepest body there is can be written with levels of our own around it."""
    found = read_json(nested(100))
    for _ in range(100):
        found = {"inside": found}
    orjson.dumps(found)


LONG = "123456789012345678901234567890"
NAMES = ("order_id", "return_id", "line_id", "refund_id", "order_line_id", "inspection_id", "id", "sku")
NAMES += ("component_sku", "order_ref", "order_number", "number", "location")


@pytest.mark.parametrize("number", ["5001", "18446744073709551616", LONG, "5.0", "1e3", "-0"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("written", ['{"lines":[{"%s":%s}]}', '{ "lines" : [ { "%s" :\n %s } ] }'])
def test_a_number_that_names_something_is_its_text(name: str, number: str, written: str) -> None:
    """Whatever its size and shape, and wherever it stands."""
    assert read_json((written % (name, number)).encode()) == {"lines": [{name: number}]}


def test_other_numbers_stay_numbers() -> None:
    """Beside a number that is an id, quantities, versions and prices are what they were."""
    body = b'{"order_id":1e3,"version":4,"quantity":1.5,"big":18446744073709551616,"list":[1,2.5,[3]],"x":-1}'
    assert read_json(body) == {
        "order_id": "1e3",
        "version": 4,
        "quantity": 1.5,
        "big": 1.8446744073709552e19,
        "list": [1, 2.5, [3]],
        "x": -1,
    }


def test_numbers_beside_an_object_with_an_id_stay_numbers() -> None:
    """In a list at the top as well."""
    found = read_json(b'[{"id":5},1,2.5,[3]]')
    assert found == [{"id": "5"}, 1, 2.5, [3]]
    assert [type(value) for value in found[1:3]] == [int, float]


def test_the_last_of_two_equal_names_counts() -> None:
    """In both ways of reading."""
    assert read_json(b'{"sku":"a","sku":"b"}') == {"sku": "b"}
    assert read_json(b'{"sku":1,"sku":2.0}') == {"sku": "2.0"}


@given(JSON)
def test_without_ids_reading_is_what_orjson_reads(value: Any) -> None:
    """The rule for names changes nothing else."""
    assert read_json(orjson.dumps(value)) == orjson.loads(orjson.dumps(value))


@given(JSON, st.integers(0, 2**70))
def test_a_number_as_an_id_changes_nothing_beside_it(value: Any, number: int) -> None:
    """Reading it slowly gives all else as orjson gives it."""
    body = b'{"other":' + orjson.dumps(value) + b',"sku":' + str(number).encode() + b"}"
    assert read_json(body) == {"other": orjson.loads(orjson.dumps(value)), "sku": str(number)}


@given(st.binary(max_size=300))
def test_any_bytes_are_json_or_unreadable(raw: bytes) -> None:
    """Nothing else is raised."""
    try:
        read_json(raw)
    except Unreadable:
        return


@pytest.mark.parametrize("value", [b"[]", b"1", b"null", b'"x"'])
def test_what_is_no_object_says_what_it_is(value: bytes) -> None:
    with pytest.raises(Unreadable, match="not an object"):
        read_object(value)


@pytest.mark.parametrize("value", [None, True, 1.5, "", " ", [], {}, "x" * 201, 10**201])
def test_what_is_no_id(value: Any) -> None:
    assert id_text(value) is None


def test_an_id_is_taken_as_it_is() -> None:
    assert (id_text(" 5 "), id_text(5), id_text("x" * 200)) == (" 5 ", "5", "x" * 200)


@pytest.mark.parametrize("depth", [101, 249, 500, 1_000])
def test_a_body_nested_too_deep_still_names_its_order(depth: int) -> None:
    """Its dead letter is found with its order."""
    body = b'{"id":"e1","data":{"order_id":"5001","x":' + nested(depth) + b"}}"
    assert read_envelope(body).order_key == "5001"
    assert read_envelope(body).event_id == "e1"


@pytest.mark.parametrize("depth", [101, 500, 900, 1_000, 1_015])
def test_a_deep_body_whose_ids_are_numbers_never_overflows(depth: int) -> None:
    """Reading it slowly goes as deep as the stack; the key is what the quick reading has."""
    body = b'{"id":7,"data":{"order_id":5001,"x":' + nested(depth) + b"}}"
    with pytest.raises(TooDeep):
        read_json(body)
    assert (read_envelope(body).order_key, read_envelope(body).event_id) == ("5001", "7")
    with pytest.raises(TooDeep):
        read_json(nested(depth, inside=b'{"id":5}'))


LINE = {
    "order_line": "1",
    "order_line_id": "",
    "sku": "A",
    "item": "4711",
    "quantity": 1,
    "fulfilled": 1,
    "unit_price": "40.00",
    "amount": "40.00",
    "tax": "6.67",
    "tax_code": "5",
    "components": [{"sku": "A", "quantity": 1}],
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"order_line": 1}, "order_line is the number 1, not text"),
        ({"order_line": None}, "order_line is null, not text"),
        ({"quantity": "1"}, "quantity is text, not a whole number"),
        ({"quantity": True}, "quantity is true, not a whole number"),
        ({"quantity": 1.0}, "quantity is the number 1.0, not a whole number"),
        ({"quantity": 2**60}, "not a whole number that can be counted to"),
        ({"components": {}}, "components is an object, not a list"),
        ({"components": [1]}, r"components\[0\] is the number 1, not an object"),
        ({"components": [{"sku": "A"}]}, r"components\[0\] has no quantity"),
        ({"components": [{"sku": "A", "quantity": 1, "list_price": 4}]}, r"components\[0\].list_price is the number 4"),
    ],
)
def test_a_field_of_another_type_is_named(change: dict[str, Any], says: str) -> None:
    """By its path, and what it is instead."""
    expect(LINE, OrderLine)
    with pytest.raises(Misshapen, match=says):
        expect({**LINE, **change}, OrderLine)


@pytest.mark.parametrize("value", ["true", 1, None, []])
def test_neither_true_nor_false_is_named(value: Any) -> None:
    """A number or a word is no answer to yes or no."""
    expect({"number": "1", "active": False}, KnownCustomer)
    with pytest.raises(Misshapen, match=r"active is .*, not true or false"):
        expect({"number": "1", "active": value}, KnownCustomer)


@pytest.mark.parametrize("number", [2**53, -(2**53)])
def test_whole_numbers_go_as_far_as_every_language_counts(number: int) -> None:
    """The bound itself is inside."""
    expect({**LINE, "quantity": number}, OrderLine)
    with pytest.raises(Misshapen):
        expect({**LINE, "quantity": number * 2}, OrderLine)


@pytest.mark.parametrize("name", sorted(LINE))
def test_a_field_that_is_missing_is_named(name: str) -> None:
    """One that every version of the record has."""
    with pytest.raises(Misshapen, match=f"it has no {name}"):
        expect({key: value for key, value in LINE.items() if key != name}, OrderLine)


def test_unknown_fields_are_no_fault() -> None:
    """A later version of the record may have more."""
    expect({**LINE, "another": [1, None]}, OrderLine)
