"""The sampler of small edits: what it edits, what it leaves alone, and that an edit on trial is noticed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from tests.mutation.__main__ import PARTS, Score, draw, harmless, scores, sources_of
from tests.mutation.edits import Edit, edits_of
from tests.mutation.reach import Reach
from tests.mutation.trial import Verdict

ROOT = Path(__file__).parents[2]


def edited(text: str) -> set[str]:
    """Every text that one edit of this module makes of it."""
    source = dedent(text).encode()
    return {edit.applied(source).decode() for edit in edits_of("a.py", source)}


def test_a_comparison_becomes_its_neighbour_and_a_condition_its_opposite() -> None:
    assert "def f(a):\n    return (a <= 2)\n" in edited("def f(a):\n    return a < 2\n")
    assert "def f(a):\n    return a < 3\n" in edited("def f(a):\n    return a < 2\n")
    assert "def f(a):\n    if (not a.b):\n        g()\n" in edited("def f(a):\n    if a.b:\n        g()\n")


def test_a_statement_is_left_out() -> None:
    made = edited("def f(a):\n    a.clear()\n    raise ValueError(a)\n")
    assert made == {"def f(a):\n    pass\n    raise ValueError(a)\n", "def f(a):\n    a.clear()\n    pass\n"}


def test_an_operand_an_argument_and_a_filter_are_left_out() -> None:
    assert edited("f(a or b)\n") >= {"f(a)\n", "f(b)\n", "f((a and b))\n"}
    assert "f(a)\n" in edited("f(a, key=b)\n")
    assert "[a for a in b]\n" in edited("[a for a in b if a]\n")


def test_prose_is_left_alone() -> None:
    assert not edited(
        '''
        """A docstring."""

        def f(a: int) -> str:
            """Another."""
            log.info("said", key=1)
            assert a
            return f"{a} units"
        '''
    )


def test_positions_hold_behind_characters_of_several_bytes() -> None:
    assert 'a = "£€"; b = (c <= d)\n' in edited('a = "£€"; b = c < d\n')


def test_every_edit_of_the_product_compiles() -> None:
    for package in PARTS:
        for path, source in sources_of(package).items():
            for edit in edits_of(path, source):
                compile(edit.applied(source), path, "exec", dont_inherit=True)


def test_a_draw_is_repeatable_and_takes_each_line_once() -> None:
    first, again, other = draw("streams", 50, 7), draw("streams", 50, 7), draw("streams", 50, 8)
    assert first == again != other
    assert len({(edit.path, edit.line) for edit in first}) == 50


def test_the_simulated_vendor_is_not_the_product() -> None:
    assert not any("simulator" in path for path in sources_of("adapters/netsuite"))


def edit(path: str, before: str = "a") -> Edit:
    return Edit(path, 1, "f", "comparison", before, "b", 0, 1, at_import=False)


def test_harmless_edits_are_left_out_of_the_score() -> None:
    verdicts = [
        Verdict(edit("streams/a.py"), "FAILED", 1, 0.1),
        Verdict(edit("streams/a.py", "x"), "", 1, 0.1),
        Verdict(edit("streams/a.py", "y"), "", 1, 0.1),
    ]
    found = scores(verdicts, {edit("streams/a.py", "x").name: "says the same"})
    assert found == {"streams": Score(noticed=1, drawn=3, harmless=1)}
    assert found["streams"].percent == 50


def test_a_line_that_runs_at_import_is_tried_by_all_tests_of_its_module() -> None:
    known = Reach({"a.py": {1: frozenset({"slow"}), 9: frozenset({"quick"})}}, {"slow": 2.0, "quick": 0.1})
    assert known.tests_of("a.py", 9, at_import=False) == ["quick"]
    assert known.tests_of("a.py", 3, at_import=False) == []
    assert known.tests_of("a.py", 3, at_import=True) == ["quick", "slow"]


def test_every_harmless_edit_has_its_reason() -> None:
    for name, reason in harmless().items():
        path, where, edit = name.split(" | ", 2)  # the code may have such a bar itself
        assert path.endswith(".py") and where and " -> " in edit and reason, name


_TRIAL = """
import sys, time
from pathlib import Path
from tests.mutation.edits import edits_of
from tests.mutation.trial import Trial, preload

root, wanted = Path(sys.argv[1]), sys.argv[2]
preload()
path = "streams/vocabulary.py"
edit = next(edit for edit in edits_of(path, (root / path).read_bytes()) if wanted in edit.name)
trial = Trial.begin(root, edit, ["tests/mutation/test_edits.py::test_vocabulary_as_a_trial_sees_it"], 1.0, "", 0)
while (verdict := trial.ended()) is None:
    time.sleep(0.01)
print("noticed" if verdict.noticed else "not noticed")
"""


def _tried(wanted: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", _TRIAL, str(ROOT), wanted], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    return ended.stdout.strip() or ended.stderr


def test_vocabulary_as_a_trial_sees_it() -> None:
    from streams.vocabulary import Owner

    assert Owner.FINANCE == "finance"


def test_an_edit_on_trial_is_noticed_by_the_test_that_states_what_it_breaks() -> None:
    assert _tried('"finance" ->') == "noticed"
    assert _tried('"warehouse" ->') == "not noticed"
