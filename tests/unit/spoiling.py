"""Ways to spoil a JSON document, for properties: any value in it replaced, dropped or doubled."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

NASTY = (
    None,
    True,
    False,
    0,
    -1,
    2**63,
    1.5,
    1e300,
    "",
    " ",
    "x" * 300,
    "1969-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "27/11/2026 09:30",
    "-40.00",
    "40.001",
    "\x00",
    "\u202e5001",
    [],
    [[]],
    [None],
    {},
    {"": {}},
)

LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    LEAVES | TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)
VALUES = st.sampled_from(NASTY) | JSON

Path = tuple[str | int, ...]


def paths(document: Any, at: Path = ()) -> Iterator[Path]:
    """Every place in a document but the document itself."""
    entries: Any = ()
    if isinstance(document, dict):
        entries = document.items()
    elif isinstance(document, list):
        entries = enumerate(document)
    for name, value in entries:
        yield (*at, name)
        yield from paths(value, (*at, name))


def replaced(document: Any, path: Path, value: Any) -> Any:
    """The document with another value in one place."""
    changed = copy.deepcopy(document)
    _holder(changed, path)[path[-1]] = value
    return changed


def dropped(document: Any, path: Path) -> Any:
    changed = copy.deepcopy(document)
    del _holder(changed, path)[path[-1]]
    return changed


def doubled(document: Any, path: Path) -> Any:
    """A list's entry comes twice; of an object's field there is a copy under another name."""
    changed = copy.deepcopy(document)
    holder, last = _holder(changed, path), path[-1]
    if isinstance(holder, list):
        holder.insert(int(last), copy.deepcopy(holder[int(last)]))
    else:
        holder[f"{last}2"] = copy.deepcopy(holder[last])
    return changed


def _holder(document: Any, path: Path) -> Any:
    for name in path[:-1]:
        document = document[name]
    return document


@st.composite
def spoilt(draw: st.DrawFn, document: Any) -> Any:
    """The document with one to three places spoilt."""
    for _ in range(draw(st.integers(1, 3))):
        places = list(paths(document))
        if not places:
            break
        path = draw(st.sampled_from(places))
        match draw(st.sampled_from(("replace", "replace", "drop", "double"))):
            case "replace":
                document = replaced(document, path, draw(VALUES))
            case "drop":
                document = dropped(document, path)
            case _:
                document = doubled(document, path)
    return document
