"""A peak from seed to files: made, written down, and only then sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from adapters.generator import deliveries, expected, files, telling, world
from adapters.generator.chances import PEAK, Chances
from adapters.generator.deliveries import Delivery, Habits
from adapters.generator.expected import Expected
from adapters.generator.story import BASE, Story
from adapters.generator.world import World


@dataclass(frozen=True, slots=True)
class Peak:
    """Everything that is going to happen."""

    world: World
    stories: list[Story]
    deliveries: list[Delivery]
    expected: Expected

    def write(self, directory: Path) -> None:
        """The list and the expectations, before anything is sent."""
        files.write_sent(directory / files.SENT, self.deliveries)
        self.expected.write(directory / files.EXPECTED)


def make(
    seed: int,
    orders: int,
    duration: float,
    secrets: Mapping[str, str],
    base: datetime = BASE,
    habits: Habits | None = None,
    chances: Chances = PEAK,
) -> Peak:
    """The peak of a seed; `secrets` by route. The same arguments give the same bytes."""
    made = world.build(seed, orders, chances)
    stories = telling.tell(made, base, chances)
    planned = deliveries.plan(seed, stories, secrets, duration, habits)
    return Peak(made, stories, planned, expected.of(made, stories))
