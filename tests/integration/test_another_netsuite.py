"""The account's base URL points to a NetSuite that our simulator has nothing to do with: the flow still works."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from adapters.demo.stand import demo_profile
from adapters.stage.stage import SECRETS, Stage
from tests.brokers import RealKafka
from tests.doubles.netsuite_double import NetSuiteDouble
from tests.scenarios.messages import inspection, inspection_event, refund, return_event, return_of


@pytest.fixture
def double() -> Iterator[NetSuiteDouble]:
    with NetSuiteDouble() as started:
        yield started


@pytest.fixture
def stage(kafka: RealKafka, prefix: str, double: NetSuiteDouble, tmp_path: Path) -> Iterator[Stage]:
    profile = demo_profile(4).replace("{simulators}/netsuite", double.base_url)
    assert double.base_url in profile
    started = Stage(tmp_path, kafka.address, prefix=prefix, profile=profile)
    try:
        started.prepare()
        started.gateway.start()
        started.gateway.wait_for(f"{started.health_url}/ready")
        started.worker("sequencer", "sequencer").start()
        started.worker("dispatcher", "dispatcher", "ns").start()
        yield started
    finally:
        started.close()


def post(stage: Stage, source: str, header: str, event: object) -> None:
    body = json.dumps(event).encode()
    signature = hmac.new(SECRETS[source].encode(), body, hashlib.sha256).hexdigest()
    url = f"{stage.gateway_url}/webhooks/{source}"
    with urlopen(Request(url, data=body, method="POST", headers={header: signature}), timeout=10) as answer:
        assert answer.status == 200


def test_a_return_goes_through_a_netsuite_nobody_here_simulated(stage: Stage, double: NetSuiteDouble) -> None:
    """Authorisation, note, application and receipt stand in the other double's own books, once each."""
    double.add_item("TEE-RED-M", "4711")
    line = {"sku": "TEE-RED-M", "item": "4711", "quantity": 2, "gross": "80.00", "tax": "13.33", "tax_code": "5"}
    double.add_order("5001", [line], due=80.0)
    post(stage, "reveni", "X-Reveni-Signature", return_event(return_of("5001", "r1"), "e1"))
    paid = return_of("5001", "r1", 2, refunds=[refund("rf1", "40.00")])
    post(stage, "reveni", "X-Reveni-Signature", return_event(paid, "e2"))
    seen = inspection("5001", "r1", (("l1", "TEE-RED-M", 1, "sellable"),))
    post(stage, "warehouse", "X-Signature", inspection_event(seen, "e3"))

    def complete() -> bool:
        memos = double.documents("creditMemo")
        return bool(double.documents("itemReceipt")) and bool(memos) and memos[0].get("unapplied") == 0

    deadline = time.monotonic() + 60
    while not complete():
        logs = "\n".join(child.tail() for child in stage.workers)
        assert time.monotonic() < deadline, f"{double.documents()}\n{logs}"
        time.sleep(0.1)
    kinds = sorted(str(document["type"]) for document in double.documents())
    assert kinds == ["creditMemo", "itemReceipt", "returnAuthorization"]
    [memo] = double.documents("creditMemo")
    assert (memo["total"], memo["otherRefNum"]) == (40.0, "5001")
