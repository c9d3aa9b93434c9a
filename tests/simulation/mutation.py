"""A mistake put into the product on purpose: the smallest edit of the source of one function, or of two together.

The edit names text that stands exactly once in the function, so that a mutation whose place is gone fails loudly. It
swaps the function's code object and nothing else: whoever imported the function by name runs the mutated one too.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from textwrap import dedent
from types import CodeType, FunctionType
from typing import Any

_ANNOTATIONS = 0x1000000  # CO_FUTURE_ANNOTATIONS: every module of the product has that import


class Gone(LookupError):
    """What a mutation wants to change is not there as it was: look at the product, and mend the mutation."""


@dataclass(frozen=True, slots=True)
class Edit:
    """In the function `target` ("module:Class.method"), `old` becomes `new`.

    `new` calls `reached()`, which counts and is true: it stands where the mistake makes a difference.
    """

    target: str
    old: str
    new: str


class Reached:
    """How often the mutated code ran."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> bool:
        self.times += 1
        return True


@dataclass(frozen=True, slots=True)
class Mutation:
    """One mistake, in a sentence, and which promises it is expected to break (for the reader; any will do)."""

    name: str
    sentence: str
    expected: tuple[str, ...]
    edits: tuple[Edit, ...]

    @contextmanager
    def applied(self) -> Iterator[Reached]:
        """The product with this mistake, as it was again afterwards. Raises `Gone`."""
        reached = Reached()
        with ExitStack() as stack:
            for target in dict.fromkeys(edit.target for edit in self.edits):
                code = _mutated(target, tuple(edit for edit in self.edits if edit.target == target))
                stack.enter_context(_swapped(_function(target), code, reached))
            yield reached


@contextmanager
def _swapped(function: FunctionType, code: CodeType, reached: Reached) -> Iterator[None]:
    names, before = function.__globals__, function.__code__
    if names.setdefault("reached", reached) is not reached:
        raise Gone(f"{function.__module__} has a name `reached` of its own")
    function.__code__ = code
    try:
        yield
    finally:
        function.__code__ = before
        names.pop("reached", None)


def _function(target: str) -> FunctionType:
    """The function itself, under whatever decorates it."""
    module, _, path = target.partition(":")
    found: Any = import_module(module)
    for name in path.split("."):
        if name not in vars(found):
            raise Gone(f"{target} is gone")
        found = vars(found)[name]
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, staticmethod | classmethod):
        found = found.__func__
    found = inspect.unwrap(found)
    if not isinstance(found, FunctionType):
        raise Gone(f"{target} is not a function")
    return found


@cache
def _mutated(target: str, edits: tuple[Edit, ...]) -> CodeType:
    function = _function(target)
    lines, first = inspect.getsourcelines(function)
    source = dedent("".join(lines))
    for edit in edits:
        if source.count(edit.old) != 1:
            raise Gone(f"{target} has {source.count(edit.old)} times {edit.old!r}")
        if "reached()" not in edit.new:
            raise Gone(f"the mutation of {target} cannot say whether it is reached")
        source = source.replace(edit.old, edit.new)
    tree = ast.parse(source)
    ast.increment_lineno(tree, first - 1)
    compiled = compile(tree, inspect.getfile(function), "exec", flags=_ANNOTATIONS, dont_inherit=True)
    code = next(each for each in compiled.co_consts if isinstance(each, CodeType) and each.co_name == function.__name__)
    if code.co_freevars != function.__code__.co_freevars:
        raise Gone(f"{target} uses names of what it is defined in: it cannot be mutated by itself")
    return code


def of(name: str, sentence: str, expected: str, *edits: tuple[str, str, str]) -> Mutation:
    """A mutation from plain tuples; `expected` as "I1 I2"."""
    return Mutation(name, sentence, tuple(expected.split()), tuple(Edit(*edit) for edit in edits))
