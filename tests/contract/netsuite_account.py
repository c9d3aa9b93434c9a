"""A caller with its own sign-in, and seeds, for the tests that play against the simulated NetSuite over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client
from yarl import URL

from adapters.netsuite.simulator import DEMO
from adapters.simulators.server import Simulators, start

QUICK = {"netsuite": {"settings": {"latency_ms": [0, 0]}}}


def order(order_id: str = "5001", **changes: Any) -> dict[str, Any]:
    """A fulfilled, invoiced order of two tees and a hat, as `PUT /_orders` takes it."""
    return {
        "account": "ns",
        "order_id": order_id,
        "order_number": f"#{order_id}",
        "status": "fulfilled",
        "currency": "GBP",
        "location": "WH-LON",
        "customer": {"id": "c-77", "email": "a@example.com", "name": "A. B."},
        "shipping": "4.95",
        "paid": "94.95",
        "lines": [
            {
                "order_line_id": "ol1",
                "sku": "TEE-RED-M",
                "quantity": 2,
                "unit_price": "40.00",
                "tax_amount": "13.33",
                "tax_code": "GB-STD",
                "components": [],
            },
            {
                "order_line_id": "ol2",
                "sku": "HAT-1",
                "quantity": 1,
                "unit_price": "10.00",
                "tax_amount": "1.67",
                "tax_code": "GB-STD",
                "components": [],
            },
        ],
        "invoice": {"number": f"INV-{order_id}", "open": "94.95"},
        **changes,
    }


SEED: dict[str, Any] = {
    "orders": [order()],
    "locations": [
        {"account": "ns", "id": "101", "sellable": True},
        {"account": "ns", "id": "102", "sellable": False},
    ],
    "stock": [{"account": "ns", "sku": "TEE-RED-L", "location": "101", "available": 1}],
    "items": [{"account": "ns", "sku": "OLD-1", "archived": True}],
}


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def id(self) -> str:
        """The internal id that Location ends in."""
        assert self.status == 204, f"{self.status}: {self.text}"
        assert self.text == ""
        return self.headers["Location"].rsplit("/", 1)[-1]

    @property
    def code(self) -> str:
        return str(self.json["o:errorDetails"][0]["o:errorCode"])

    @property
    def detail(self) -> str:
        return str(self.json["o:errorDetails"][0]["detail"])


class Account:
    """Signs and sends calls to one account of the simulated NetSuite, and drives the control plane."""

    def __init__(self, simulators: Simulators, http: aiohttp.ClientSession) -> None:
        self.simulators, self.url, self.http = simulators, simulators.url, http

    def signed(self, method: str, url: str, **other: str) -> dict[str, str]:
        secrets = {**DEMO, **other}
        client = Client(
            secrets["consumer_key"],
            client_secret=secrets["consumer_secret"],
            resource_owner_key=secrets["token_id"],
            resource_owner_secret=secrets["token_secret"],
            signature_method=SIGNATURE_HMAC_SHA256,
            realm=secrets["realm"],
        )
        return dict(client.sign(url, method)[1])

    def rest(self, path: str, **query: str) -> str:
        return str(URL(f"{self.url}/netsuite/services/rest{path}").update_query(query))

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: Any = None) -> Reply:
        data = None if body is None else body if isinstance(body, str) else json.dumps(body)
        async with self.http.request(
            method, URL(url, encoded=True), data=data, headers=headers, allow_redirects=False
        ) as response:
            return Reply(response.status, dict(response.headers), (await response.read()).decode(errors="replace"))

    async def call(self, method: str, path: str, body: Any = None, headers: Any = None, **query: str) -> Reply:
        url = self.rest(path, **query)
        return await self.send(method, url, {**self.signed(method, url), **(headers or {})}, body)

    async def get(self, type_: str, key: str) -> dict[str, Any]:
        reply = await self.call("GET", f"/record/v1/{type_}/{key}", expandSubResources="true")
        assert reply.status == 200, reply.text
        found: dict[str, Any] = reply.json
        return found

    async def find(self, type_: str, q: str) -> list[str]:
        reply = await self.call("GET", f"/record/v1/{type_}", q=q)
        assert reply.status == 200, reply.text
        return [item["id"] for item in reply.json["items"]]

    async def post(self, type_: str, body: Any, **query: str) -> Reply:
        return await self.call("POST", f"/record/v1/{type_}", body, **query)

    async def patch(self, type_: str, key: str, body: Any, **query: str) -> Reply:
        return await self.call("PATCH", f"/record/v1/{type_}/{key}", body, **query)

    async def put(self, type_: str, ref: str, body: Any) -> Reply:
        return await self.call("PUT", f"/record/v1/{type_}/eid:{ref}", body)

    async def transform(self, source: str, key: str, target: str, *rows: dict[str, Any], **header: Any) -> Reply:
        """With rows: `replace=item` and those lines; without: every line of the source."""
        body = {**header, "item": {"items": list(rows)}} if rows else header
        query = {"replace": "item"} if rows else {}
        return await self.call("POST", f"/record/v1/{source}/{key}/!transform/{target}", body, **query)

    async def suiteql(self, statement: str, **headers: str) -> Reply:
        return await self.call("POST", "/query/v1/suiteql", {"q": statement}, headers or {"Prefer": "transient"})

    async def control(self, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        async with self.http.request(method, self.url + path, json=body) as response:
            assert response.status == expect, (await response.read()).decode(errors="replace")
            return await response.json()

    async def seed(self, **payload: Any) -> None:
        await self.control("PUT", "/_orders", payload or SEED)

    async def faults(self, *rules: dict[str, Any]) -> None:
        await self.control("PUT", "/_faults", {"rules": list(rules)})

    async def settings(self, **changes: Any) -> None:
        await self.control("PUT", "/_settings", {"account": "ns", **changes})

    async def ledger(self, kind: str = "", **query: str) -> list[dict[str, Any]]:
        path = str(URL("/_ledger").update_query({"kind": kind, **query}))
        entries: list[dict[str, Any]] = await self.control("GET", path)
        return entries

    async def order_id(self, order_id: str = "5001") -> str:
        return (await self.get("salesOrder", f"eid:{order_id}"))["id"]  # type: ignore[no-any-return]

    async def authorise(self, *rows: dict[str, Any], ref: str = "cmd-ra", order_id: str = "5001") -> str:
        key = await self.order_id(order_id)
        made = await self.transform("salesOrder", key, "returnAuthorization", *rows, externalId=ref)
        return made.id


@asynccontextmanager
async def netsuite(config: Mapping[str, Any] = QUICK) -> AsyncIterator[Account]:
    """A fresh simulator, seeded."""
    simulators = await start("127.0.0.1", 0, config)
    try:
        async with aiohttp.ClientSession() as http:
            account = Account(simulators, http)
            await account.seed()
            yield account
    finally:
        await simulators.close()
