"""The proof that the simulator can fail: each mutation of the product has to be found."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console

from tests.simulation import harness, mutations
from tests.simulation.harness import CRASH, Sources
from tests.simulation.mutation import Mutation
from tests.simulation.result import Violation
from tests.simulation.shrink import goal_of

MOST = 500  # seeds in which each has to be found
_A_RUN_AT_MOST = 20.0
_BEGIN, _END = "<!-- mutations: written by the program, from here -->", "<!-- to here -->"


@dataclass(frozen=True, slots=True)
class Found:
    """The first seed at which the mutated product breaks a promise and the true one keeps all."""

    seed: int
    after: int  # seeds, this one included
    invariant: str
    name: str


@dataclass(frozen=True, slots=True)
class Hunted:
    """What came of the search for one mutation."""

    mutation: str
    found: Found | None
    tried: int
    reached: int  # how often the mutated code ran, over all seeds tried
    seconds: float = 0.0


def hunt(mutation: Mutation, seeds: Iterable[int], sources: Sources | None = None) -> Found | None:
    """The first seed that tells the mutated product from the true one."""
    return search(mutation, seeds, sources).found


def search(mutation: Mutation, seeds: Iterable[int], sources: Sources | None = None) -> Hunted:
    """`hunt`, with what it took."""
    sources = sources or harness.real()
    started, reached, tried = time.monotonic(), 0, 0
    for seed in seeds:
        tried += 1
        plan = sources.make(seed)
        with mutation.applied() as touched:
            result = harness.carry_out(plan, sources.run, at_most=_A_RUN_AT_MOST)
        reached += touched.times
        if result.ok or not touched.times or not harness.carry_out(plan, sources.run).ok:
            continue
        telling = [found for found in result.violations if found.invariant != CRASH]
        first: Violation = goal_of(telling or result.violations)
        found = Found(seed, tried, first.invariant, first.name)
        return Hunted(mutation.name, found, tried, reached, time.monotonic() - started)
    return Hunted(mutation.name, None, tried, reached, time.monotonic() - started)


def _search(name: str, seeds: Sequence[int]) -> Hunted:
    return search(mutations.ALL[name], seeds)


def all_of(names: Sequence[str], seeds: Sequence[int], jobs: int, sources: Sources | None = None) -> Iterator[Hunted]:
    """Every mutation's search, as each ends."""
    if sources is not None or jobs == 1:
        yield from (search(mutations.ALL[name], seeds, sources) for name in names)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for future in [pool.submit(_search, name, seeds) for name in names]:
            yield future.result()


def main(options: argparse.Namespace, seeds: Sequence[int], console: Console, sources: Sources | None = None) -> int:
    """0 when each was found."""
    names = [options.mutation] if options.mutation else list(mutations.ALL)
    hunted: list[Hunted] = []
    for each in all_of(names, seeds, options.jobs, sources):
        hunted.append(each)
        console.print(f"{each.mutation}: {_said(each)}, {each.seconds:.1f} s", markup=False, soft_wrap=True)
    missed = [each.mutation for each in hunted if each.found is None]
    console.print(f"found {len(hunted) - len(missed)} of {len(hunted)}", markup=False)
    if options.write:
        write(options.write, hunted, seeds)
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in hunted], indent=1) + "\n", encoding="utf-8")
    return 1 if missed else 0


def _said(each: Hunted) -> str:
    if each.found:
        return f"found by {each.found.invariant} {each.found.name} after {each.found.after} (seed {each.found.seed})"
    if not each.reached:
        return f"not reached in {each.tried} seeds"
    return f"not found in {each.tried} seeds, reached {each.reached:,} times"


def table(hunted: Iterable[Hunted]) -> Iterator[str]:
    """Markdown: mutation, what it does, found by, after how many seeds."""
    yield "| mutation | the mistake | found by | after seeds |"
    yield "|---|---|---|---|"
    for each in hunted:
        sentence = mutations.ALL[each.mutation].sentence if each.mutation in mutations.ALL else ""
        by, after = (
            "**not found**",
            f"{each.tried}, reached {each.reached:,} times" if each.reached else "never reached",
        )
        if each.found:
            by, after = f"{each.found.invariant} {each.found.name}", str(each.found.after)
        yield f"| `{each.mutation}` | {sentence} | {by} | {after} |"


def write(path: Path, hunted: Sequence[Hunted], seeds: Sequence[int]) -> None:
    """Put the table between its marks in a file, and leave the rest of it as it is."""
    text = path.read_text(encoding="utf-8") if path.exists() else f"{_BEGIN}\n{_END}\n"
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    found = sum(1 for each in hunted if each.found)
    said = f"{found} of {len(hunted)} found within {len(seeds)} seeds, beginning with seed {seeds[0]}."
    new = "\n".join((said, "", *table(hunted)))
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(f"{before}{_BEGIN}\n\n{new}\n\n{_END}{after}", encoding="utf-8")
    beside.replace(path)
