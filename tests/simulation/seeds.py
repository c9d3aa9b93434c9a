"""Which seeds are run: ranges by hand, fresh ones by the day, and all that ever failed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

FAILED = Path(__file__).with_name("failed_seeds.txt")
FRESH = 2_000
_A_DAY = 1_000_000  # room for the seeds of one day before those of the next begin


class BadSeeds(ValueError):
    """Not a list of numbers and ranges."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A seed that once found something, and what that was."""

    seed: int
    found: str


def parse(text: str) -> list[int]:
    """`7`, `1-1000` or `1-10,99`: in the order given, each once."""
    numbers: dict[int, None] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise BadSeeds(f"{part!r} is neither a number nor a range such as 1-1000")
        numbers |= dict.fromkeys(range(int(first), int(last or first) + 1))
    if not numbers:
        raise BadSeeds(f"{text!r} names no number")
    return list(numbers)


def spell(numbers: Iterable[int]) -> str:
    """The shortest text that `parse` reads as these numbers, in ascending order."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)


def of_day(day: date, count: int = FRESH) -> list[int]:
    """Seeds that no other day has: 2026-11-27 begins at 20261127000000."""
    first = int(f"{day:%Y%m%d}") * _A_DAY
    return list(range(first, first + count))


def failed(path: Path = FAILED) -> list[Failed]:
    """One a line: the seed, then after `#` what it found. Empty lines and lines of comment alone are skipped."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        number, _, comment = line.partition("#")
        if number.strip():
            found.append(Failed(int(number), comment.strip()))
    return found
