"""`python -m tests.mutation`: draw small edits of the product at random, and say which of them no test notices."""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.mutation import reach
from tests.mutation.edits import Edit, edits_of
from tests.mutation.trial import Trial, Verdict, preload

ROOT = Path(__file__).parents[2]
HARMLESS = Path(__file__).with_name("harmless.txt")
PARTS = {"streams": 150, "agents": 60, "adapters/netsuite": 40}  # of 250, by package
_LEFT_OUT = "adapters/netsuite/simulator/"  # the other side, not the product
_SEEDS = 40

FINE, FOUND, USAGE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Score:
    """Of so many edits of a package so many were noticed; those judged harmless are left out."""

    noticed: int
    drawn: int
    harmless: int

    @property
    def percent(self) -> float:
        return 100 * self.noticed / (self.drawn - self.harmless) if self.drawn > self.harmless else 100.0


def sources_of(package: str) -> dict[str, bytes]:
    """The modules of a package, by path from the root."""
    paths = (path.relative_to(ROOT) for path in sorted((ROOT / package).rglob("*.py")))
    return {str(path): (ROOT / path).read_bytes() for path in paths if not str(path).startswith(_LEFT_OUT)}


def draw(package: str, count: int, seed: int, only: str = "") -> list[Edit]:
    """So many edits of a package: a line at random, then one of its edits; no line twice while there are others."""
    by_line: dict[tuple[str, int], list[Edit]] = defaultdict(list)
    for path, source in sources_of(package).items():
        if only in path:
            for edit in edits_of(path, source):
                by_line[path, edit.line].append(edit)
    dice = random.Random(f"{seed}/{package}")
    lines = sorted(by_line)
    return [dice.choice(by_line[line]) for line in dice.sample(lines, min(count, len(lines)))]


def harmless() -> dict[str, str]:
    """Edits that were looked at and change nothing that anybody was promised: name, reason."""
    judged = {}
    for line in HARMLESS.read_text(encoding="utf-8").splitlines():
        name, mark, reason = line.partition("  # ")
        if mark and not line.startswith("#"):
            judged[name.strip()] = reason.strip()
    return judged


def run(edits: Sequence[Edit], known: reach.Reach, seeds: int, jobs: int) -> Iterator[Verdict]:
    """The verdict on each edit, as they come."""
    waiting, under_way = list(edits), list[Trial]()
    span = f"1-{seeds}" if seeds else ""
    while waiting or under_way:
        while waiting and len(under_way) < jobs:
            edit = waiting.pop(0)
            tests = known.tests_of(edit.path, edit.line, at_import=edit.at_import)
            seconds = sum(known.seconds.get(name, 0.0) for name in tests)
            under_way.append(Trial.begin(ROOT, edit, tests, seconds, span, seeds))
        for trial in list(under_way):
            verdict = trial.ended()
            if verdict is not None:
                under_way.remove(trial)
                yield verdict
        time.sleep(0.02)


def known_reach(packages: Iterable[str]) -> reach.Reach:
    """What the tests reach, measured in a child of its own if it is not known for this tree. Raises `NotGreen`."""
    wanted = tuple(packages)
    found = reach.load(ROOT, wanted)
    if found is None:
        print("measuring which tests reach which lines; once for each state of the tree", flush=True)
        process = os.fork()
        if process == 0:
            os.chdir(ROOT)
            try:
                reach.measure(ROOT, wanted)
            except reach.NotGreen as error:
                print(error)
                os._exit(FOUND)
            os._exit(FINE)
        _, status = os.waitpid(process, 0)
        found = reach.load(ROOT, wanted)
        if status or found is None:
            raise reach.NotGreen("what the tests reach could not be measured: they have to pass first")
    return found


def scores(verdicts: Iterable[Verdict], judged: Mapping[str, str]) -> dict[str, Score]:
    """By package. A harmless edit that is noticed all the same counts as noticed."""
    counts = {package: [0, 0, 0] for package in PARTS}
    for verdict in verdicts:
        package = next(name for name in PARTS if verdict.edit.path.startswith(name + "/"))
        counts[package][0] += verdict.noticed
        counts[package][1] += 1
        counts[package][2] += not verdict.noticed and verdict.edit.name in judged
    return {package: Score(*numbers) for package, numbers in counts.items() if numbers[1]}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    made.add_argument("--seed", type=int, help="of the draw; by default the day, as 20261128")
    made.add_argument("--count", type=int, default=sum(PARTS.values()), help="edits over all packages")
    made.add_argument("--package", choices=tuple(PARTS), help="only this package; --count is then its own")
    made.add_argument("--only", default="", metavar="TEXT", help="only modules whose path contains this")
    made.add_argument("--seeds", type=int, default=_SEEDS, help="seeds of the simulation for what the tests let pass")
    made.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    made.add_argument("--least", type=float, default=0.0, metavar="PERCENT", help="exit with 1 below this score")
    made.add_argument("--list", action="store_true", help="print the edits and run nothing")
    made.add_argument("--json", type=Path, metavar="FILE", help="every verdict")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """0: every package scores at least --least; 1: one does not, or the tests fail as they are; 2: not understood."""
    try:
        options = parser().parse_args(arguments)
    except SystemExit as error:
        return int(error.code or 0)
    seed = options.seed if options.seed is not None else int(f"{datetime.now(UTC):%Y%m%d}")
    shares = (
        {options.package: options.count}
        if options.package
        else {package: round(part * options.count / sum(PARTS.values())) for package, part in PARTS.items()}
    )
    drawn = [edit for package, count in shares.items() for edit in draw(package, count, seed, options.only)]
    if options.list:
        for edit in drawn:
            print(f"{edit.path}:{edit.line} {edit.kind}: {edit.name}")
        return FINE
    preload()
    try:
        known = known_reach(PARTS)
    except reach.NotGreen as error:
        print(error)
        return FOUND
    judged, verdicts = harmless(), list[Verdict]()
    print(f"seed {seed}: {len(drawn)} edits", flush=True)
    for verdict in run(drawn, known, options.seeds, options.jobs):
        verdicts.append(verdict)
        if not verdict.noticed:
            said = "harmless: " + judged[verdict.edit.name] if verdict.edit.name in judged else "NOT NOTICED"
            tests = f"{verdict.tests} tests reach it" if verdict.tests else "no test reaches it"
            print(
                f"[{len(verdicts)}/{len(drawn)}] {said} ({tests}): {verdict.edit.path}:{verdict.edit.line}", flush=True
            )
            print(f"    {verdict.edit.name}", flush=True)
    found = scores(verdicts, judged)
    for package, score in found.items():
        left_out = f", {score.harmless} harmless left out" if score.harmless else ""
        print(f"{package}: {score.noticed} of {score.drawn} noticed{left_out}: {score.percent:.0f} %")
    if options.json:
        rows = [{**asdict(verdict), "edit": verdict.edit.name, "line": verdict.edit.line} for verdict in verdicts]
        options.json.write_text(json.dumps({"seed": seed, "verdicts": rows}, indent=1) + "\n", encoding="utf-8")
    return FINE if all(score.percent >= options.least for score in found.values()) else FOUND


if __name__ == "__main__":
    sys.exit(main())
