"""The sender keeps its schedule, tries again until it is taken, and writes down every attempt."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from typer.testing import CliRunner

from adapters.cli.main import app
from adapters.generator import sender
from adapters.generator.files import AnswerLog, read_answers, read_sent
from adapters.generator.run import Peak, make
from adapters.generator.sender import Counts, Pace, SeedingFailed
from adapters.simulators.server import start
from tests.unit.honest_ledger import SECRETS

Handler = Callable[[web.Request], Awaitable[web.Response]]
QUICK = Pace(concurrency=8, attempts=20, first_pause=0.01, longest_pause=0.05, timeout=2)


@asynccontextmanager
async def gateway(handler: Handler) -> AsyncIterator[str]:
    """A server that answers webhooks as the test says."""
    application = web.Application(client_max_size=8 * 2**20)
    application.router.add_post("/webhooks/{source}", handler)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
def small() -> Peak:
    return make(2, 20, 0.5, SECRETS)


async def _send(peak: Peak, url: str, path: Path, pace: Pace = QUICK) -> tuple[Counts, list[int]]:
    log, ended = AnswerLog(path), []
    try:
        counts = await sender.send(peak.deliveries, url, log, lambda counts: ended.append(counts.ended), pace)
    finally:
        log.close()
    return counts, ended


def _forged(peak: Peak) -> set[str]:
    return {one.signature for one in peak.deliveries if one.sort == "forged"}


async def test_it_sends_again_until_taken(small: Peak, tmp_path: Path) -> None:
    """503 and broken connections are tried again, 401 is not; each attempt is in the file."""
    forged, seen, bodies = _forged(small), Counter[str](), set()

    async def flaky(request: web.Request) -> web.Response:
        body = await request.read()
        signature = request.headers.get("X-Reveni-Signature") or request.headers["X-Signature"]
        seen[signature] += 1
        if signature in forged:
            return web.Response(status=401)
        if seen[signature] == 1 and len(seen) % 3 == 0:
            return web.Response(status=503, headers={"Retry-After": "0"})
        if seen[signature] == 1 and len(seen) % 7 == 0:
            assert request.transport is not None
            request.transport.abort()
        bodies.add(body)
        return web.Response()

    async with gateway(flaky) as url:
        counts, ended = await _send(small, url, tmp_path / "answers.jsonl")
    assert counts.accepted == len(small.deliveries) - len(forged)
    assert counts.refused == len(forged)
    assert counts.given_up == 0
    assert counts.again > 10
    assert ended[-1] == len(ended) == len(small.deliveries)
    assert bodies == {one.body for one in small.deliveries if one.sort != "forged"}
    answers = read_answers(tmp_path / "answers.jsonl")
    assert len(answers) == counts.attempts
    assert {answer.status for answer in answers} == {0, 200, 401, 503}
    assert {answer.seq for answer in answers if answer.status == 200} == {
        one.seq for one in small.deliveries if one.sort != "forged"
    }
    assert all(answer.started <= answer.at for answer in answers)


async def test_it_gives_up_after_its_attempts(small: Peak, tmp_path: Path) -> None:
    """With nobody there, each delivery ends after so many attempts, all written down as unanswered."""
    pace = Pace(attempts=3, first_pause=0.001, longest_pause=0.002)
    counts, _ = await _send(small, "http://127.0.0.1:9", tmp_path / "answers.jsonl", pace)
    assert counts.given_up == counts.planned
    answers = read_answers(tmp_path / "answers.jsonl")
    assert len(answers) == 3 * counts.planned
    assert {answer.status for answer in answers} == {0}
    assert all(answer.error for answer in answers)


async def test_no_more_are_in_flight_than_allowed(small: Peak, tmp_path: Path) -> None:
    """Concurrency is bounded, and the schedule is not run ahead of."""
    flying = most = 0

    async def slow(request: web.Request) -> web.Response:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await request.read()
        flying -= 1
        return web.Response()

    async with gateway(slow) as url:
        await _send(small, url, tmp_path / "answers.jsonl", Pace(concurrency=3))
    assert 1 <= most <= 3
    answers = read_answers(tmp_path / "answers.jsonl")
    started = {one.seq: datetime.fromisoformat(one.started).timestamp() for one in answers if one.attempt == 1}
    begin = started[1] - small.deliveries[0].offset
    assert all(started[one.seq] - begin >= one.offset - 0.05 for one in small.deliveries)


async def test_the_simulators_take_the_whole_history() -> None:
    """Every section of the seed is taken by the simulated NetSuite, which shows an order as it was sold."""
    peak = make(4, 300, 1, SECRETS)
    simulators = await start("127.0.0.1", 0)
    try:
        totals = await sender.seed(peak.world.payloads(), simulators.url)
        with pytest.raises(SeedingFailed):
            await sender.seed([{"orders": [{"account": "nobody"}]}], simulators.url)
        async with aiohttp.ClientSession() as session, session.get(f"{simulators.url}/_ledger") as answer:
            assert await answer.json() == []
    finally:
        await simulators.close()
    assert totals["orders"] == 300
    assert totals["locations"] == 6
    assert totals["stock"] == len(peak.world.stock)
    with pytest.raises(SeedingFailed):
        await sender.seed(peak.world.payloads(), "http://127.0.0.1:9")


def test_the_verb_writes_the_list_first(tmp_path: Path) -> None:
    """`generate --dry-run` writes the list; without secrets, or with nobody there, it ends with 2."""
    arguments = ["generate", "--orders", "5", "--duration", "0.1", "--out", str(tmp_path)]
    assert CliRunner().invoke(app, [*arguments, "--dry-run"]).exit_code == 0
    assert read_sent(tmp_path / "sent.jsonl")
    environment = {"REVENI_STREAMS_WEBHOOK_SECRET_REVENI": "", "REVENI_STREAMS_WEBHOOK_SECRET_WAREHOUSE": ""}
    assert CliRunner().invoke(app, arguments, env=environment).exit_code == 2
    environment = dict.fromkeys(environment, "s")
    unreachable = [*arguments, "--simulators", "http://127.0.0.1:9"]
    assert CliRunner().invoke(app, unreachable, env=environment).exit_code == 2
