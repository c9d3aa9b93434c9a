"""While the broker is away the gateway says 503 in time and promises nothing; it recovers by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import pytest

from adapters.broker import kafka_jars
from adapters.broker.process import free_port
from adapters.gateway.server import GatewayServer
from tests.contract.gateway_running import Answer, Sender, event, gateway, sender_to, settings_for
from tests.kafka import create_topics, read_all, wait_for

pytestmark = pytest.mark.kafka

ANSWER_SECONDS = 4.0


@pytest.fixture(scope="module")
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka_jars.KafkaProcess]:
    """A Kafka that these tests may kill and stop; each leaves it running."""
    lacking = kafka_jars.missing()
    if lacking:
        pytest.skip(f"NO REAL KAFKA: {lacking}")
    broker = kafka_jars.KafkaProcess(tmp_path_factory.mktemp("own-kafka"))
    broker.start()
    yield broker
    broker.stop()


class Watched:
    """A sender that notes how long answers took and what was acknowledged."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._number = 0
        self.acknowledged: set[bytes] = set()
        self.slowest = 0.0

    async def post(self) -> Answer:
        self._number += 1
        body = event(f"o-{self._number}")
        started = time.monotonic()
        answer = await self._sender.post(body)
        self.slowest = max(self.slowest, time.monotonic() - started)
        if answer.status == 200:
            self.acknowledged.add(body)
        return answer

    async def turned_away(self) -> bool:
        """Whether an event is refused now, in the one way it may be."""
        answer = await self.post()
        if answer.status == 503:
            assert int(answer.headers["Retry-After"]) > 0
        return answer.status == 503

    async def taken(self) -> bool:
        return (await self.post()).status == 200

    async def quick(self) -> bool:
        """Whether a refusal comes at once."""
        started = time.monotonic()
        assert await self.turned_away()
        return time.monotonic() - started < 0.5


async def stored(address: str, prefix: str) -> set[bytes]:
    return {record.value for record in await read_all(address, f"{prefix}events.reveni")}


@pytest.mark.parametrize("idempotent", [True, False])
async def test_a_killed_broker(own_kafka: kafka_jars.KafkaProcess, prefix: str, idempotent: bool) -> None:
    """503 in time, at once when the outage is known, 200 when the broker is back; every 200 is in the topic."""
    async with gateway(own_kafka.address, prefix, idempotent=idempotent) as (server, sender):
        watched = Watched(sender)
        assert await watched.taken()
        own_kafka.kill()
        try:
            assert all(await asyncio.gather(*(watched.turned_away() for _ in range(20))))
            assert await watched.quick()
            assert not server.ready
        finally:
            await asyncio.to_thread(own_kafka.start)
        await wait_for(watched.taken, 30, "a stored event after the outage")
        await wait_for(lambda: server.ready, 5, "readiness after the outage")
        assert all(await asyncio.gather(*(watched.taken() for _ in range(50))))
        assert watched.slowest < ANSWER_SECONDS
        assert server.store.outstanding_bytes == 0
    assert watched.acknowledged <= await stored(own_kafka.address, prefix)


@pytest.mark.parametrize("idempotent", [True, False])
async def test_a_silent_broker(own_kafka: kafka_jars.KafkaProcess, prefix: str, idempotent: bool) -> None:
    """A broker that keeps its connections and answers nothing is no better than none."""
    async with gateway(own_kafka.address, prefix, idempotent=idempotent, renew_seconds=5.0) as (server, sender):
        watched = Watched(sender)
        assert await watched.taken()
        assert own_kafka.pid is not None
        os.kill(own_kafka.pid, signal.SIGSTOP)
        try:
            assert all(await asyncio.gather(*(watched.turned_away() for _ in range(20))))
            assert await watched.quick()
            await wait_for(lambda: server.store.outstanding_bytes == 0, 30, "nothing held for a broker given up")
        finally:
            os.kill(own_kafka.pid, signal.SIGCONT)
        await wait_for(watched.taken, 30, "a stored event after the silence")
        assert all(await asyncio.gather(*(watched.taken() for _ in range(50))))
        assert watched.slowest < ANSWER_SECONDS
    assert watched.acknowledged <= await stored(own_kafka.address, prefix)


