"""`python -m tests.simulation`: run seeds; tell, shrunk, the story of each that fails."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.simulation import harness, hunt, matrix, mutations, seeds, story
from tests.simulation.harness import Sources
from tests.simulation.plan import Plan
from tests.simulation.result import Result
from tests.simulation.shrink import BUDGET_SECONDS, goal_of, shrink
from tests.simulation.summary import Summary

FINE, FOUND, USAGE = 0, 1, 2
_TOLD = 3  # failing seeds of one call that are shrunk and told: the rest are listed
_NAMED = 20  # failing seeds that are printed one by one
_PLAIN_EVERY_SECONDS = 10.0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    made.add_argument(
        "--seeds",
        default="",
        metavar="1-1000",
        help="numbers and ranges; if nothing is said 1-100, for mutations 1-500",
    )
    made.add_argument("--date", action="store_true", help="fresh seeds, chosen by the day")
    made.add_argument("--count", type=int, default=seeds.FRESH, help="how many fresh seeds")
    made.add_argument("--failed", action="store_true", help="all seeds that ever failed")
    made.add_argument("--keep", metavar="3,17-20", help="of one seed, only the acts with these numbers (or: none)")
    made.add_argument("--shrink", action=argparse.BooleanOptionalAction, default=True, help="shrink what fails")
    made.add_argument("--budget", type=float, default=BUDGET_SECONDS, help="seconds to shrink one seed")
    made.add_argument("--story", action="store_true", help="tell the story of each seed, failed or not")
    made.add_argument("--mutation", default="", metavar="NAME", help="run against a mutated product")
    made.add_argument("--mutations", action="store_true", help="look for every mutation of the product")
    made.add_argument("--write", type=Path, metavar="FILE", help="with --mutations: the table that is read in docs/")
    made.add_argument("--jobs", type=int, default=harness.cores(), help="processes")
    made.add_argument("--json", type=Path, metavar="FILE", help="the summary as JSON")
    made.add_argument("--matrix", type=Path, metavar="FILE", help="the table of faults and invariants")
    return made


def main(arguments: Sequence[str] | None = None, sources: Sources | None = None, console: Console | None = None) -> int:
    """0: every promise held; 1: one was broken, or a mutation was not found; 2: not understood."""
    console = console or Console(highlight=False)
    try:
        options = parser().parse_args(arguments)
        chosen = choose(options, console)
        keep = None if options.keep is None else [] if options.keep == "none" else seeds.parse(options.keep)
        if keep is not None and len(chosen) != 1:
            raise seeds.BadSeeds("--keep is about one seed")
        if options.mutation and options.mutation not in mutations.ALL:
            raise seeds.BadSeeds(f"no mutation {options.mutation!r}; there are: {', '.join(mutations.ALL)}")
    except seeds.BadSeeds as error:
        console.print(str(error), markup=False)
        return USAGE
    except SystemExit as error:
        return int(error.code or 0)
    if options.mutations:
        return hunt.main(options, chosen, console, sources)
    jobs = 1 if keep is not None else max(1, min(options.jobs, len(chosen)))
    with mutations.ALL[options.mutation].applied() if options.mutation else nullcontext():
        return _run(options, chosen, keep, jobs, console, sources)


def choose(options: argparse.Namespace, console: Console) -> list[int]:
    """The seeds to run; those of the day are printed, so that a run can be had again."""
    chosen = seeds.parse(options.seeds) if options.seeds else []
    if options.date:
        fresh = seeds.of_day(datetime.now(UTC).date(), options.count)
        console.print(f"fresh seeds of the day: {seeds.spell(fresh)}", markup=False)
        chosen += fresh
    if options.failed:
        chosen += [each.seed for each in seeds.failed()]
    if not (options.seeds or options.date or options.failed):
        chosen = list(range(1, 1 + (hunt.MOST if options.mutations else 100)))
    return list(dict.fromkeys(chosen))


def _run(
    options: argparse.Namespace,
    chosen: Sequence[int],
    keep: Sequence[int] | None,
    jobs: int,
    console: Console,
    sources: Sources | None,
) -> int:
    summary, started = Summary(), time.monotonic()
    failures: list[Result] = []
    if keep is None:
        results: Iterable[Result] = harness.many(chosen, jobs, sources, options.mutation)
    else:
        results = iter([harness.of_seed(chosen[0], sources or harness.real(), keep)])
    for result in watched(results, len(chosen), summary, console):
        if not result.ok:
            failures.append(result)
            if len(failures) == _NAMED + 1:
                console.print("more fail: they are counted, and listed by --json", markup=False)
            if len(failures) > _NAMED:
                continue
            again = story.command(result.seed, keep, options.mutation)
            found = ", ".join(dict.fromkeys(f"{each.invariant} {each.name}" for each in result.violations))
            console.print(f"seed {result.seed} failed: {found}\n  {again}", markup=False, soft_wrap=True)
    seconds = time.monotonic() - started
    for line in summary.lines(seconds):
        console.print(line, markup=False, soft_wrap=True)
    if options.json:
        options.json.write_text(json.dumps(summary.as_json(seconds), indent=1) + "\n", encoding="utf-8")
    if options.matrix:
        options.matrix.write_text(matrix.table(summary), encoding="utf-8")
    told = failures[:_TOLD] if not options.story else [Result(seed) for seed in chosen]
    for result in told:
        for line in telling(result, keep, options, sources or harness.real()):
            console.print(line, markup=False, soft_wrap=True)
    if len(failures) > len(told):
        console.print(f"told are {len(told)} of {len(failures)} seeds that failed", markup=False)
    return FOUND if failures else FINE


def watched(results: Iterable[Result], total: int, summary: Summary, console: Console) -> Iterator[Result]:
    """Count results into the summary while a bar, or now and then a line, says how far they are."""
    started = last = time.monotonic()
    bar = (
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[so_far]}"),
            console=console,
            transient=True,
        )
        if console.is_terminal
        else None
    )
    with bar or nullcontext():
        task = bar.add_task("seeds", total=total, so_far="") if bar else None
        for result in results:
            summary.add(result)
            now = time.monotonic()
            rate = summary.runs / max(now - started, 0.001)
            so_far = f"{rate:.1f} seeds/s, {summary.events.total():,} events, {len(summary.failed)} failed"
            if bar is not None and task is not None:
                bar.update(task, advance=1, so_far=so_far)
            elif now - last >= _PLAIN_EVERY_SECONDS:
                last = now
                console.print(f"{summary.runs} of {total} seeds, {so_far}", markup=False)
            yield result


def telling(result: Result, keep: Sequence[int] | None, options: argparse.Namespace, sources: Sources) -> Iterator[str]:
    try:
        whole = sources.make(result.seed)
    except Exception:
        yield from ("", f"Seed {result.seed}: no plan came of it", *(each.what for each in result.violations))
        return
    plan: Plan = whole if keep is None else whole.only(keep)
    yield ""
    if options.shrink and result.violations:
        goal = goal_of(result.violations)
        if goal.invariant == "determinism":
            yield f"Seed {result.seed}: {goal.what}; that is not shrunk"
        else:
            started = time.monotonic()
            shrunk = shrink(plan, sources.run, goal, options.budget)
            plan = shrunk.plan
            ended = "" if shrunk.finished else ", out of time"
            yield (
                f"shrunk to {len(plan.acts)} of {len(whole.acts)} acts in {shrunk.runs} runs, "
                f"{time.monotonic() - started:.1f} s{ended}:"
            )
            numbers = [act.number for act in plan.acts]
            yield "  " + story.command(result.seed, numbers, options.mutation, "--story")
            yield ""
    yield from story.tell(plan, harness.carry_out(plan, sources.run, story=True), len(whole.acts), options.mutation)


if __name__ == "__main__":
    sys.exit(main())
