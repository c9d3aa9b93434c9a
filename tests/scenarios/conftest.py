"""The running system that all scenarios share: real Kafka, simulators, gateway, one sequencer, one dispatcher."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from adapters.stage.child import run
from adapters.stage.stage import Stage
from tests.brokers import RealKafka
from tests.scenarios.settings import SEEDS, SIMULATORS, profile_text
from tests.scenarios.system import System


@pytest.fixture(scope="package")
def system(kafka: RealKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Started once; stopped at the end, the intake first."""
    stage = Stage(
        tmp_path_factory.mktemp("scenarios"),
        kafka.address,
        prefix=f"scenarios-{uuid4().hex[:8]}.",
        profile=profile_text(),
        simulators=SIMULATORS,
    )
    found = System(
        stage,
        stage.worker("sequencer-1", "sequencer", loglevel="info"),
        stage.worker("dispatcher-1", "dispatcher", "ns", loglevel="info"),
    )
    try:
        run(["topics", "init"], stage.env)
        found.publish(stage.profile_text)
        stage.open()
        stage.seed(SEEDS)
        found.sequencer.start()
        found.dispatcher.start()
        yield found
    finally:
        stage.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failed scenario shows the end of each process's log."""
    report: pytest.TestReport = yield  # type: ignore[assignment,misc]  # the wrapper protocol sends the result
    system = getattr(item, "funcargs", {}).get("system")
    if report.failed and isinstance(system, System):
        stage = system.stage
        for child in (stage.gateway, *stage.workers, stage.simulators):
            report.sections.append((f"end of {child.log}", child.tail(12)))
    return report  # type: ignore[return-value]
