"""A worker is killed at each numbered gap of both protocols, and started again: nothing is lost, nothing twice."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.stage.child import Child
from tests.crash.installation import Installation
from tests.crash.traffic import Traffic

ORDERS = 10


@dataclass(frozen=True, slots=True)
class Gap:
    """Where a process is killed: the fault point, and how often it is passed before."""

    point: str
    nth: int

    @property
    def role(self) -> str:
        return self.point.partition(".")[0]

    def __str__(self) -> str:
        return self.point


# A batch may hold all that was sent at once, so the sequencer's points are reached a few times only; the dispatcher's
# are reached once for each command.
GAPS = [
    Gap("sequencer.decided", 3),
    Gap("sequencer.changelog", 3),
    Gap("sequencer.installed", 3),
    Gap("sequencer.published", 3),
    Gap("sequencer.acknowledged", 4),
    Gap("dispatcher.after-read", 8),
    Gap("dispatcher.begun-written", 8),
    Gap("dispatcher.before-send", 8),
    Gap("dispatcher.after-send", 8),
    Gap("dispatcher.outcome-published", 8),
    Gap("dispatcher.done-written", 8),
]


@pytest.fixture(scope="module")
def workers(installation: Installation) -> dict[str, Child]:
    """One of each role; each runs from its first case on."""
    return {"sequencer": installation.sequencer(), "dispatcher": installation.dispatcher()}


@pytest.mark.kafka
@pytest.mark.parametrize("gap", GAPS, ids=str)
def test_a_worker_killed_in_the_gap(
    installation: Installation, workers: dict[str, Child], gap: Gap, tmp_path: Path
) -> None:
    """It dies where it was told to; after its return everything is done once."""
    victim = workers[gap.role]
    assert victim.stop() == 0, victim.tail()
    for other in workers.values():
        if other is not victim and not other.running:
            other.start()
    reached = tmp_path / "reached"
    victim.start(REVENI_STREAMS_FAULT_POINT=f"{gap.point}:{gap.nth}", REVENI_STREAMS_FAULT_LOG=str(reached))
    traffic = Traffic(installation.stage, seed=gap.nth)
    stories = traffic.tell(ORDERS)
    traffic.send(stories)
    installation.wait(lambda: not victim.running, 30, f"{gap.point} was not reached")
    assert victim.code == -signal.SIGKILL, victim.tail()
    assert reached.read_text() == f"{gap.point}\n"

    victim.start()
    installation.wait_until_done(stories, 40)
    assert traffic.failed == []
    verdict = installation.judge(stories)
    assert verdict.kept, verdict