async def test_a_short_silence_costs_nothing(own_kafka: kafka_jars.KafkaProcess, prefix: str) -> None:
    """Events that wait for a broker which is back in time are answered 200."""
    async with gateway(own_kafka.address, prefix) as (server, sender):
        watched = Watched(sender)
        assert await watched.taken()
        assert own_kafka.pid is not None
        os.kill(own_kafka.pid, signal.SIGSTOP)
        try:
            posts = [asyncio.ensure_future(watched.taken()) for _ in range(20)]
            await wait_for(lambda: server.store.outstanding_bytes > 0, 5, "events handed to the producer")
            assert not any(post.done() for post in posts)  # nothing is promised while nothing is stored
        finally:
            os.kill(own_kafka.pid, signal.SIGCONT)
        assert all(await asyncio.gather(*posts))
    assert watched.acknowledged <= await stored(own_kafka.address, prefix)


async def test_what_is_outstanding_is_bounded(own_kafka: kafka_jars.KafkaProcess, prefix: str) -> None:
    """Over the bound events are turned away at once, and no more memory is taken."""
    async with gateway(own_kafka.address, prefix, outstanding_bytes=200_000) as (server, sender):
        assert (await sender.post(event("warm"))).status == 200
        assert own_kafka.pid is not None
        os.kill(own_kafka.pid, signal.SIGSTOP)
        most = 0
        try:
            posts = [asyncio.ensure_future(sender.post(b"x" * 10_000)) for _ in range(100)]
            while not all(post.done() for post in posts):
                most = max(most, server.store.outstanding_bytes)
                await asyncio.wait(posts, timeout=0.05)
        finally:
            os.kill(own_kafka.pid, signal.SIGCONT)
        assert {post.result().status for post in posts} == {503}
        assert 0 < most <= 200_000
        turned_away = server.metrics.unavailable.labels("too-much-outstanding")._value.get()
        assert turned_away >= 80
        await wait_for(lambda: server.store.outstanding_bytes == 0, 20, "delivery of what was outstanding")


async def test_a_gateway_may_be_there_first(tmp_path_factory: pytest.TempPathFactory, prefix: str) -> None:
    """Started without a broker it is alive, not ready, and says 503; it needs no restart when the broker comes."""
    if lacking := kafka_jars.missing():
        pytest.skip(f"NO REAL KAFKA: {lacking}")
    broker = kafka_jars.KafkaProcess(tmp_path_factory.mktemp("late-kafka"), port=free_port())
    server = GatewayServer(settings_for(broker.address, prefix))
    await server.start()
    try:
        async with sender_to(server.port) as sender:
            watched = Watched(sender)
            assert await watched.quick()
            assert server.store.alive and not server.ready
            await asyncio.to_thread(broker.start)
            await create_topics(broker.address, {f"{prefix}events.reveni": 2})
            await wait_for(watched.taken, 30, "a stored event")
    finally:
        await server.stop()
        broker.stop()


async def test_an_absent_topic_is_503(own_kafka: kafka_jars.KafkaProcess, prefix: str) -> None:
    """Without its topic nothing is stored; one source's lack is not another's, and the producer is kept."""
    await create_topics(own_kafka.address, {f"{prefix}events.warehouse": 1})
    server = GatewayServer(settings_for(own_kafka.address, prefix))
    await server.start()
    try:
        await wait_for(lambda: server.ready, 20, "a ready gateway")
        async with sender_to(server.port) as sender:
            started = time.monotonic()
            reveni, warehouse = await asyncio.gather(sender.post(event("1")), sender.post(event("1"), "warehouse"))
            assert (reveni.status, warehouse.status) == (503, 200)
            assert time.monotonic() - started < ANSWER_SECONDS
            await create_topics(own_kafka.address, {f"{prefix}events.reveni": 1})

            async def taken() -> bool:
                return (await sender.post(event("1"))).status == 200

            await wait_for(taken, 10, "a stored event once the topic is there")
        assert server.metrics.producers._value.get() == 1
    finally:
        await server.stop()


async def test_a_stop_without_a_broker_ends(own_kafka: kafka_jars.KafkaProcess, prefix: str) -> None:
    """What cannot be delivered was never acknowledged, so a stop does not wait for it for ever."""
    async with gateway(own_kafka.address, prefix) as (server, sender):
        watched = Watched(sender)
        assert await watched.taken()
        own_kafka.kill()
        try:
            assert all(await asyncio.gather(*(watched.turned_away() for _ in range(5))))
            started = time.monotonic()
            await server.stop()
            assert time.monotonic() - started < 15
        finally:
            await asyncio.to_thread(own_kafka.start)
