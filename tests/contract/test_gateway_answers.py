"""Each request to the gateway gets its exact answer, and what is answered 200 is in the topic byte for byte."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
import pytest

from adapters.gateway.signatures import SignatureScheme, sign
from adapters.gateway.sources import TIMESTAMPED
from streams.parts import Assembler, read_part
from tests.contract.gateway_running import SECRETS, event, gateway, signature, signed
from tests.kafka import read_all

LIMIT = 8 * 1024 * 1024
RECORD = 900 * 1024
BOTH = [pytest.param("kafka", marks=pytest.mark.kafka), pytest.param("embedded", marks=pytest.mark.embedded)]


@pytest.fixture(params=BOTH)
def broker(request: pytest.FixtureRequest) -> Any:
    """Both brokers."""
    return request.getfixturevalue("kafka" if request.param == "kafka" else "embedded_broker")


@dataclass(frozen=True)
class Body:
    """A body, the key it must be stored under, and its event id (None: the hash of the body)."""

    name: str
    raw: bytes
    key: bytes | None = None
    event_id: str | None = None
    encoding: str = "identity"


def about(order_id: str) -> bytes:
    return b'{"id":"e-1","data":{"order_id":' + order_id.encode() + b"}}"


def padded(size: int) -> bytes:
    """An event about order 9 of exactly this size."""
    frame = b'{"id":"big","data":{"order_id":"9","pad":""}}'
    return frame[:-3] + b"x" * (size - len(frame)) + frame[-3:]


BODIES = [
    Body("text id", about('"5001"'), b"5001", "e-1"),
    Body("number", about("5001"), b"5001", "e-1"),
    Body("decimal number", about("5001.0"), b"5001.0", "e-1"),
    Body("exponent", about("1e3"), b"1e3", "e-1"),
    Body("huge number", about("9" * 40), b"9" * 40, "e-1"),
    Body("spaces are kept", about('" 5001 "'), b" 5001 ", "e-1"),
    Body("not ASCII", about('"Ñ-1"'), "Ñ-1".encode(), "e-1"),
    Body("pretty printed", json.dumps(json.loads(about('"5001"')), indent=4).encode(), b"5001", "e-1"),
    Body("last of two keys", about('"1","order_id":"2"'), b"2", "e-1"),
    Body("event id is a number", b'{"id":7.50,"data":{"order_id":"1"}}', b"1", "7.50"),
    Body("no event id", b'{"data":{"order_id":"1"}}', b"1"),
    Body("blank id", about('" "'), None, "e-1"),
    Body("null id", about("null"), None, "e-1"),
    Body("id of 201 characters", about('"' + "x" * 201 + '"'), None, "e-1"),
    Body("object id", about("{}"), None, "e-1"),
    Body("empty", b""),
    Body("one NUL", b"\x00"),
    Body("not JSON", b"<xml/>"),
    Body("cut off", about('"5001"')[:-1]),
    Body("array", b'[{"data":{"order_id":"5001"}}]'),
    Body("NaN", about("NaN")),
    Body("lone surrogate", about('"\\ud800"')),
    Body("byte order mark", b"\xef\xbb\xbf" + about('"5001"')),
    Body("invalid UTF-8", b'{"data":{"order_id":"\xff"}}'),
    Body("deep", b"[" * 200_000),
    Body("gzip", gzip.compress(about('"5001"'), mtime=0), encoding="gzip"),
    Body("not the gzip it says", about('"5001"'), b"5001", "e-1", encoding="gzip"),
    Body("as big as a record", padded(RECORD), b"9", "big"),
]


@pytest.mark.parametrize("source", ["reveni", "warehouse"])
async def test_whatever_is_signed_is_stored_as_it_came(broker: Any, prefix: str, source: str) -> None:
    """A sender cannot mend a body by sending it again: each one is stored, under its key or none, and answered 200."""
    async with gateway(broker.address, prefix) as (_, sender):
        answers = {
            body.name: await sender.post(
                body.raw, source, headers=signed(body.raw, source) | {"Content-Encoding": body.encoding}
            )
            for body in BODIES
        }
    assert {name: (answer.status, answer.body) for name, answer in answers.items()} == {
        body.name: (200, b'{"status":"stored"}') for body in BODIES
    }
    records = await read_all(broker.address, f"{prefix}events.{source}")
    stored = {
        (record.value, record.key, dict(record.headers)["event-id"].decode(), dict(record.headers)["source"].decode())
        for record in records
    }
    assert len(records) == len(BODIES)
    assert stored == {
        (body.raw, body.key, body.event_id or hashlib.sha256(body.raw).hexdigest(), source) for body in BODIES
    }


async def test_each_record_says_where_it_comes_from(broker: Any, prefix: str) -> None:
    """The headers are source, event-id, received-at and traceparent; a valid trace goes on, another one starts anew."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    bad = ["", "junk", trace.upper(), "00-" + "0" * 32 + "-b7ad6b7169203331-01", "ff" + trace[2:], trace + "-x"]
    async with gateway(broker.address, prefix) as (_, sender):
        for number, given in enumerate([trace, *bad]):
            body = event("5001", number)
            assert (await sender.post(body, headers=signed(body) | {"traceparent": given})).status == 200
    records = await read_all(broker.address, f"{prefix}events.reveni")
    assert len({record.partition for record in records}) == 1
    headers = [dict(record.headers) for record in records]
    assert [list(dict(record.headers)) for record in records] == [
        ["source", "event-id", "received-at", "traceparent"]
    ] * len(records)
    assert headers[0]["traceparent"].decode() == trace
    for new in headers[1:]:
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", new["traceparent"].decode())
        assert new["traceparent"].decode() != trace
    for header in headers:
        text = header["received-at"].decode()
        age = abs(datetime.fromisoformat(text).timestamp() - records[0].timestamp / 1000)
        assert text.endswith("Z") and age < 60


