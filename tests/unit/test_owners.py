"""E01: each exception says who mends it and what to do."""

from __future__ import annotations

import pytest

from streams.owners import next_step, owner_of
from streams.vocabulary import DocumentKind, ErrorKind, Owner


@pytest.mark.parametrize("kind", ErrorKind)
def test_e01_each_kind_has_a_next_step_and_an_owner(kind: ErrorKind) -> None:
    """One sentence for people, and a team, for every kind and document."""
    assert next_step(kind.value).endswith(".")
    for document in DocumentKind:
        assert isinstance(owner_of(kind, document), Owner)


def test_an_unknown_kind_gives_no_advice() -> None:
    """A letter of a later version is shown without made-up advice."""
    assert next_step("from-the-future") == ""
