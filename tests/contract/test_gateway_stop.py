"""The gateway as a process: it stops without breaking a promise, and it batches under load."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiokafka import AIOKafkaProducer

from adapters.broker.process import free_port
from tests.contract.gateway_running import SECRETS, TOPICS, Sender, event, gateway, sender_to, signature, signed
from tests.kafka import create_topics, read_all, wait_for


class Process:
    """A gateway process."""

    def __init__(self, child: asyncio.subprocess.Process, port: int, health_port: int) -> None:
        self.child, self.port, self.health_port = child, port, health_port

    async def healthy(self, path: str) -> bool:
        assert self.child.returncode is None, "the gateway has ended"
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.health_port}{path}") as response,
            ):
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def end(self) -> tuple[int, list[dict[str, Any]]]:
        """Its exit code and its log."""
        async with asyncio.timeout(40):
            out, _ = await self.child.communicate()
        assert self.child.returncode is not None
        return self.child.returncode, [json.loads(line) for line in out.decode().splitlines()]


@asynccontextmanager
async def process(address: str, prefix: str, **settings: str) -> AsyncIterator[Process]:
    """A gateway started as users start it, by its settings alone."""
    await create_topics(address, {prefix + name: count for name, count in TOPICS.items()})
    port, health_port = free_port(), free_port()
    environment = {
        "REVENI_STREAMS_KAFKA": address,
        "REVENI_STREAMS_TOPIC_PREFIX": prefix,
        "REVENI_STREAMS_GATEWAY_BIND": f"127.0.0.1:{port}",
        "REVENI_STREAMS_HEALTH_BIND": f"127.0.0.1:{health_port}",
        "REVENI_STREAMS_WEBHOOK_SECRET_REVENI": ", ".join(SECRETS["reveni"]),
        **settings,
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "adapters.cli.main",
        "gateway",
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    running = Process(child, port, health_port)
    try:
        await wait_for(lambda: running.healthy("/ready"), 30, "a ready gateway process")
        yield running
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def test_sigterm_under_load_answers_everything_taken(kafka: Any, prefix: str) -> None:
    """A stop in the middle of a peak: what was taken is answered, every 200 is in the topic, and the exit code is 0."""
    answers: Counter[str] = Counter()
    acknowledged: set[bytes] = set()
    async with process(kafka.address, prefix) as running, sender_to(running.port) as sender:

        async def keep_sending(number: int) -> None:
            count = 0
            while True:
                count += 1
                body = event(f"o-{number}", count)
                try:
                    answer = await sender.post(body)
                except aiohttp.ClientConnectorError:
                    answers["not accepted"] += 1
                    return
                except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
                    # The kernel had accepted the connection, or an idle one was closed under us: no answer, no promise.
                    answers["closed"] += 1
                    continue
                answers[str(answer.status)] += 1
                if answer.status == 200:
                    acknowledged.add(body)

        senders = [asyncio.ensure_future(keep_sending(number)) for number in range(40)]
        await wait_for(lambda: answers["200"] > 400, 30, "a load")
        running.child.send_signal(signal.SIGTERM)
        await asyncio.wait_for(asyncio.gather(*senders), 30)
        code, log = await running.end()
    assert code == 0
    assert set(answers) <= {"200", "not accepted", "closed"}
    assert log[-1]["event"] == "gateway_stopped"
    records = await read_all(kafka.address, f"{prefix}events.reveni")
    assert acknowledged <= {record.value for record in records}
    assert answers["200"] == len(acknowledged)


async def test_sigterm_waits_for_a_body_on_its_way(kafka: Any, prefix: str) -> None:
    """A request whose head was taken before the stop may finish, while new connections are refused."""
    body = event("5001")
    head = f"POST /webhooks/reveni HTTP/1.1\r\nHost: x\r\nX-Reveni-Signature: {signature(body, 'r-old')}\r\n"
    async with process(kafka.address, prefix) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body[:10])
        await writer.drain()

        async def taken() -> bool:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{running.health_port}/metrics") as response,
            ):
                return "reveni_streams_gateway_requests_in_flight 1.0" in await response.text()

        await wait_for(taken, 10, "the request in flight")
        running.child.send_signal(signal.SIGTERM)

        async def refused() -> bool:
            try:
                _, other = await asyncio.open_connection("127.0.0.1", running.port)
            except (ConnectionRefusedError, ConnectionResetError):
                return True
            other.close()
            return False

        await wait_for(refused, 10, "the listener to close")
        assert await running.healthy("/live") and not await running.healthy("/ready")
        writer.write(body[10:])
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        code, _ = await running.end()
    assert answer.startswith(b"HTTP/1.1 200 ") and b"Connection: close" in answer
    assert code == 0
    (record,) = await read_all(kafka.address, f"{prefix}events.reveni")
    assert record.value == body


async def test_the_log_names_no_one(kafka: Any, prefix: str) -> None:
    """The log is JSON lines, and nothing a sender wrote is in it, readable or not."""
    body = event("5001-annie")
    junk = b"POST /webhooks/reveni HTTP/1.1\r\nannie@example.com\r\n\r\n"
    async with process(kafka.address, prefix) as running, sender_to(running.port) as sender:
        assert (await sender.post(body)).status == 200
        assert (await sender.post(body, headers={"X-Reveni-Signature": "annie"})).status == 401
        assert (await sender.post(body, path="/annie")).status == 404
        assert (await sender.raw(junk)).startswith(b"HTTP/1.")
        running.child.send_signal(signal.SIGTERM)
        _, log = await running.end()
    assert [line["status"] for line in log if line["event"] == "not_stored"] == [401, 404]
    assert any(line["event"].startswith("unreadable request") for line in log)
    assert not [line for line in log if "annie" in json.dumps(line)]


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("REVENI_STREAMS_GATEWAY_BIND", "nowhere", "REVENI_STREAMS_GATEWAY_BIND"),
        ("REVENI_STREAMS_KAFKA", "nowhere", "REVENI_STREAMS_KAFKA"),
        ("REVENI_STREAMS_SIGNATURE_REVENI", '{"header":"X","encoding":"octal"}', "SIGNATURE_REVENI"),
        ("REVENI_STREAMS_GATEWAY_BODY_SECONDS", "0", "GATEWAY_BODY_SECONDS"),
    ],
)
async def test_a_wrong_setting_is_said_at_once(name: str, value: str, complaint: str) -> None:
    """A gateway that cannot run as set ends with code 2 and says what is wrong."""
    environment = os.environ | {"REVENI_STREAMS_KAFKA": "127.0.0.1:1"} | {name: value}
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "adapters.gateway",
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(child.communicate(), 30)
    assert child.returncode == 2
    assert complaint in said.decode()


async def test_a_rotation_and_a_scheme_come_from_the_environment(kafka: Any, prefix: str) -> None:
    """The comma list of secrets and the signature's settings reach the door."""
    scheme = '{"header":"X-Other","prefix":"sha256="}'
    body = event("5001")
    async with (
        process(kafka.address, prefix, REVENI_STREAMS_SIGNATURE_REVENI=scheme) as running,
        sender_to(running.port) as sender,
    ):
        for secret in SECRETS["reveni"]:
            headers = {"X-Other": "sha256=" + signature(body, secret)}
            assert (await sender.post(body, headers=headers)).status == 200
        assert (await sender.post(body, headers=signed(body))).status == 401


async def test_many_events_at_once_share_produce_requests(
    kafka: Any, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under load a produce request carries many events; one alone does not wait for others."""
    requests = 0
    async with gateway(kafka.address, prefix) as (server, sender):
        assert await _posted(sender, 1)
        link = server.store._link
        assert link is not None
        producer: AIOKafkaProducer = link.producer
        send = producer.client.send

        async def counted(node: int, request: Any, **options: Any) -> Any:
            nonlocal requests
            requests += type(request).__name__.startswith("Produce")
            return await send(node, request, **options)

        monkeypatch.setattr(producer.client, "send", counted)
        assert await _posted(sender, 1)
        assert requests == 1
        assert await _posted(sender, 300)
    # Four partitions: without batches it would take at least 75.
    assert 2 <= requests <= 40
    assert len(await read_all(kafka.address, f"{prefix}events.reveni")) == 302


async def _posted(sender: Sender, count: int) -> bool:
    answers = await asyncio.gather(*(sender.post(event(f"o-{number}")) for number in range(count)))
    return {answer.status for answer in answers} == {200}
