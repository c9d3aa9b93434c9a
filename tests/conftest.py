"""Fixtures shared by all tests: one real Kafka and one embedded broker a session, a topic prefix for each test."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from uuid import uuid4

import pytest
from hypothesis import settings

from adapters.broker.embedded import EmbeddedBroker
from tests.brokers import RealBrokerLedger, RealKafka, start_real_kafka

# On top of hypothesis's own profile, which in CI draws the same examples each time. An example may take as long as a
# loaded machine needs; the budget is the number of examples, and a failure prints how to see it again.
settings.register_profile("tests", deadline=None, print_blob=True)
settings.load_profile("tests")

_LEDGER = pytest.StashKey[RealBrokerLedger]()
_SHORTAGE = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LEDGER] = RealBrokerLedger()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that takes the `kafka` fixture is a real-broker test, marked or not."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "kafka" in fixtures:
            item.add_marker("kafka")
        if "embedded_broker" in fixtures:
            item.add_marker("embedded")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Counts what was selected, after -k and -m."""
    wanted = session.config.stash[_LEDGER].wanted
    wanted.update(item.nodeid for item in session.items if item.get_closest_marker("kafka"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report: pytest.TestReport = yield  # type: ignore[assignment,misc]  # the wrapper protocol sends the result
    if report.when == "call" and not report.skipped and item.get_closest_marker("kafka"):
        item.config.stash[_LEDGER].ran.add(item.nodeid)
    return report  # type: ignore[return-value]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    ledger = config.stash[_LEDGER]
    if config.option.collectonly or not ledger.wanted:
        return
    terminalreporter.section("real broker")
    terminalreporter.line(ledger.summary())
    if ledger.skipped:
        terminalreporter.line(f"no real broker: {config.stash.get(_SHORTAGE, 'not asked for')}")
        for name in ledger.skipped:
            terminalreporter.line(f"  did not run: {name}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    if config.option.collectonly or exitstatus != pytest.ExitCode.OK:
        return
    if config.stash[_LEDGER].fails_the_run(dict(os.environ)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    """Real Apache Kafka. Tests that restart it must leave it running."""
    broker = start_real_kafka(tmp_path_factory.mktemp("kafka"))
    if isinstance(broker, str):
        pytestconfig.stash[_SHORTAGE] = broker
        pytest.skip(f"NO REAL KAFKA: {broker.splitlines()[0]}")
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def embedded_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """The embedded broker that `demo` uses."""
    broker = EmbeddedBroker(tmp_path_factory.mktemp("embedded"))
    broker.start()
    yield broker
    broker.stop()


_THREADS_END_WITHIN = 10.0  # seconds


@pytest.fixture(autouse=True)
def no_thread_outlives_its_test() -> Iterator[None]:
    """A thread left behind keeps the interpreter from ending: say which test left it, and where it stands."""
    before = set(threading.enumerate())
    yield
    until = time.monotonic() + _THREADS_END_WITHIN
    while left := [t for t in threading.enumerate() if t not in before and not t.daemon]:
        if time.monotonic() > until:
            frames = sys._current_frames()
            stood = [f"{t.name}\n{''.join(traceback.format_stack(frames[t.ident]))}" for t in left if t.ident in frames]
            pytest.fail("threads outlived the test:\n" + "\n".join(stood))
        left[0].join(0.1)


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A topic prefix that no other test, nor another run on the same broker, uses; it ends with a dot."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40]
    return f"t-{uuid4().hex[:8]}-{name}."