@pytest.mark.parametrize("keyed", [True, False])
async def test_a_body_bigger_than_a_record_is_stored_in_parts(broker: Any, prefix: str, keyed: bool) -> None:
    """The parts lie in one partition under the body's key, and make the body again; the hard limit itself is taken."""
    bodies = [padded(RECORD + 1), padded(LIMIT)] if keyed else [b"x" * (RECORD + 1), b"y" * LIMIT]
    async with gateway(broker.address, prefix) as (_, sender):
        assert [(await sender.post(body)).status for body in bodies] == [200, 200]
    records = await read_all(broker.address, f"{prefix}events.reveni")
    assert {record.key for record in records} == {b"9" if keyed else None}
    joined = []
    for partition in {record.partition for record in records}:
        assembler = Assembler()
        for record in (record for record in records if record.partition == partition):
            part = read_part(record.headers, record.value)
            assert part is not None and len(record.value) <= RECORD
            assert dict(record.headers)["source"] == b"reveni"
            joined.append(assembler.add(part, record.offset, record.timestamp))
        assert assembler.held_from is None
    assert sorted((body for body in joined if body is not None), key=len) == bodies


@pytest.mark.parametrize("declared", [True, False])
async def test_over_the_hard_limit_is_413_and_an_alarm(broker: Any, prefix: str, declared: bool) -> None:
    """The alarm carries the hash of what was read and not the body; nothing reaches the events."""
    body = b"z" * (LIMIT + 1)

    async def chunks() -> Any:
        for start in range(0, len(body), 1 << 20):
            yield body[start : start + (1 << 20)]

    async with (
        gateway(broker.address, prefix) as (server, _),
        aiohttp.ClientSession() as session,
        session.post(
            f"http://127.0.0.1:{server.port}/webhooks/reveni",
            data=body if declared else chunks(),
            headers=signed(body),
        ) as response,
    ):
        assert response.status == 413
    (record,) = await read_all(broker.address, f"{prefix}alarms")
    alarm = json.loads(record.value)
    assert record.key == alarm["id"].encode()
    assert alarm["kind"] == "too-large" and alarm["source"] == "reveni" and alarm["limit"] == LIMIT
    assert alarm["sha256_read"] == hashlib.sha256(body[: alarm["bytes_read"]]).hexdigest()
    assert alarm["bytes_read"] > LIMIT
    assert alarm["bytes_declared"] == (len(body) if declared else None)
    assert await read_all(broker.address, f"{prefix}events.reveni") == []


