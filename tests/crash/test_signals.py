"""SIGTERM under load; SIGSTOP past the session time-out and SIGCONT: no zombie does harm."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections import defaultdict
from pathlib import Path

import pytest

from adapters.stage.child import Child
from agents.dispatcher.entries import OWNER, Owned, decode
from streams.rowcodec import head_of
from tests.crash.installation import DISPATCHER_SESSION, SEQUENCER_SESSION, Installation
from tests.crash.traffic import Load, Traffic
from tests.kafka import read_all

pytestmark = pytest.mark.kafka

START_SECONDS = 30.0


def test_sigterm_under_load(installation: Installation) -> None:
    """Both roles end with 0; their successors go on before any session could have run out; nothing lost or doubled."""
    owners = {"sequencer": installation.sequencer(1), "dispatcher": installation.dispatcher(1)}
    _start_all(installation, owners["sequencer"], owners["dispatcher"])
    traffic = Traffic(installation.stage, 3)
    groups = {
        "sequencer": installation.topology.sequencer_app,
        "dispatcher": installation.topology.dispatcher_app("ns"),
    }
    successors = {"sequencer": installation.sequencer(2), "dispatcher": installation.dispatcher(2)}
    with Load(traffic, 3.0):
        _wait_for_more_calls(installation, 30)
        for role, session in (("sequencer", SEQUENCER_SESSION), ("dispatcher", DISPATCHER_SESSION)):
            successors[role].start()
            installation.wait(lambda role=role: installation.members(groups[role]) == 2, START_SECONDS, f"two {role}s")
            leaving, staying = owners[role], successors[role]
            if role == "dispatcher" and _last_epoch(staying) > _last_epoch(leaving):
                leaving, staying = staying, leaving  # the rebalance gave the account to the new one
            assert leaving.stop(20) == 0, leaving.tail(40)
            left = time.monotonic()
            installation.wait(lambda role=role: installation.members(groups[role]) == 1, 10, f"one {role}")
            _wait_for_more_calls(installation, 10)
            assert time.monotonic() - left < session, f"{role}: the successor waited for the session to run out"
            assert staying.running, staying.tail(40)
    _done(installation, traffic)


def test_a_sequencer_stopped_past_its_session_writes_late(installation: Installation, tmp_path: Path) -> None:
    """It wakes between deciding and its changelog write; the late write is joined and takes nothing away."""
    zombie, successor, dispatcher = installation.sequencer(3), installation.sequencer(4), installation.dispatcher(3)
    group = installation.topology.sequencer_app
    _start_all(installation, dispatcher)
    zombie.start(**_stop_at("sequencer.decided:4", tmp_path))
    traffic = Traffic(installation.stage, 4)
    stories = traffic.tell(8, ("two-returns",), untidy=False)
    for story in stories:
        traffic.send_one(story, slice(0, 3))
    installation.wait(lambda: _is_stopped(zombie), START_SECONDS, "the sequencer was not stopped")
    for story in stories:
        traffic.send_one(story, slice(3, 4))
    successor.start()
    installation.wait(lambda: _up_to_date(installation), 60, lambda: f"behind: {installation.behind()}")

    zombie.signal(signal.SIGCONT)
    late = installation.wait(lambda: _late_writes(installation), 20, "the zombie wrote nothing late")
    installation.wait(
        lambda: not zombie.running or installation.members(group) == 2, 30, "the zombie neither ended nor joined again"
    )
    # Its successor goes, too: what comes next is decided on rows read from the changelog, late writes and all.
    assert successor.stop() == 0, successor.tail(40)
    if not zombie.running:
        zombie.start()
    for story in stories:
        traffic.send_one(story, slice(4, None))
    _done(installation, traffic)
    assert late


def test_a_dispatcher_stopped_past_its_session_sends_nothing(installation: Installation, tmp_path: Path) -> None:
    """It wakes between `begun` and the call, and does not call: another owns the account."""
    zombie, successor, sequencer = installation.dispatcher(4), installation.dispatcher(5), installation.sequencer(5)
    group = installation.topology.dispatcher_app("ns")
    _start_all(installation, sequencer)
    zombie.start(**_stop_at("dispatcher.before-send:6", tmp_path))
    traffic = Traffic(installation.stage, 5)
    stories = traffic.tell(8)
    traffic.send(stories)
    installation.wait(lambda: _is_stopped(zombie), START_SECONDS, "the dispatcher was not stopped")
    successor.start()
    installation.wait_until_done(stories, 60)

    # The successor has nothing more to do: every call from here on is the zombie's.
    before = installation.calls()["calls"]
    zombie.signal(signal.SIGCONT)
    installation.wait(
        lambda: not zombie.running or installation.members(group) == 2, 30, "the zombie neither ended nor joined again"
    )
    assert installation.stage.control("GET", f"/_calls?since_seq={before}") == []
    traffic.send(traffic.tell(8))
    _done(installation, traffic)


def test_a_rebalance_right_after_a_take_over_ends_what_it_began(installation: Installation, tmp_path: Path) -> None:
    """The account's session runs before the first batch can come; a rebalance in that moment must end it, too.

    Seen: a session went on beside the next one of the same process, and both sent the same commands.
    """
    first, second, sequencer = installation.dispatcher(6), installation.dispatcher(7), installation.sequencer(6)
    group = installation.topology.dispatcher_app("ns")
    _start_all(installation, sequencer)
    before = len(_owners(installation))
    patient = {"REVENI_STREAMS_DISPATCHER_SESSION_SECONDS": "20"}  # it must not be evicted while the other starts
    first.start(**_stop_at("dispatcher.owned:1", tmp_path), **patient)
    installation.wait(lambda: _is_stopped(first), START_SECONDS, "the dispatcher was not stopped")
    second.start(**patient)
    installation.wait(lambda: installation.members(group) == 0, START_SECONDS, "no rebalance began")
    first.signal(signal.SIGCONT)
    installation.wait(lambda: installation.members(group) == 2, START_SECONDS, "two dispatchers")
    traffic = Traffic(installation.stage, 6)
    traffic.send(traffic.tell(8))
    _done(installation, traffic)
    epochs = _owners(installation)[before:]
    assert epochs[:2] == [(epochs[0][0], False), (epochs[0][0], True)], "the first session was not given up"


# -- what these tests do


def _start_all(installation: Installation, *wanted: Child) -> None:
    """Stop all workers of earlier tests, so that the groups are empty, and start these."""
    for child in installation.stage.workers:
        child.signal(signal.SIGCONT)
        child.stop()
    for child in wanted:
        child.start()


def _done(installation: Installation, traffic: Traffic) -> None:
    installation.wait_until_done(traffic.stories, 60)
    assert traffic.failed == []
    verdict = installation.judge(traffic.stories)
    assert verdict.kept, verdict


def _stop_at(point: str, directory: Path) -> dict[str, str]:
    return {
        "REVENI_STREAMS_FAULT_POINT": point,
        "REVENI_STREAMS_FAULT_SIGNAL": "SIGSTOP",
        "REVENI_STREAMS_FAULT_LOG": str(directory / "reached"),
    }


def _is_stopped(child: Child) -> bool:
    assert child.running, child.tail(40)
    state = Path(f"/proc/{child.pid}/stat").read_text().rpartition(") ")[2][0]
    return state == "T"


def _last_epoch(child: Child) -> int:
    """The newest epoch in which this process owned the account, as it logs it."""
    epochs = re.findall(r"account owned.*epoch\D+(\d+)", child.log.read_text()) if child.log.exists() else []
    return max(map(int, epochs), default=0)


def _wait_for_more_calls(installation: Installation, count: int) -> None:
    wanted = installation.calls()["calls"] + count
    installation.wait(lambda: installation.calls()["calls"] >= wanted, START_SECONDS, f"{count} more calls")


def _up_to_date(installation: Installation) -> bool:
    """All events read and decided by the successor, all commands carried out."""
    return not installation.behind() and not installation.busy()


def _late_writes(installation: Installation) -> int:
    """Changelog records whose stamp is below that of an earlier record of the same order."""
    newest: dict[bytes, tuple[int, int]] = defaultdict(lambda: (-1, -1))
    late = 0
    for record in asyncio.run(read_all(installation.stage.kafka, installation.topology.sequencer_changelog)):
        stamp = head_of(record.value).stamp
        late += stamp < newest[record.key]
        newest[record.key] = max(newest[record.key], stamp)
    return late


def _owners(installation: Installation) -> list[tuple[int, bool]]:
    """The epochs of the account, as their beginnings and releases stand in the log."""
    topic = installation.topology.dispatcher_changelog("ns")
    found = [
        decode(record.value)
        for record in asyncio.run(read_all(installation.stage.kafka, topic))
        if record.key == OWNER.encode()
    ]
    return [(entry.epoch, entry.released) for entry in found if isinstance(entry, Owned)]
