"""The main crash on the embedded broker, as far as it can: workers die under load, the broker (memory only) stays."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from uuid import uuid4

import pytest

from adapters.broker.embedded import EmbeddedBroker
from tests.crash.installation import Installation
from tests.crash.traffic import Load, Traffic


@pytest.fixture
def on_embedded(embedded_broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(
        tmp_path_factory.mktemp("embedded-crash"), embedded_broker.address, f"crash-{uuid4().hex[:6]}.", embedded=True
    )
    try:
        made.open()
        yield made
    finally:
        made.stage.close()


def test_both_roles_killed_under_load(on_embedded: Installation) -> None:
    """kill -9 of the sequencer, then of the dispatcher; each comes back: nothing lost, nothing twice."""
    workers = [on_embedded.sequencer(), on_embedded.dispatcher()]
    for child in workers:
        child.start()
    traffic = Traffic(on_embedded.stage, 11)
    with Load(traffic, 3.0):
        for victim in workers:
            wanted = on_embedded.calls()["calls"] + 40
            on_embedded.wait(lambda wanted=wanted: on_embedded.calls()["calls"] >= wanted, 60, "calls before the kill")
            victim.kill()
            assert victim.code == -signal.SIGKILL
            victim.start()
        wanted = on_embedded.calls()["calls"] + 40
        on_embedded.wait(lambda: on_embedded.calls()["calls"] >= wanted, 60, "calls after the last return")
    on_embedded.wait_until_done(traffic.stories, 60)
    assert traffic.failed == []
    verdict = on_embedded.judge(traffic.stories)
    assert verdict.kept, verdict
