"""A body in parts comes together again, whatever is repeated, and what cannot is given up within bounds."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.parts import Assembler, BadPart, Part, Piece, read_part, split


def parts_of(body: bytes, limit: int) -> list[Part]:
    """What a reader sees of a split body."""
    parts = [read_part(piece.headers, piece.value) for piece in split(body, limit)]
    return [part for part in parts if part is not None]


def test_a_body_that_fits_is_one_plain_record() -> None:
    """No headers are added to what needs none."""
    assert split(b"abc", 3) == (Piece(b"abc"),)
    assert read_part((), b"abc") is None


def test_the_headers_are_the_agreed_ones() -> None:
    """part-of names the content, part counts from one."""
    name = hashlib.sha256(b"abcd").hexdigest().encode()
    assert split(b"abcd", 3) == (
        Piece(b"abc", (("part-of", name), ("part", b"1"), ("parts", b"2"))),
        Piece(b"d", (("part-of", name), ("part", b"2"), ("parts", b"2"))),
    )


@given(st.binary(min_size=2, max_size=300), st.integers(1, 50), st.randoms(use_true_random=False))
def test_any_order_and_repetition_gives_the_body_back(body: bytes, limit: int, random: object) -> None:
    """Parts of two deliveries, shuffled together, make the same body and nothing else."""
    parts = parts_of(body, limit)
    if not parts:
        return
    mixed = parts * 2
    random.shuffle(mixed)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assembler = Assembler()
    joined = [assembler.add(part, offset, 0) for offset, part in enumerate(mixed)]
    assert {value for value in joined if value is not None} == {body}


def test_the_reader_is_held_at_the_first_part_until_the_set_is_whole() -> None:
    """Acknowledging past an incomplete set would lose its first parts in a restart."""
    first, second = parts_of(b"abcd", 3)
    other, _ = parts_of(b"wxyz", 3)
    assembler = Assembler()
    assert assembler.held_from is None
    assembler.add(first, 7, 0)
    assembler.add(other, 8, 0)
    assert assembler.held_from == 7
    assert assembler.add(second, 9, 0) == b"abcd"
    assert assembler.held_from == 8


def test_a_set_that_stays_incomplete_is_given_up() -> None:
    """Its sender was told to repeat; waiting for ever would hold the partition for ever."""
    first, _ = parts_of(b"abcd", 3)
    assembler = Assembler(patience_ms=1_000)
    assembler.add(first, 7, 5_000)
    assembler.let_go(6_000)
    assert assembler.held_from == 7
    assembler.let_go(6_001)
    assert (assembler.held_from, assembler.size, assembler.given_up) == (None, 0, 1)


def test_memory_is_bounded() -> None:
    """However many sets stay open, no more than the bound is held; the oldest goes first."""
    assembler = Assembler(max_bytes=100)
    for offset in range(50):
        part = parts_of(bytes([offset]) * 31, 30)[0]
        assembler.add(part, offset, 0)
        assert assembler.size <= 100
    assert (assembler.held_from, assembler.given_up) == (47, 47)


def test_parts_that_do_not_make_what_they_name_are_refused() -> None:
    """The whole is checked against its hash, and leaves nothing behind."""
    first, second = parts_of(b"abcd", 3)
    assembler = Assembler()
    assembler.add(first, 0, 0)
    with pytest.raises(BadPart):
        assembler.add(Part(second.of, 2, 2, b"X"), 1, 0)
    assert assembler.size == 0


@pytest.mark.parametrize(
    "headers",
    [
        (("part-of", b"a"),),
        (("part-of", b"a"), ("part", b"0"), ("parts", b"2")),
        (("part-of", b"a"), ("part", b"3"), ("parts", b"2")),
        (("part-of", b"a"), ("part", b"-1"), ("parts", b"2")),
        (("part-of", b"a"), ("part", b"1"), ("parts", b"99999999")),
        (("part-of", b"\xff"), ("part", b"1"), ("parts", b"2")),
    ],
)
def test_headers_that_contradict_themselves_are_refused(headers: tuple[tuple[str, bytes], ...]) -> None:
    """A part that cannot be placed is a fault, not a body."""
    with pytest.raises(BadPart):
        read_part(headers, b"x")
