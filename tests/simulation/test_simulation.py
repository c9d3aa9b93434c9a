"""The pipeline under faults: fresh seeds of the day, and every seed that ever failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation import seeds

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 1200


@pytest.mark.slow
def test_no_promise_is_broken_on_fresh_seeds_and_old_failures(capfd: pytest.CaptureFixture[str]) -> None:
    """2,000 seeds that no day before had, and all that ever failed, keep every promise; which they are is printed.

    REVENI_STREAMS_TEST_SEEDS changes the count. `make simulate SEEDS=...` runs them again.
    """
    count = os.environ.get("REVENI_STREAMS_TEST_SEEDS") or str(seeds.FRESH)
    command = [sys.executable, "-m", "tests.simulation", "--date", "--count", count, "--failed"]
    with capfd.disabled():  # the summary is part of the record of a run that passes, too
        print(flush=True)
        ended = subprocess.run(command, cwd=ROOT, timeout=MOST_SECONDS, check=False)
    assert ended.returncode == 0, "a promise was broken: the story, and how to see it again, are printed above"
