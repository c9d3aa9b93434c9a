"""What surrounds a run, on a toy: shrinking, the story, mutations, tables, exit codes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from adapters.generator.deliveries import Delivery
from adapters.generator.expected import Expected, Sold
from adapters.generator.world import World
from streams import clearing
from tests.simulation import harness, hunt, matrix, mutations, seeds, story
from tests.simulation.__main__ import FINE, FOUND, USAGE, main
from tests.simulation.harness import CRASH, Sources
from tests.simulation.mutation import Gone, Mutation, of
from tests.simulation.plan import Act, Kill, Pause, Plan, Webhook
from tests.simulation.result import Result, Violation
from tests.simulation.shrink import shrink
from tests.simulation.summary import Summary

CULPRITS = (23, 37)  # a webhook of order 5003, and the kill that loses it
LOST = Violation("I1", "refund-lost", "5003", "refund rf9 of 12.00 is nowhere", at=39.5)


def _delivery(number: int, order_id: str) -> Delivery:
    return Delivery(number, 0.0, "/webhooks/reveni", b"{}", "", "reveni", order_id=order_id, version=1)


def _make(seed: int) -> Plan:
    """Forty acts: every fourth is a fault, the others are webhooks of five orders."""
    acts: list[Act] = []
    for number in range(40):
        at = float(number)
        if number % 4 == 1:
            acts.append(Kill(number, at, "sequencer", 0))
        elif number % 8 == 2:
            acts.append(Pause(number, at, "dispatcher", 0, 5.0))
        else:
            acts.append(Webhook(number, at, _delivery(number, f"500{number % 5}")))
    orders = {f"500{n}": Sold("fulfilled", "GBP", "40.00", {"TEE": 1}) for n in range(5)}
    return Plan(seed, {}, {}, World(seed, ()), Expected(seed, "ns", orders, {}), tuple(acts))


def _run(plan: Plan, *, story: bool = False) -> Result:
    """Every third seed loses a refund, when both culprits act."""
    result = Result(plan.seed, Counter(webhook=len(plan.acts)), Counter(kill=1), Counter(I1=5, I2=7))
    if plan.seed % 3 == 0 and set(CULPRITS) <= {act.number for act in plan.acts}:
        result.violations.append(LOST)
    if story:
        result.story = ["  23.000 gateway  order 5003 taken", "  24.000 gateway  order 5004 taken", "  37.000 kill -9"]
    result.digest = str(len(plan.acts))
    return result


TOY = Sources(_run, _make)


def _said(*arguments: str, sources: Sources = TOY) -> tuple[int, str]:
    out = StringIO()
    code = main([*arguments, "--jobs", "1"], sources, Console(file=out, width=200))
    return code, out.getvalue()


def test_shrinking_leaves_the_two_acts_that_matter() -> None:
    """Of forty acts the shrinker leaves the webhook and the kill that together lose the refund."""
    plan = _make(3)
    shrunk = shrink(plan, _run, LOST)
    assert tuple(act.number for act in shrunk.plan.acts) == CULPRITS
    assert shrunk.finished
    assert shrunk.runs < 60


def test_shrinking_twice_takes_the_same_way() -> None:
    """The same plan is shrunk by the same number of runs to the same plan."""
    assert shrink(_make(3), _run, LOST) == shrink(_make(3), _run, LOST)


def test_shrinking_stops_when_its_time_is_over() -> None:
    """Out of time, the smallest plan found so far is handed back, and that it is not the last word."""
    clock = iter(range(1000))
    shrunk = shrink(_make(3), _run, LOST, budget=4, clock=lambda: float(next(clock)))
    assert not shrunk.finished
    assert set(CULPRITS) <= {act.number for act in shrunk.plan.acts}
    assert shrunk.runs <= 4


def test_shrinking_does_not_take_another_violation_for_the_same() -> None:
    """A smaller plan that breaks another promise is no smaller case of this one."""

    def run(plan: Plan, *, story: bool = False) -> Result:
        result = _run(plan)
        if len(plan.acts) < 10:
            result.violations = [Violation("I2", "doubled", "5003", "")]
        return result

    shrunk = shrink(_make(3), run, LOST)
    assert len(shrunk.plan.acts) == 10


def test_a_crash_of_a_run_is_a_violation_and_is_shrunk_alike() -> None:
    """An exception out of a run is told like a broken promise, named after where it was raised."""

    def run(plan: Plan, *, story: bool = False) -> Result:
        if CULPRITS[0] in {act.number for act in plan.acts}:
            raise KeyError("ouch")
        return _run(plan)

    result = harness.carry_out(_make(1), run)
    (crash,) = result.violations
    assert (crash.invariant, crash.name) == (CRASH, "KeyError in run")
    assert [act.number for act in shrink(_make(1), run, crash).plan.acts] == [CULPRITS[0]]


def test_a_run_that_does_not_end_is_a_violation() -> None:
    """A run that goes round in circles is stopped and told."""

    def run(plan: Plan, *, story: bool = False) -> Result:
        while True:
            pass

    (stuck,) = harness.carry_out(_make(1), run, at_most=0.05).violations
    assert (stuck.invariant, stuck.name) == (CRASH, "Stuck")


def test_a_seed_whose_second_run_differs_fails() -> None:
    """Two runs of one seed with different digests are a failure of their own."""
    digests = iter("abcdef")

    def run(plan: Plan, *, story: bool = False) -> Result:
        return Result(plan.seed, digest=next(digests))

    code, said = _said("--seeds", "1", "--no-shrink", sources=Sources(run, _make))
    assert code == FOUND
    assert "determinism" in said


def test_the_story_keeps_to_the_orders_concerned() -> None:
    """Lines and acts of other orders are left out; faults and the loss are there."""
    plan = _make(3)
    told = "\n".join(story.tell(plan, _run(plan, story=True), 40))
    assert "order 5003 taken" in told
    assert "kill -9" in told
    assert "order 5004" not in told
    assert "refund rf9 of 12.00 is nowhere" in told
    assert "no refund is lost" in told
    assert "paid 40.00 GBP" in told


def test_the_story_of_a_command_is_that_of_the_order_it_names() -> None:
    """A violation about a command tells of the order that its sentence names."""
    plan = _make(3)
    lost = Violation("I11", "row-differs", "4fa3htz5at2c45th", 'recovered otherwise: {"order_key":"5003"}')
    told = "\n".join(story.tell(plan, Result(3, violations=[lost], story=_run(plan, story=True).story), 40))
    assert "order 5003 taken" in told
    assert "order 5004" not in told


def test_the_story_tells_what_happens_again_and_again_once() -> None:
    """Violations that are alike are one paragraph and a number."""
    plan = _make(3)
    again = [Violation("I5", "too-much", "5003", f"{n} too much", at=float(n)) for n in range(1, 8)]
    told = "\n".join(story.tell(plan, Result(3, violations=[LOST, *again]), 40))
    assert "1 too much" in told
    assert "2 too much" not in told
    assert "and 6 times more until 7.000 s" in told


def test_a_failing_seed_is_told_with_a_command_that_shows_it_again() -> None:
    """The command line exits 1, names the seed, and prints a command that leads to the same violation."""
    code, said = _said("--seeds", "1-4")
    assert code == FOUND
    assert "python -m tests.simulation --seeds 3\n" in said
    assert "--seeds 3 --keep 23,37 --story" in said
    assert "What was lost" in said
    again, told = _said("--seeds", "3", "--keep", "23,37")
    assert again == FOUND
    assert "2 of 2 acts" in told or "2 of 40 acts" in told


def test_exit_codes() -> None:
    """0 when all is well, 1 when a promise was broken, 2 for what is not understood."""
    assert _said("--seeds", "1,2,4")[0] == FINE
    assert _said("--seeds", "6", "--no-shrink")[0] == FOUND
    assert _said("--seeds", "a-b")[0] == USAGE
    assert _said("--seeds", "1-2", "--keep", "3")[0] == USAGE
    assert _said("--seeds", "1", "--mutation", "no-such-thing")[0] == USAGE


def test_files_say_what_the_runs_came_to(tmp_path: Path) -> None:
    """The summary as JSON and the matrix as Markdown count runs, faults and checks."""
    summary, table = tmp_path / "summary.json", tmp_path / "matrix.md"
    _said("--seeds", "1-4", "--no-shrink", "--json", str(summary), "--matrix", str(table))
    raw = json.loads(summary.read_text())
    assert (raw["runs"], raw["failed"]) == (4, {"3": ["I1 refund-lost"]})
    assert raw["coverage"] == {"kill": {"I1": 4, "I2": 4}}
    row = next(line for line in table.read_text().splitlines() if line.startswith("| process killed"))
    assert row.startswith("| process killed between any two steps of the commit protocol | 4 | **4** | **4** |")
    assert row.count("**missing**") == 2  # I10 and I11 were not checked


def test_a_summary_counts_only_faults_that_took_effect() -> None:
    """A fault that is counted as 0 covers nothing."""
    summary = Summary()
    summary.add(Result(1, faults=Counter({"kill": 0, "pause": 2}), checks=Counter(I2=1)))
    assert summary.together == Counter({("pause", "I2"): 1})
    assert "missing" in matrix.table(summary)


def test_seeds_are_read_and_spelled() -> None:
    """Ranges are read in their order, each seed once, and spelled as short as they are read."""
    assert seeds.parse("5,1-3,2") == [5, 1, 2, 3]
    assert seeds.spell([3, 1, 2, 7]) == "1-3,7"
    assert seeds.parse(seeds.spell(range(4, 9))) == [4, 5, 6, 7, 8]
    with pytest.raises(seeds.BadSeeds):
        seeds.parse("1-")


def test_seeds_of_two_days_are_different() -> None:
    """Each day has seeds of its own, always the same."""
    today, tomorrow = seeds.of_day(date(2026, 11, 27)), seeds.of_day(date(2026, 11, 28))
    assert today == seeds.of_day(date(2026, 11, 27))
    assert len(today) == seeds.FRESH
    assert not set(today) & set(tomorrow)


def test_failed_seeds_are_read_with_what_they_found(tmp_path: Path) -> None:
    """A line is a seed and, after the mark, what it found; lines of comment alone are skipped."""
    file = tmp_path / "failed.txt"
    file.write_text("# all that failed\n\n17  # I2: a note made twice\n")
    assert seeds.failed(file) == [seeds.Failed(17, "I2: a note made twice")]


def _spread(plan: Plan, *, story: bool = False) -> Result:
    """A toy that runs a function of the product: what is taken from a pool of 10 when 4 are asked for."""
    taken = clearing._take(plan.seed, [("a", 10)], Counter[str]())
    result = Result(plan.seed)
    if taken > 10:
        result.violations.append(Violation("I5", "too-much", "", f"{taken} of 10"))
    return result


TOO_MUCH = of(
    "take-too-much",
    "More is taken than there is.",
    "I5",
    ("streams.clearing:_take", "return min(amount, whole)", "return amount * reached()"),
)


def test_a_hunt_finds_the_first_seed_that_tells_the_mutated_product_from_the_true_one() -> None:
    """The mutation breaks a promise from seed 11 on, is reached before that, and is gone afterwards."""
    found = hunt.hunt(TOO_MUCH, range(1, 50), Sources(_spread, _make))
    assert found == hunt.Found(seed=11, after=11, invariant="I5", name="too-much")
    assert hunt.search(TOO_MUCH, range(1, 6), Sources(_spread, _make)).reached == 5
    assert _spread(_make(20)).ok


def test_a_seed_that_fails_without_the_mutation_proves_nothing() -> None:
    """Where the true product fails as well the hunt goes on."""

    def always(plan: Plan, *, story: bool = False) -> Result:
        _spread(plan)
        return Result(plan.seed, violations=[LOST])

    assert hunt.hunt(TOO_MUCH, range(1, 20), Sources(always, _make)) is None


@pytest.mark.parametrize("mutation", mutations.ALL.values(), ids=lambda mutation: mutation.name)
def test_every_mutation_still_has_its_place(mutation: Mutation) -> None:
    """Each edit names text that stands exactly once in a function that is there, and leaves nothing behind."""
    with mutation.applied() as reached:
        assert reached.times == 0
    assert mutation.sentence.endswith(".")
    assert set(mutation.expected) <= set(story.PROMISES)


def test_a_mutation_whose_place_is_gone_fails_loudly() -> None:
    """Neither text, nor function, nor class may be missing."""
    for target, old in (
        ("streams.clearing:_take", "no such text"),
        ("streams.clearing:no_such", ""),
        ("streams.row:Row.no", ""),
    ):
        with pytest.raises(Gone), of("gone", "Gone.", "I1", (target, old, "reached()")).applied():
            pass


def test_there_are_enough_mutations() -> None:
    """At least twenty-five mistakes, each under a name of its own."""
    assert len(mutations.ALL) >= 25


def test_the_table_of_mutations_is_put_between_its_marks(tmp_path: Path) -> None:
    """What is written around the table by hand stays."""
    file = tmp_path / "simulation.md"
    file.write_text(f"# Before\n{hunt._BEGIN}\nold\n{hunt._END}\nafter\n")
    found = hunt.Hunted("fee-added", hunt.Found(7, 7, "I5", "too-much"), 7, 20)
    missed: Iterable[hunt.Hunted] = [found, hunt.Hunted("cap-ignored", None, 500, 3)]
    hunt.write(file, list(missed), range(1, 501))
    text = file.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "1 of 2 found within 500 seeds" in text
    assert "| I5 too-much | 7 |" in text
    assert "| **not found** | 500, reached 3 times |" in text