async def test_what_is_not_signed_is_401_and_not_stored(kafka: Any, prefix: str) -> None:
    """Every way of not being signed gets the same answer."""
    body = event("5001")
    good = signature(body, "r-new")
    refused = [
        {},
        {"X-Signature": good},
        {"X-Reveni-Signature": ""},
        {"X-Reveni-Signature": good[:-1] + ("0" if good[-1] != "0" else "1")},
        {"X-Reveni-Signature": "sha256=" + good},
        {"X-Reveni-Signature": signature(body + b" ", "r-new")},
        {"X-Reveni-Signature": signature(body, "w-1")},
        {"X-Reveni-Signature": "é" * 64},
        {"X-Reveni-Signature": good + "," + good},
    ]
    async with gateway(kafka.address, prefix) as (server, sender):
        assert [(await sender.post(body, headers=headers)).status for headers in refused] == [401] * len(refused)
        head = b"POST /webhooks/reveni HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n" % len(body)
        header = f"X-Reveni-Signature: {good}\r\n".encode()
        assert (await sender.raw(head + header * 2 + b"\r\n" + body)).startswith(b"HTTP/1.1 401 ")
        raw = b"X-Reveni-Signature: \xff\xfe\r\n"
        assert (await sender.raw(head + raw + b"\r\n" + body)).startswith(b"HTTP/1.1 401 ")
        # The same raw request with one good header is taken: it is the header that made the difference.
        assert (await sender.raw(head + header + b"\r\n" + body)).startswith(b"HTTP/1.1 200 ")
        assert server.ready
    (record,) = await read_all(kafka.address, f"{prefix}events.reveni")
    assert record.value == body


async def test_secrets_rotate_and_without_one_nothing_is_taken(kafka: Any, prefix: str) -> None:
    """Each secret of the list is good; a source with no secret, or an empty one, answers 401."""
    body = event("5001")
    secrets = SECRETS | {"warehouse": ("",)}
    async with gateway(kafka.address, prefix, secrets=secrets) as (_, sender):
        for secret in SECRETS["reveni"]:
            assert (await sender.post(body, headers=signed(body, secret=secret))).status == 200
        assert (await sender.post(body, headers=signed(body, secret="r-older"))).status == 401
        empty = {"X-Signature": signature(body, "")}
        assert (await sender.post(body, "warehouse", headers=empty)).status == 401


@pytest.mark.parametrize(
    "scheme",
    [
        TIMESTAMPED,
        SignatureScheme("X-Shopify-Hmac-Sha256", encoding="base64"),
        SignatureScheme("X-Hub-Signature-256", prefix="sha256="),
    ],
    ids=["timestamped", "base64", "prefixed"],
)
async def test_intake_depends_on_no_one_scheme(kafka: Any, prefix: str, scheme: SignatureScheme) -> None:
    """With another scheme set, its signature is taken and the default's is not."""
    body = event("5001")
    now = datetime.now().timestamp()
    async with gateway(kafka.address, prefix, schemes={"reveni": scheme}) as (_, sender):
        assert (await sender.post(body, headers={scheme.header: sign(scheme, b"r-old", body, now)})).status == 200
        if scheme.timestamped:
            late = sign(scheme, b"r-old", body, now - 3_600)
            assert (await sender.post(body, headers={scheme.header: late})).status == 401
        if not scheme.prefix:
            assert (await sender.post(body, headers={scheme.header: signature(body, "r-old")})).status == 401
        assert (await sender.post(body, headers={"X-Other": signature(body, "r-old")})).status == 401
        assert (await sender.post(body, "warehouse")).status == 200


async def test_other_routes_and_methods(kafka: Any, prefix: str) -> None:
    """What is no webhook is 404 or 405, and health is not on the senders' address."""
    async with gateway(kafka.address, prefix) as (server, sender):
        for path in ("/", "/webhooks", "/webhooks/reveni/", "/webhooks/unknown", "/live", "/ready", "/metrics"):
            assert (await sender.post(b"{}", path=path)).status == 404, path
        async with aiohttp.ClientSession() as session:
            for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS"):
                async with session.request(method, f"http://127.0.0.1:{server.port}/webhooks/reveni") as response:
                    assert (response.status, response.headers["Allow"]) == (405, "POST"), method
            for path in ("/live", "/ready", "/metrics"):
                async with session.get(f"http://127.0.0.1:{server.health_port}{path}") as response:
                    assert response.status == 200, path


