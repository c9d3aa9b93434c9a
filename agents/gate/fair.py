"""Fair waiting by weight: who of those who wait is next (P02)."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from typing import Generic, TypeVar

from streams.vocabulary import CommandClass

T = TypeVar("T")


class FairQueue(Generic[T]):
    """First come first served within a class; between classes by stride scheduling.

    Each class has a `pass`, which grows by its stride (one over its weight) whenever it is served; the class with the
    lowest pass is next. Every class that waits is served within a bounded number of turns, and the share of one that
    does not wait goes to the others. A class that comes back starts from where the others are: being idle saves
    nothing up.
    """

    def __init__(self, weights: Mapping[CommandClass, int]) -> None:
        whole = math.lcm(*weights.values())  # strides in whole numbers, so that years of turns do not drift
        self._stride = {klass: whole // weight for klass, weight in weights.items()}
        self._passes = dict.fromkeys(weights, 0)
        self._waiting: dict[CommandClass, OrderedDict[T, None]] = {klass: OrderedDict() for klass in weights}
        self._served_at = 0  # the pass of the class that was served last

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._waiting.values())

    def waiting(self) -> dict[CommandClass, int]:
        """How many wait, by class."""
        return {klass: len(queue) for klass, queue in self._waiting.items()}

    def push(self, klass: CommandClass, item: T) -> None:
        """Wait at the end of the class's line."""
        queue = self._waiting[klass]
        if not queue:
            self._passes[klass] = max(self._passes[klass], self._served_at)
        queue[item] = None

    def pop(self) -> tuple[CommandClass, T]:
        """The next to be served; raises `IndexError` when nobody waits."""
        competing = [klass for klass, queue in self._waiting.items() if queue]
        if not competing:
            raise IndexError("nobody waits")
        klass = min(competing, key=self._passes.__getitem__)  # on a tie the class named first, the heavier
        self._served_at = self._passes[klass]
        self._passes[klass] += self._stride[klass]
        item, _ = self._waiting[klass].popitem(last=False)
        return klass, item

    def remove(self, klass: CommandClass, item: T) -> None:
        """Leave the line; whoever is not in it may leave, too."""
        self._waiting[klass].pop(item, None)
