"""The suite's own promise: real-broker tests that did not run are named, and in CI they fail the run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _run_suite(tmp_path: Path, *, ci: str, body: str = "def test_real(kafka): ...") -> subprocess.CompletedProcess[str]:
    """The real conftest over one test, where neither Java nor a container engine can be found."""
    suite = tmp_path / "tests"
    suite.mkdir()
    for name in ("__init__.py", "conftest.py", "brokers.py"):
        shutil.copy(ROOT / "tests" / name, suite / name)
    (suite / "test_it.py").write_text(f"{body}\ndef test_plain(): ...\n")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\npythonpath = .\naddopts = --import-mode=importlib\nmarkers =\n kafka\n"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("REVENI_STREAMS_")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(suite)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
        env={**env, "CI": ci, "PATH": str(tmp_path), "DOCKER_HOST": "unix:///nowhere", "PYTHONPATH": str(ROOT)},
    )


def test_without_ci_a_missing_broker_is_loud_but_passes(tmp_path: Path) -> None:
    """On a machine without Kafka the run passes, and its summary says by name what did not run, and why."""
    done = _run_suite(tmp_path, ci="")
    assert done.returncode == 0, done.stdout
    assert "0 of 1 real-broker tests ran" in done.stdout
    assert "did not run: tests/test_it.py::test_real" in done.stdout
    assert "no Java" in done.stdout


def test_in_ci_a_missing_broker_fails_the_run(tmp_path: Path) -> None:
    """Under CI=true the same run fails: green means that the real part ran."""
    done = _run_suite(tmp_path, ci="true")
    assert done.returncode == 1, done.stdout
    assert "0 of 1 real-broker tests ran" in done.stdout


def test_in_ci_a_run_without_real_broker_tests_passes(tmp_path: Path) -> None:
    """The rule is about tests that were asked for: with none of them there is nothing to miss."""
    assert _run_suite(tmp_path, ci="true", body="").returncode == 0