async def test_what_is_not_readable_http_is_400(kafka: Any, prefix: str) -> None:
    """A broken request line, header or chunk is 400; the gateway goes on."""
    body = event("5001")
    head = (
        b"POST /webhooks/reveni HTTP/1.1\r\nHost: x\r\n"
        + b"X-Reveni-Signature: %s\r\n" % signature(body, "r-new").encode()
    )
    unreadable = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST\r\n\r\n",
        head + b"no colon here\r\n\r\n",
        head + b"Content-Length: many\r\n\r\n" + body,
        head + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + body,
        head + b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body,
    ]
    async with gateway(kafka.address, prefix) as (_, sender):
        for raw in unreadable:
            assert re.match(rb"HTTP/1\.[01] 400 ", await sender.raw(raw)), raw[:120]
        assert (await sender.post(body)).status == 200
    assert len(await read_all(kafka.address, f"{prefix}events.reveni")) == 1


async def test_a_slow_body_is_408_and_a_silent_connection_is_closed(kafka: Any, prefix: str) -> None:
    """Nobody holds a connection for longer than its time, whether in the head or in the body."""
    body = event("5001")
    head = (
        b"POST /webhooks/reveni HTTP/1.1\r\nHost: x\r\nX-Reveni-Signature: %s\r\n" % signature(body, "r-new").encode()
    )
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    async with gateway(kafka.address, prefix, body_seconds=0.5, idle_seconds=1.0) as (server, sender):
        slow, silent, half = await asyncio.gather(
            sender.raw(head + length + body[:-1]), sender.raw(b""), sender.raw(head)
        )
        assert slow.startswith(b"HTTP/1.1 408 ")
        assert silent == half == b""
        assert server.ready
    assert await read_all(kafka.address, f"{prefix}events.reveni") == []


async def test_a_sender_that_leaves_half_way_leaves_nothing(kafka: Any, prefix: str) -> None:
    """Half a body is never stored, and its memory is given back."""
    body = event("5001")
    async with gateway(kafka.address, prefix) as (server, sender):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = f"POST /webhooks/reveni HTTP/1.1\r\nHost: x\r\nX-Reveni-Signature: {signature(body, 'r-new')}\r\n"
        writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body[:-1])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert reader.at_eof() or await reader.read() == b""
        assert (await sender.post(body)).status == 200
        samples = {
            (sample.name, sample.labels.get("status")): sample.value
            for metric in server.metrics.registry.collect()
            for sample in metric.samples
        }
        assert samples["reveni_streams_gateway_reading_bytes", None] == 0
        assert samples["reveni_streams_gateway_requests_total", "200"] == 1
    assert len(await read_all(kafka.address, f"{prefix}events.reveni")) == 1


async def test_the_metrics_tell_sources_and_answers_apart(kafka: Any, prefix: str) -> None:
    """Requests by source and status, bytes, and the time to store are on the health address."""
    body = event("5001")
    async with gateway(kafka.address, prefix) as (server, sender):
        await sender.post(body)
        await sender.post(body, "warehouse")
        await sender.post(body, headers={})
        await sender.post(body, path="/nowhere")
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{server.health_port}/metrics") as response,
        ):
            lines = (await response.text()).splitlines()
    for line in (
        'reveni_streams_gateway_requests_total{source="reveni",status="200"} 1.0',
        'reveni_streams_gateway_requests_total{source="reveni",status="401"} 1.0',
        'reveni_streams_gateway_requests_total{source="warehouse",status="200"} 1.0',
        'reveni_streams_gateway_requests_total{source="none",status="404"} 1.0',
        f'reveni_streams_gateway_bytes_total{{source="reveni"}} {float(len(body))}',
        "reveni_streams_gateway_store_seconds_count 2.0",
        "reveni_streams_gateway_requests_in_flight 0.0",
    ):
        assert line in lines
