"""Which fast tests run which lines of the product, and how long each takes: measured once for each state of the tree.

A small edit can be noticed only by tests that run its line. A line that runs when its module is imported may be
noticed by every test that runs anything of the module.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FAST_TESTS = ("tests/unit", "tests/contract/test_netsuite_adapter.py", "tests/contract/test_netsuite_wire.py")
KEPT = Path(".cache/mutation-reach.json")


class NotGreen(Exception):
    """The tests do not pass as they are, so nothing can be learnt from their failing."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Tests by line of each module, and seconds by test."""

    lines: Mapping[str, Mapping[int, frozenset[str]]]
    seconds: Mapping[str, float]

    def tests_of(self, path: str, line: int, *, at_import: bool) -> list[str]:
        """The tests that may notice an edit of a line, the quickest first."""
        by_line = self.lines.get(path, {})
        names = frozenset().union(*by_line.values()) if at_import else by_line.get(line, frozenset())
        return sorted(names, key=lambda name: (self.seconds.get(name, 0.0), name))


def fingerprint(root: Path, folders: Iterable[str]) -> str:
    """A hash over every Python file of the folders."""
    digest = hashlib.sha256()
    for path in sorted(file for folder in folders for file in (root / folder).rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def load(root: Path, packages: Iterable[str]) -> Reach | None:
    """What was measured for exactly this tree, or None."""
    kept = root / KEPT
    if not kept.exists():
        return None
    raw = json.loads(kept.read_text())
    if raw["tree"] != fingerprint(root, ("tests", *packages)):
        return None
    names = raw["tests"]
    lines = {
        path: {int(line): frozenset(names[number] for number in numbers) for line, numbers in by_line.items()}
        for path, by_line in raw["lines"].items()
    }
    return Reach(lines, dict(zip(names, raw["seconds"], strict=True)))


def measure(root: Path, packages: tuple[str, ...]) -> None:
    """Run the fast tests under coverage in this process (a child of its own) and keep what they reach.

    Raises `NotGreen`.
    """
    import coverage

    cover = coverage.Coverage(data_file=None, source=[str(root / package) for package in packages], config_file=False)
    recorder = _Recorder(cover)
    cover.start()
    code = pytest.main(["-q", "-p", "no:cacheprovider", *FAST_TESTS], plugins=[recorder])
    cover.stop()
    if code != 0:
        raise NotGreen(f"the tests fail as they are (pytest ended with {int(code)})")
    names = sorted(recorder.seconds)
    number_of = {name: number for number, name in enumerate(names)}
    lines: dict[str, dict[int, list[int]]] = {}
    data = cover.get_data()
    for file in data.measured_files():
        by_line: dict[int, set[int]] = defaultdict(set)
        for line, contexts in data.contexts_by_lineno(file).items():
            by_line[line] |= {number_of[context] for context in contexts if context in number_of}
        lines[str(Path(file).relative_to(root))] = {line: sorted(found) for line, found in by_line.items() if found}
    kept = root / KEPT
    kept.parent.mkdir(exist_ok=True)
    raw = {
        "tree": fingerprint(root, ("tests", *packages)),
        "tests": names,
        "seconds": [round(recorder.seconds[name], 4) for name in names],
        "lines": lines,
    }
    kept.write_text(json.dumps(raw))


class _Recorder:
    """Tells coverage which test is running."""

    def __init__(self, cover: Any) -> None:
        self._cover = cover
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._cover.switch_context(item.nodeid)
        result = yield
        self._cover.switch_context("")
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
